//! A real PostgreSQL server. Debian package: `postgresql`.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use std::path::{Path, PathBuf};

use sqlx::{
    Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::server::{Home, Process, on_a_free_port, program, run, until_ready};

/// The password of the role `postgres`.
pub const PASSWORD: &str = "p&ss/w:rd";

/// A PostgreSQL server with a database `postgres`, listening on 127.0.0.1 and a socket.
///
/// Its own time zone is Europe/Paris, to find out who relies on it. TCP logins need the password.
pub struct Postgres {
    home: Home,
    port: u16,
    options: Vec<String>,
    process: Option<Process>,
}

impl Postgres {
    /// Starts a server with further `name=value` settings.
    pub async fn start(options: &[&str]) -> Self {
        let home = Home::new(&["postgres"]);
        Self::start_in(home, options).await
    }

    /// Starts a server in a folder that already holds what its settings name.
    pub async fn start_in(home: Home, options: &[&str]) -> Self {
        let password = home.write("password", PASSWORD);
        run(home
            .command(&binary("initdb"))
            .arg("--pgdata")
            .arg(home.path().join("data"))
            .args(["--username=postgres", "--encoding=UTF8", "--locale=C"])
            .args([
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--no-sync",
            ])
            .arg("--pwfile")
            .arg(password));
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
    }

    async fn launch(&self, port: u16) -> Option<Process> {
        let mut command = self.home.command(&binary("postgres"));
        command.arg("-D").arg(self.home.path().join("data"));
        let socket = format!("unix_socket_directories={}", self.home.path().display());
        let port_option = format!("port={port}");
        let fixed = [
            "listen_addresses=127.0.0.1",
            "timezone=Europe/Paris",
            "fsync=off",
            "shared_buffers=16MB",
            "max_connections=20",
            "log_min_messages=warning",
            socket.as_str(),
            port_option.as_str(),
        ];
        for option in fixed
            .into_iter()
            .chain(self.options.iter().map(String::as_str))
        {
            command.arg("-c").arg(option);
        }
        let log = self.log();
        let mut process = Process::start(command, &log);
        let options = self.socket_options(port);
        until_ready(
            &mut process,
            &log,
            async || match PgConnection::connect_with(&options).await {
                Ok(mut connection) => connection.ping().await.is_ok(),
                Err(_) => false,
            },
        )
        .await?;
        Some(process)
    }

    /// Stops the server at once, as a crash would.
    pub fn stop(&mut self) {
        run(self
            .home
            .command(&binary("pg_ctl"))
            .args(["stop", "--mode=immediate", "--wait", "--pgdata"])
            .arg(self.home.path().join("data")));
        if let Some(mut process) = self.process.take() {
            process.wait();
        }
    }

    /// Starts the stopped server again, on the same port and data.
    pub async fn start_again(&mut self) {
        let process = self
            .launch(self.port)
            .await
            .expect("nobody took the port meanwhile");
        self.process = Some(process);
    }

    /// Its address for the role `postgres`, with what follows the `?`.
    pub fn url(&self, parameters: &str) -> String {
        self.url_of("postgres", PASSWORD, parameters)
    }

    /// Its address for a role.
    pub fn url_of(&self, role: &str, password: &str, parameters: &str) -> String {
        let mut url = url::Url::parse("postgres://localhost/postgres").expect("an address");
        url.set_username(role).expect("a role");
        url.set_password(Some(password)).expect("a password");
        url.set_port(Some(self.port)).expect("a port");
        url.set_query((!parameters.is_empty()).then_some(parameters));
        url.to_string()
    }

    /// The folder of its socket, its data and its log.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// What the server wrote to its log.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(self.log()).expect("the server's log")
    }

    /// Runs statements as the role `postgres`.
    pub async fn execute(&self, statements: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// A session of the role `postgres`, over the socket.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.socket_options(self.port))
            .await
            .expect("a connection over the socket")
    }

    fn socket_options(&self, port: u16) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.home.path())
            .port(port)
            .username("postgres")
            .database("postgres")
            .ssl_mode(PgSslMode::Disable)
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("log")
    }
}

/// A PostgreSQL program: Debian keeps the server's out of the path, one folder per version.
fn binary(name: &str) -> PathBuf {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    // The newest first: versions are whole numbers of two digits.
    folders.sort();
    folders.reverse();
    program(name, &folders, "postgresql")
}
