//! What an operator can write as an address, and what is said of it.

use super::*;

fn refusal(address: &str) -> String {
    let message = validate(address).expect_err(address);
    for secret in ["hunter2", "Hunter2", "ada", "tenant1", "1234"] {
        assert!(!message.contains(secret), "{address}: {message}");
    }
    message
}

#[test]
fn addresses_that_drivers_understand_are_accepted() {
    for (address, dialect) in [
        ("postgres://ada:hunter2@db/app", Dialect::Postgres),
        (
            "postgresql://ada@[::1]:5433/app?sslmode=require",
            Dialect::Postgres,
        ),
        (
            "postgres://ada:p%2Fss%40@db/app?options[search_path]=tenant1",
            Dialect::Postgres,
        ),
        (
            "postgres:///app?host=/run/postgresql&user=ada",
            Dialect::Postgres,
        ),
        ("postgres://ada@%2Frun%2Fpostgresql/app", Dialect::Postgres),
        (
            "mysql://ada:hunter2@db/app?ssl-mode=required&charset=utf8mb4",
            Dialect::Mysql,
        ),
        (
            "mariadb://ada@db:3307/app?socket=/run/mysqld/mysqld.sock",
            Dialect::Mysql,
        ),
        ("sqlite:///srv/app.db?mode=ro", Dialect::Sqlite),
        ("sqlite:app.db?immutable=true", Dialect::Sqlite),
    ] {
        assert_eq!(validate(address), Ok(dialect), "{address}");
    }
}

#[test]
fn a_password_with_special_characters_is_told_how_to_be_written() {
    for address in [
        "postgres://ada:/Hunter2@127.0.0.1:5432/app",
        "postgres://ada:1234/Hunter2@db/app",
        "postgres://ada:hunter2?x@db/app",
        "postgres://ada:hunter2#x@db/app",
        "mysql://ada:x/hunter2@db/app",
        "mysql://ada:hunter2#",
        "postgres://ada:hunter2",
        "mysql://ada:hun ter2@d b/app",
    ] {
        assert!(refusal(address).contains("percent-encoded"), "{address}");
    }
    for address in [
        "hunter2",
        "ada:hunter2@db",
        "//ada:hunter2@db",
        "http://ada:hunter2@db",
    ] {
        assert!(refusal(address).contains("postgres://"), "{address}");
    }
    assert!(refusal("postgres:ada:hunter2@db").contains("//"));
}

#[test]
fn a_parameter_that_would_do_nothing_is_refused() {
    for (address, advice) in [
        ("postgres://db/app?schema=tenant1", "options[search_path]"),
        (
            "postgres://db/app?currentSchema=tenant1",
            "options[search_path]",
        ),
        (
            "postgres://db/app?search_path=tenant1",
            "options[search_path]",
        ),
        ("postgres://db/app?ssl=true", "sslmode=require"),
        (
            "postgres://db/app?sslmod=require",
            "did you mean `sslmode`?",
        ),
        ("postgres://db/app?hunter2", "known: sslmode"),
        ("postgres://db/app?options[]=x", "did you mean `options`?"),
        ("postgres://db/app?sslmode=sometimes", "disable, allow"),
        ("postgres://db/app?port=hunter2", "not a port"),
        ("postgres://db/app?hostaddr=db", "not an IP"),
        ("postgres://db/app?connect_timeout=5", "`timeout`"),
        ("postgres://db/app?sslmode=require&sslmode=disable", "twice"),
        ("mysql://db/app?ssl=true", "ssl-mode=REQUIRED"),
        ("mysql://db/app?tls=true", "ssl-mode=REQUIRED"),
        ("mysql://db/app?useSSL=true", "ssl-mode=REQUIRED"),
        ("mysql://db/app?schema=tenant1", "path of the address"),
        ("mysql://db/app?timezone=Europe/Paris", "UTC"),
        (
            "mysql://db/app?ssl_mode=REQUIRED",
            "did you mean `ssl-mode`?",
        ),
        ("mysql://db/app?charset=utf8;hunter2", "not a name"),
        ("mysql://db/app?ssl-mode=sometimes", "DISABLED, PREFERRED"),
        ("sqlite://app.db?mode=rwc", "only be ro"),
        ("sqlite://app.db?mdoe=ro", "did you mean `mode`?"),
        ("sqlite://app.db?cypher=hunter2", "known: mode"),
        ("sqlite://app.db?schema=tenant1", "known: mode"),
        ("sqlite://", "path of a file"),
        ("sqlite::memory:", "path of a file"),
    ] {
        let message = refusal(address);
        assert!(message.contains(advice), "{address}: {message}");
    }
    for address in [
        "postgres://ada:hunter2@a,b/app",
        "postgres://ada:hunter2@a:1,b:2/app",
        "postgres:///app?host=a,b",
        "mysql://ada:hunter2@a,b/app",
    ] {
        assert!(refusal(address).contains("several hosts"), "{address}");
    }
}

#[test]
fn a_relative_file_counts_from_the_folder() {
    let at = |address| resolved(address, Path::new("/etc/contact rate"));
    assert_eq!(at("sqlite://app.db"), "sqlite:///etc/contact%20rate/app.db");
    assert_eq!(
        at("sqlite:../a%20b.db?mode=ro"),
        "sqlite:///etc/contact%20rate/../a%20b.db?mode=ro"
    );
    assert_eq!(at("sqlite:///srv/app.db"), "sqlite:///srv/app.db");
    assert_eq!(at("postgres://db/app"), "postgres://db/app");
    assert_eq!(
        at("postgres://a:b%2Fc@db/app?sslmode=require&sslrootcert=root.crt"),
        "postgres://a:b%2Fc@db/app?sslmode=require&sslrootcert=%2Fetc%2Fcontact+rate%2Froot.crt"
    );
    assert_eq!(
        at("mysql://db/app?ssl-ca=/etc/ca.pem&socket=run/s"),
        "mysql://db/app?ssl-ca=%2Fetc%2Fca.pem&socket=%2Fetc%2Fcontact+rate%2Frun%2Fs"
    );
    assert_eq!(
        resolved("sqlite://app.db", Path::new("")),
        "sqlite://app.db"
    );
    assert_eq!(
        resolved("sqlite:app.db", Path::new("conf")),
        "sqlite://conf/app.db"
    );
}
