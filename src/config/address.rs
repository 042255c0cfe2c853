//! Addresses of databases: which are understood, and what is said of those that are not.
//!
//! An address holds a password, and one that is broken may hold it anywhere. So nothing of an
//! address is ever shown but its scheme, and of its parameters only names that are known.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use super::{Dialect, decode::suggestion};

/// What an address must be, for an error.
const EXPECTED: &str = "expected an address that starts with postgres://, mysql:// or sqlite://";

/// What the path of an SQLite address must have percent-encoded.
const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'?').add(b'#').add(b'%');

/// Parameters that PostgreSQL's driver heeds.
const POSTGRES: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Parameters that the driver of MySQL and MariaDB heeds.
const MYSQL: [&str; 11] = [
    "ssl-mode",
    "sslmode",
    "ssl-ca",
    "sslca",
    "ssl-cert",
    "sslcert",
    "ssl-key",
    "sslkey",
    "socket",
    "charset",
    "collation",
];

/// Parameters that name a file.
const FILES: [&str; 9] = [
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "socket",
];

/// Parameters of an SQLite file.
const SQLITE: [&str; 3] = ["mode", "immutable", "vfs"];

/// Which database an address asks for, or why it cannot be used. The words hold no part of it that
/// could be a secret.
pub fn validate(address: &str) -> Result<Dialect, String> {
    let (scheme, rest) = address.split_once(':').ok_or(EXPECTED)?;
    let dialect = match scheme {
        "postgres" | "postgresql" => Dialect::Postgres,
        "mysql" | "mariadb" => Dialect::Mysql,
        "sqlite" => Dialect::Sqlite,
        _ => return Err(EXPECTED.to_owned()),
    };
    if dialect == Dialect::Sqlite {
        sqlite(rest)?;
        return Ok(dialect);
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return Err(format!("expected // after {scheme}:"));
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority_end);
    // Whoever writes `user:pa/ss@host` gets a host `user` and a password in the path.
    if tail.contains(['@', '#']) || authority.contains('\\') {
        return Err(format!(
            "the {scheme}:// address is not understood: in the user name, the password and the parameters, special characters must be percent-encoded (/ is %2F, @ is %40, : is %3A, # is %23, ? is %3F, % is %25)"
        ));
    }
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if host.contains(',') {
        return Err(several_hosts(scheme));
    }
    let Ok(url) = Url::parse(address) else {
        return Err(format!(
            "the {scheme}:// address is not understood: expected {scheme}://user:password@host:port/database, with special characters in user name and password percent-encoded"
        ));
    };
    let mut seen = Vec::new();
    for (name, value) in url.query_pairs() {
        parameter(dialect, &name, &value)?;
        if seen.contains(&name) {
            return Err(format!("the address has the parameter {name} twice"));
        }
        seen.push(name);
    }
    Ok(dialect)
}

/// `address` with relative paths counted from `folder`: that of an SQLite file, and those of
/// certificates and keys among the parameters.
pub fn resolved(address: &str, folder: &Path) -> String {
    let Some(rest) = address.strip_prefix("sqlite:") else {
        return with_files_in(address, folder);
    };
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let path = rest.split('?').next().unwrap_or_default();
    if path == ":memory:" || path.starts_with('/') || folder.as_os_str().is_empty() {
        return address.to_owned();
    }
    let folder = folder.to_string_lossy();
    let folder = utf8_percent_encode(folder.trim_end_matches('/'), PATH);
    format!("sqlite://{folder}/{rest}")
}

/// The files of certificates and keys that a resolved `address` names.
pub fn certificates(address: &str) -> Vec<PathBuf> {
    let Ok(url) = Url::parse(address) else {
        return Vec::new();
    };
    url.query_pairs()
        .filter(|(name, value)| name != "socket" && is_path(name, value))
        .map(|(_, value)| PathBuf::from(&*value))
        .collect()
}

/// Whether a parameter names a file. The drivers take the text of a certificate in place of its path.
fn is_path(name: &str, value: &str) -> bool {
    FILES.contains(&name) && !value.is_empty() && !value.contains("-----BEGIN")
}

fn with_files_in(address: &str, folder: &Path) -> String {
    let Ok(mut url) = Url::parse(address) else {
        return address.to_owned();
    };
    if url.query().is_none() {
        return address.to_owned();
    }
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| {
            let value = if is_path(&name, &value) {
                folder.join(&*value).to_string_lossy().into_owned()
            } else {
                value.into_owned()
            };
            (name.into_owned(), value)
        })
        .collect();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url.into()
}

fn sqlite(rest: &str) -> Result<(), String> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() || path == ":memory:" {
        return Err("expected the path of a file, as in sqlite:///srv/app/app.db".to_owned());
    }
    for (name, value) in url::form_urlencoded::parse(parameters.as_bytes()) {
        parameter(Dialect::Sqlite, &name, &value)?;
    }
    Ok(())
}

fn several_hosts(scheme: &str) -> String {
    format!(
        "the {scheme}:// address names several hosts, which is not supported: name one, such as a proxy in front of them"
    )
}

/// Refuses what has no effect, and what cannot be meant.
fn parameter(dialect: Dialect, name: &str, value: &str) -> Result<(), String> {
    let known: &[&str] = match dialect {
        Dialect::Postgres => &POSTGRES,
        Dialect::Mysql => &MYSQL,
        Dialect::Sqlite => &SQLITE,
    };
    let setting = name
        .strip_prefix("options[")
        .and_then(|setting| setting.strip_suffix(']'));
    if dialect == Dialect::Postgres && setting.is_some_and(|setting| !setting.is_empty()) {
        return Ok(());
    }
    if !known.contains(&name) {
        return Err(unknown(dialect, name, known));
    }
    let among = |choices: &[&str], ignore_case: bool| {
        let fits = choices
            .iter()
            .any(|choice| *choice == value || (ignore_case && choice.eq_ignore_ascii_case(value)));
        if fits {
            Ok(())
        } else {
            Err(format!(
                "the parameter {name} of the address is none of {}",
                choices.join(", ")
            ))
        }
    };
    match (dialect, name) {
        (Dialect::Postgres, "sslmode" | "ssl-mode") => among(
            &[
                "disable",
                "allow",
                "prefer",
                "require",
                "verify-ca",
                "verify-full",
            ],
            true,
        ),
        (Dialect::Mysql, "sslmode" | "ssl-mode") => among(
            &[
                "DISABLED",
                "PREFERRED",
                "REQUIRED",
                "VERIFY_CA",
                "VERIFY_IDENTITY",
            ],
            true,
        ),
        // Both are put into a statement by the driver.
        (Dialect::Mysql, "charset" | "collation")
            if value.is_empty()
                || !value
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_') =>
        {
            Err(format!("the parameter {name} of the address is not a name"))
        }
        (Dialect::Postgres, "host" | "hostaddr" | "port") if value.contains(',') => {
            Err(several_hosts("postgres"))
        }
        (Dialect::Postgres, "port") if value.parse::<u16>().is_err() => {
            Err("the parameter port of the address is not a port".to_owned())
        }
        (Dialect::Postgres, "hostaddr") if value.parse::<std::net::IpAddr>().is_err() => {
            Err("the parameter hostaddr of the address is not an IP address".to_owned())
        }
        (Dialect::Sqlite, "mode") if value != "ro" => Err(
            "the parameter mode of the address can only be ro: the file is always opened read-only"
                .to_owned(),
        ),
        (Dialect::Sqlite, "immutable") => among(&["true", "1", "false", "0"], false),
        _ => Ok(()),
    }
}

/// What to write instead of a parameter that the driver would not heed.
fn unknown(dialect: Dialect, name: &str, known: &[&str]) -> String {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let advice = match (dialect, plain.as_str()) {
        (Dialect::Postgres, "schema" | "currentschema" | "searchpath") => {
            "write options[search_path]=… instead"
        }
        (Dialect::Postgres, "ssl" | "tls" | "usessl" | "requiressl") => {
            "write sslmode=require, or sslmode=verify-full with sslrootcert=…, instead"
        }
        (Dialect::Mysql, "ssl" | "tls" | "usessl" | "requiressl" | "sslverify" | "skipverify") => {
            "write ssl-mode=REQUIRED, or ssl-mode=VERIFY_IDENTITY with ssl-ca=…, instead"
        }
        (Dialect::Mysql, "schema" | "currentschema" | "searchpath" | "database" | "dbname") => {
            "the database is the path of the address, as in mysql://host/database"
        }
        (Dialect::Mysql, "timezone" | "servertimezone" | "connectiontimezone" | "loc") => {
            "leave it out: the session is in UTC"
        }
        (_, "connecttimeout" | "timeout" | "statementtimeout" | "readtimeout" | "busytimeout") => {
            "leave it out: `timeout` of the config bounds connecting and each statement"
        }
        (Dialect::Postgres, "targetsessionattrs" | "loadbalancehosts") => {
            "leave it out: one host is asked, and nothing is written"
        }
        (Dialect::Sqlite, "cache" | "journalmode") => "leave it out: it has no effect here",
        _ => "",
    };
    if !advice.is_empty() {
        return format!(
            "the parameter {} of the address is not known; {advice}",
            shown(&plain)
        );
    }
    let near = suggestion(name, known);
    if near.is_empty() {
        // Its name is not shown: who knows what it is a part of.
        format!(
            "the address has a parameter that is not known and would do nothing; known: {}",
            known.join(", ")
        )
    } else {
        format!("the address has a parameter that is not known and would do nothing{near}")
    }
}

/// A parameter that has advice, as it is mostly written.
fn shown(plain: &str) -> &str {
    match plain {
        "currentschema" => "currentSchema",
        "searchpath" => "search_path",
        "usessl" => "useSSL",
        other => other,
    }
}

#[cfg(test)]
mod tests;
