//! One story for all that rests on a simulated help desk and its database: the incident, told on a
//! Wednesday afternoon, some way into a minute.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use contact_rate_exporter::demo::{
    database,
    story::{DEFAULT_SEED, Scenario, Story},
};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// The story that everything is read from.
pub static STORY: LazyLock<Arc<Story>> =
    LazyLock::new(|| Arc::new(Story::new(Scenario::Incident, DEFAULT_SEED, now())));

/// When the story is told: it goes back three years from here.
pub fn now() -> Timestamp {
    "2026-03-11T14:37:20Z".parse().unwrap()
}

/// Days of 24 hours.
pub fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// The story's database, written once for all tests of a program.
pub async fn database() -> &'static Path {
    static DATABASE: OnceCell<(TempDir, PathBuf)> = OnceCell::const_new();
    let (_, path) = DATABASE
        .get_or_init(async || {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("story.sqlite");
            database::create(&path, &STORY).await.unwrap();
            (folder, path)
        })
        .await;
    path
}
