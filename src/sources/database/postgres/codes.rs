//! What PostgreSQL, and a pooler before it, says by codes.

use sqlx::postgres::{PgDatabaseError, PgErrorPosition};

use crate::{
    domain::Reason,
    sources::database::{
        SqlError,
        error::{Meaning, Refusal},
    },
};

/// What may be told of an error.
pub(super) fn told(error: sqlx::Error) -> SqlError {
    match &error {
        sqlx::Error::Database(database) => match database.try_downcast_ref::<PgDatabaseError>() {
            Some(error) => refused(error),
            None => SqlError::Protocol,
        },
        _ => SqlError::of_driver(error),
    }
}

/// What may be told of an error while the session is opened. Poolers give one code, 08P01, to all:
/// what they mean is told by their words, which are not kept.
pub(super) fn told_at_login(error: sqlx::Error) -> SqlError {
    let pooler = match &error {
        sqlx::Error::Database(database) if database.code().as_deref() == Some("08P01") => {
            Some(pooler(&database.message().to_ascii_lowercase()))
        }
        _ => None,
    };
    match (told(error), pooler) {
        (SqlError::Refused(refusal), Some((reason, meaning))) => SqlError::Refused(Refusal {
            reason,
            meaning: Some(meaning),
            ..refusal
        }),
        (error, _) => error,
    }
}

/// Source: the messages of PgBouncer, Odyssey and pgcat; lower case.
fn pooler(message: &str) -> (Reason, &'static str) {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["startup parameter", "startup_parameter"]) {
        (
            Reason::Connect,
            "the pooler does not take a start-up parameter: see its ignore_startup_parameters",
        )
    } else if says(&[
        "too many",
        "no more connections",
        "max_client_conn",
        "limit",
    ]) {
        (Reason::Connect, "the pooler has no connection left")
    } else if says(&[
        "timeout",
        "timed out",
        "cannot connect",
        "server conn",
        "server_login_retry",
        "is paused",
        "is disabled",
        "shut",
    ]) {
        (Reason::Connect, "the pooler does not reach its server")
    } else if says(&[
        "auth",
        "password",
        "login",
        "sasl",
        "scram",
        "no such user",
        "no such database",
        "does not exist",
        "not allowed",
        "permission",
        "role",
        "user",
        "database",
        "ssl",
    ]) {
        (
            Reason::Auth,
            "the pooler refused the login: see the user, the password and the database's name",
        )
    } else {
        (Reason::Connect, "the connection failed")
    }
}

/// What PostgreSQL said, without its words.
fn refused(error: &PgDatabaseError) -> SqlError {
    let code = error.code();
    // The routine is a name in PostgreSQL's source, the same in every language.
    let (reason, meaning) = match (code, error.routine()) {
        ("42501", Some("check_enable_rls")) => (Reason::Forbidden, Some(HIDDEN_ROWS)),
        _ => meaning(code),
    };
    SqlError::Refused(Refusal {
        reason,
        code: format!("SQLSTATE {code}"),
        position: error.position().and_then(|position| match position {
            PgErrorPosition::Original(position) => Some(position),
            PgErrorPosition::Internal { .. } => None,
        }),
        meaning,
        is_conflict: matches!(code, "40001" | "40P01"),
    })
}

/// What a policy of row-level security would do to a count.
const HIDDEN_ROWS: &str = "row-level security would hide rows of a table from this role, and the \
    count would silently be smaller: give it a role that sees all (ALTER ROLE … BYPASSRLS), or let \
    it read a view whose owner may (a view without security_invoker)";

/// Source: PostgreSQL documentation, appendix A, "PostgreSQL Error Codes".
fn meaning(code: &str) -> Meaning {
    let (reason, meaning) = match code {
        "28P01" => (
            Reason::Auth,
            "the password is wrong, or there is no such role",
        ),
        "57014" => (
            Reason::Timeout,
            "the statement ran out of time: is there an index on the columns of its WHERE?",
        ),
        "25P04" => (Reason::Timeout, "the transaction ran out of time"),
        "55P03" => (Reason::Timeout, "a lock was not given in time"),
        "42501" => (
            Reason::Forbidden,
            "the role may not read this: GRANT SELECT on its tables",
        ),
        "3D000" => (Reason::Connect, "there is no such database"),
        "53300" => (
            Reason::Connect,
            "the server has no connection left for this role",
        ),
        "57P01" | "57P02" => (Reason::Connect, "the server is stopping"),
        "57P03" => (Reason::Connect, "the server is starting or stopping"),
        "25P03" | "57P05" => (
            Reason::Connect,
            "the server ended the session because it was idle",
        ),
        "40001" | "40P01" => (
            Reason::Query,
            "it was in conflict with others, twice: on a standby see max_standby_streaming_delay and hot_standby_feedback",
        ),
        "25006" => (
            Reason::Query,
            "the query wants to write, and the session is read-only",
        ),
        "42601" => (Reason::Query, "the syntax is wrong"),
        "42703" => (Reason::Query, "there is no such column"),
        "42883" => (
            Reason::Query,
            "there is no such function or operator for these types: :start and :end are instants, :start_unix and :end_unix are numbers, :start_iso and :end_iso are texts",
        ),
        "42P01" => (Reason::Query, "there is no such table"),
        "3F000" => (Reason::Query, "there is no such schema"),
        _ => {
            return match code.get(..2) {
                Some("28") => (
                    Reason::Auth,
                    Some("the login was refused: see pg_hba.conf and the role"),
                ),
                Some("08") => (Reason::Connect, Some("the connection failed")),
                _ => (Reason::Query, None),
            };
        }
    };
    (reason, Some(meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pooler_tells_by_words_what_its_code_does_not() {
        for (message, reason) in [
            ("password authentication failed", Reason::Auth),
            ("SASL authentication failed", Reason::Auth),
            ("no such database: app", Reason::Auth),
            ("no such user: ada", Reason::Auth),
            ("no such user", Reason::Auth),
            ("login failed", Reason::Auth),
            ("database \"app\" does not exist", Reason::Auth),
            ("unsupported startup parameter: options", Reason::Connect),
            (
                "no more connections allowed (max_client_conn)",
                Reason::Connect,
            ),
            ("query_wait_timeout", Reason::Connect),
            ("pgbouncer cannot connect to server", Reason::Connect),
            (
                "server login has been failing, try again later (server_login_retry)",
                Reason::Connect,
            ),
            ("database app is disabled", Reason::Connect),
            ("invalid packet header", Reason::Connect),
        ] {
            assert_eq!(pooler(&message.to_ascii_lowercase()).0, reason, "{message}");
        }
    }
}
