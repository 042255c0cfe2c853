//! An app secret that is replaced in its file while everything runs.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use tempfile::TempDir;

use super::*;

/// A desk that knows one secret at a time, and a client that reads it from a file.
struct Rotating {
    folder: TempDir,
    known: Arc<Mutex<String>>,
    upstream: Upstream,
    help_scout: HelpScout,
}

impl Rotating {
    /// The desk knows `known`, the file holds `written`; a token lives for `life` seconds.
    async fn new(known: &str, written: &str, life: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, format!("{written}\n")).unwrap();
        let known = Arc::new(Mutex::new(known.to_owned()));
        let expected = Arc::clone(&known);
        let upstream = Upstream::start(move |asked| {
            let secret = format!("client_secret={}", expected.lock().unwrap());
            if asked.path != TOKEN {
                good(asked)
            } else if asked.body.split('&').any(|field| field == secret) {
                let token = format!(
                    r#"{{"access_token":"granted","token_type":"bearer","expires_in":{life}}}"#
                );
                Reply::json(200, token)
            } else {
                Reply::json(401, r#"{"error":"invalid_client"}"#)
            }
        })
        .await;
        let mut config = config(&upstream.url, Duration::from_secs(30));
        config.helpscout_mut().unwrap().app_secret =
            Secret::from_file(&path, "helpscout.app_secret_file").unwrap();
        let help_scout = HelpScout::new(
            &config,
            config.helpscout().unwrap(),
            Telemetry::new().unwrap(),
        )
        .unwrap();
        Self {
            folder,
            known,
            upstream,
            help_scout,
        }
    }

    /// Replaces the file as Kubernetes does, with another that takes its name.
    fn write(&self, secret: &str) {
        let next = self.folder.path().join("next");
        fs::write(&next, secret).unwrap();
        fs::rename(next, self.file()).unwrap();
    }

    fn file(&self) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("secret")
    }

    async fn ask(&self) -> Result<(), Error> {
        let reader = self
            .help_scout
            .until(tokio::time::Instant::now() + Duration::from_mins(1));
        let all = reader.filter(&Segment::all()).await?;
        reader.contacts_alone(&all, window()).await.map(drop)
    }

    fn tokens_asked(&self) -> usize {
        let asked = self.upstream.asked();
        asked.iter().filter(|asked| asked.path == TOKEN).count()
    }
}

#[tokio::test]
async fn a_secret_that_was_put_right_does_not_wait_for_the_back_off() {
    let desk = Rotating::new("second", "first", 172_800).await;
    for _ in 0..2 {
        let error = desk.ask().await.unwrap_err();
        assert_eq!(error.reason(), Reason::Auth);
    }
    assert_eq!(desk.tokens_asked(), 1, "the same secret is not tried again");
    desk.write("second");
    desk.ask().await.unwrap();
    assert_eq!(desk.tokens_asked(), 2);
}

#[tokio::test]
async fn the_next_token_is_asked_for_with_the_secret_of_now() {
    // A token of no life is renewed at each call.
    let desk = Rotating::new("first", "first", 0).await;
    desk.ask().await.unwrap();
    desk.write("second");
    *desk.known.lock().unwrap() = "second".to_owned();
    desk.ask().await.unwrap();
    // While the file is gone the last secret goes on.
    fs::remove_file(desk.file()).unwrap();
    desk.ask().await.unwrap();
}
