//! TLS to a real PostgreSQL.

use std::time::Duration;

use contact_rate_exporter::{config::Dialect, domain::Reason};

use crate::common::{
    certificates::Certificates,
    populations::{of_database, read, refused},
    postgres::Postgres,
    server::Home,
};

const TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn tls_is_checked_where_the_address_asks_for_it() {
    let home = Home::new(&["postgres"]);
    let certificates = Certificates::make(&home);
    let certificate = format!("ssl_cert_file={}", certificates.certificate.display());
    let key = format!("ssl_key_file={}", certificates.key.display());
    let server = Postgres::start_in(home, &["ssl=on", &certificate, &key]).await;

    let encrypted = "SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let with = |parameters: &str, url: &str| {
        let url = format!("{url}?{parameters}");
        of_database(Dialect::Postgres, &url, TIMEOUT, &[encrypted])
    };
    let ours = certificates.authority.display();
    let strangers = certificates.stranger.display();
    let url = server.url("");
    let by_address = url.replace("localhost", "127.0.0.1");

    for parameters in [
        "sslmode=prefer".to_owned(),
        "sslmode=require".to_owned(),
        format!("sslmode=verify-ca&sslrootcert={ours}"),
        format!("sslmode=verify-full&sslrootcert={ours}"),
    ] {
        for url in [&url, &by_address] {
            let value = read(&with(&parameters, url), 0).await;
            assert_eq!(value.unwrap(), 1.0, "{parameters}");
        }
    }
    assert_eq!(read(&with("sslmode=disable", &url), 0).await.unwrap(), 0.0);

    for parameters in [
        // Signed by somebody else.
        format!("sslmode=verify-full&sslrootcert={strangers}"),
        format!("sslmode=verify-ca&sslrootcert={strangers}"),
        // As in libpq, a root certificate makes `require` check it.
        format!("sslmode=require&sslrootcert={strangers}"),
        // The system does not know our authority.
        "sslmode=verify-full".to_owned(),
        "sslmode=verify-full&sslrootcert=/nowhere.pem".to_owned(),
    ] {
        refused(&with(&parameters, &url), 0, Reason::Connect).await;
    }
    // Whatever reads a pipe waits for somebody to write to it.
    let pipe = server.folder().join("pipe.pem");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let parameters = format!("sslmode=verify-full&sslrootcert={}", pipe.display());
    let text = refused(&with(&parameters, &url), 0, Reason::Connect).await;
    assert!(text.contains("a pipe"), "{text}");
    // A name that the certificate does not hold.
    let elsewhere = by_address.replace("127.0.0.1", "127.0.0.2");
    refused(
        &with(
            &format!("sslmode=verify-full&sslrootcert={ours}"),
            &elsewhere,
        ),
        0,
        Reason::Connect,
    )
    .await;
}
