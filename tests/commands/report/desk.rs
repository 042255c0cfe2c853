//! A config, a database and a help desk, and the program that reports on them.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::common::upstream::{Asked, Reply};

pub(crate) const TOKEN: &str = "/v2/oauth2/token";
pub(crate) const PRODUCTIVITY: &str = "/v2/reports/productivity";
pub(crate) const NEW: &str = "/v2/reports/conversations/new";

pub(crate) fn fixture(name: &str) -> Reply {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/help-scout");
    Reply::json(200, fs::read(folder.join(name)).unwrap())
}

/// The two months that were recorded, and nothing at any other time.
pub(crate) fn recorded(asked: &Asked) -> Reply {
    let recording = match asked.path.as_str() {
        TOKEN => "oauth2-token.json",
        PRODUCTIVITY if asked.query.contains("start=2017-11-01T00:00:00Z") => {
            "productivity-2017-11.json"
        }
        PRODUCTIVITY if asked.query.contains("start=2017-12-01T00:00:00Z") => {
            "productivity-2017-12.json"
        }
        PRODUCTIVITY => "productivity-no-data.json",
        // No days were recorded with these months: none is left out of the sum, so it is 0.
        NEW => return Reply::json(200, r#"{"current":[]}"#),
        _ => "error-404.json",
    };
    fixture(recording)
}

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// What a good run printed.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// What a run that ended with `code` complained of.
    pub(crate) fn bad(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        self.stderr
    }
}

/// A folder with a config and a database.
pub(crate) struct Desk {
    folder: TempDir,
}

impl Desk {
    /// With `populations` as the config has them, and a database made by `statements`.
    pub(crate) async fn new(help_scout: &str, populations: &str, statements: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let desk = Self { folder };
        let mut database = SqliteConnectOptions::new()
            .filename(desk.database())
            .create_if_missing(true)
            .connect()
            .await
            .unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
            .execute(&mut database)
            .await
            .unwrap();
        database.close().await.unwrap();
        let config = format!(
            "\
helpscout:
  app_id: demo
  app_secret: demo
  base_url: {help_scout}
  requests_per_minute: 5000
segments:
  - name: usagers
    mailboxes: [Usagers]
  - name: telephone
    channels: [phone]
databases:
  app:
    url: sqlite://{}
{populations}",
            desk.database().display()
        );
        fs::write(desk.path("contact-rate.yml"), config).unwrap();
        desk
    }

    /// With the two months that were recorded, and the dossiers of a page of statistics.
    pub(crate) async fn recorded(help_scout: &str) -> Self {
        let mut statements = "CREATE TABLE dossiers (depose_at TEXT NOT NULL);".to_owned();
        for (month, dossiers) in [("2017-10", 1500), ("2017-11", 2000), ("2017-12", 2400)] {
            write!(
                statements,
                "WITH RECURSIVE dossier (number) AS
                    (SELECT 0 UNION ALL SELECT number + 1 FROM dossier WHERE number < {dossiers} - 1)
                 INSERT INTO dossiers
                    SELECT datetime('{month}-01', (number * 1000) || ' seconds') FROM dossier;"
            )
            .unwrap();
        }
        Self::new(help_scout, DOSSIERS, &statements).await
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path("app.sqlite")
    }

    /// Runs `report` with `arguments`.
    pub(crate) async fn report(&self, arguments: &[&str]) -> Ran {
        self.run("report", arguments).await
    }

    /// Runs a command with `arguments`.
    pub(crate) async fn run(&self, command: &str, arguments: &[&str]) -> Ran {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_contact-rate-exporter"))
            .arg(command)
            .arg("--log.level=warn")
            .arg(format!(
                "--config.file={}",
                self.path("contact-rate.yml").display()
            ))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(crate) const DOSSIERS: &str = "\
populations:
  users:
    total:
      database: app
      query: SELECT count(*) FROM users WHERE created_at < :end
  dossiers:
    window:
      database: app
      query: SELECT count(*) FROM dossiers WHERE depose_at >= :start AND depose_at < :end
";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
