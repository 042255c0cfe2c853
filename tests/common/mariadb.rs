//! A real MariaDB server. Debian package: `mariadb-server`.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use std::path::{Path, PathBuf};

use sqlx::{
    Connection as _, MySqlConnection,
    mysql::{MySqlConnectOptions, MySqlSslMode},
};

use super::server::{Home, Process, on_a_free_port, program, run, until_ready};

const PACKAGE: &str = "mariadb-server";

/// The password of the user `reader`, who may read everything in the database `app`.
pub const PASSWORD: &str = "p&ss/w:rd";

/// A MariaDB server with a database `app`, listening on 127.0.0.1 and a socket.
///
/// Its own time zone is two hours ahead of UTC, to find out who relies on it.
pub struct MariaDb {
    home: Home,
    port: u16,
    options: Vec<String>,
    process: Option<Process>,
}

impl MariaDb {
    /// Starts a server in `home`, with further options.
    pub async fn start_in(home: Home, options: &[&str]) -> Self {
        run(home
            .command(&program("mariadb-install-db", &[], PACKAGE))
            .arg("--no-defaults")
            .arg(format!("--datadir={}", home.path().join("data").display()))
            // A server that starts clears its folder for temporary files, with those of others.
            .arg(format!("--tmpdir={}", home.path().display()))
            .args(["--auth-root-authentication-method=normal", "--skip-test-db"]));
        let mut server = Self {
            home,
            port: 0,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            process: None,
        };
        let (port, process) = on_a_free_port(async |port| {
            let process = server.launch(port).await?;
            Some((port, process))
        })
        .await;
        server.port = port;
        server.process = Some(process);
        server
            .execute(&format!(
                "CREATE DATABASE app; \
                 CREATE USER reader@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; \
                 GRANT ALL ON app.* TO reader@'127.0.0.1'"
            ))
            .await;
        server
    }

    async fn launch(&self, port: u16) -> Option<Process> {
        let path = |name: &str| self.home.path().join(name).display().to_string();
        let mut command = self.home.command(&program("mariadbd", &[], PACKAGE));
        command
            .arg("--no-defaults")
            .arg(format!("--datadir={}", path("data")))
            .arg(format!("--tmpdir={}", self.home.path().display()))
            .arg(format!("--socket={}", path("socket")))
            .arg(format!("--pid-file={}", path("pid")))
            .arg(format!("--port={port}"))
            .args(["--bind-address=127.0.0.1", "--skip-name-resolve"])
            .args([
                "--default-time-zone=+02:00",
                "--innodb-buffer-pool-size=16M",
            ])
            .args([
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-fast-shutdown=2",
            ])
            .args(&self.options);
        let log = self.home.path().join("log");
        let mut process = Process::start(command, &log);
        let options = self.socket_options();
        until_ready(
            &mut process,
            &log,
            async || match MySqlConnection::connect_with(&options).await {
                Ok(mut connection) => connection.ping().await.is_ok(),
                Err(_) => false,
            },
        )
        .await?;
        Some(process)
    }

    /// Kills the server.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts the stopped server again, on the same port and data.
    pub async fn start_again(&mut self) {
        let process = self
            .launch(self.port)
            .await
            .expect("nobody took the port meanwhile");
        self.process = Some(process);
    }

    /// Its address for the user `reader`, with what follows the `?`.
    pub fn url(&self, parameters: &str) -> String {
        self.url_of("reader", PASSWORD, parameters)
    }

    /// Its address for a user.
    pub fn url_of(&self, user: &str, password: &str, parameters: &str) -> String {
        let mut url = url::Url::parse("mysql://127.0.0.1/app").expect("an address");
        url.set_username(user).expect("a user");
        url.set_password(Some(password)).expect("a password");
        url.set_port(Some(self.port)).expect("a port");
        url.set_query((!parameters.is_empty()).then_some(parameters));
        url.to_string()
    }

    /// The folder of its socket, its data and its log.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// Runs statements as root.
    pub async fn execute(&self, statements: &str) {
        let mut connection = MySqlConnection::connect_with(&self.socket_options())
            .await
            .expect("a connection over the socket");
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{statements}: {error}"));
        connection.close().await.expect("a good-bye");
    }

    fn socket_options(&self) -> MySqlConnectOptions {
        let socket: PathBuf = self.home.path().join("socket");
        MySqlConnectOptions::new()
            .socket(socket)
            .username("root")
            .ssl_mode(MySqlSslMode::Disabled)
    }
}
