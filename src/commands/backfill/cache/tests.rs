use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

use super::*;

fn config(windows: &str, app_id: &str) -> Config {
    let text = format!(
        "windows: [{windows}]\nhelpscout: {{app_id: {app_id}, app_secret: s}}\nsegments: [{{name: bug, tags: [bug]}}]\n"
    );
    crate::config::parse(&text, Path::new("test.yml"), &|_| None).unwrap()
}

fn day(end: &str) -> Interval {
    Interval::ending_at(end.parse().unwrap(), DAY_SECONDS)
}

fn created(segment: usize, end: &str) -> Key {
    Key {
        kind: Kind::Created,
        subject: segment,
        interval: day(end),
    }
}

fn count(count: u64) -> Value {
    Value::Count(Some(count))
}

const JANUARY: &str = "2025-01-31T00:00:00Z";
const MARCH: &str = "2025-03-31T00:00:00Z";

#[tokio::test]
async fn answers_outlast_the_run_and_one_run_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = path(Some(&folder.path().join("cache")), Path::new("x"));
    let config = config("1d", "a");
    let cache = Cache::open(&path, &config).await.unwrap();
    let first = vec![
        (created(0, JANUARY), count(5)),
        (created(1, MARCH), Value::Count(None)),
    ];
    cache.keep(first).await.unwrap();
    for other in [
        Cache::open(&path, &config).await,
        Cache::look(&path, &config).await,
    ] {
        let error = other.err().unwrap();
        assert!(matches!(error, CacheError::InUse(_)), "{error}");
    }
    // As a kill leaves it: nobody has closed it.
    drop(cache);
    let cache = loop {
        match Cache::open(&path, &config).await {
            Ok(cache) => break cache,
            Err(CacheError::InUse(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    let read = cache.count(Kind::Created, 0, day(JANUARY)).await.unwrap();
    assert_eq!(read, Some(Some(5)));
    let unknown = cache.count(Kind::Created, 1, day(MARCH)).await.unwrap();
    assert_eq!(unknown, Some(None), "not told, and not asked again");
    let other = cache.count(Kind::Created, 1, day(JANUARY)).await.unwrap();
    assert_eq!(other, None);
    cache.close().await;
    let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing beside it: {names:?}");
    let cache = Cache::look(&path, &config).await.unwrap();
    assert!(
        cache
            .has_all(&[created(0, JANUARY), created(1, MARCH)])
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn memory_holds_only_what_is_looked_back_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.om.cache");
    let cache = Cache::open(&path, &config("1d", "a")).await.unwrap();
    for end in [JANUARY, MARCH] {
        assert!(!cache.has_all(&[created(0, end)]).await.unwrap());
        cache.keep(vec![(created(0, end), count(1))]).await.unwrap();
    }
    let held = async || cache.state.lock().await.spans.len();
    assert_eq!(held().await, 2);
    cache.forget_before(MARCH.parse().unwrap()).await;
    assert_eq!(held().await, 1);
    assert!(
        cache.has_all(&[created(0, JANUARY)]).await.unwrap(),
        "read again"
    );
    assert_eq!(held().await, 2);
}

#[tokio::test]
async fn answers_to_other_questions_and_other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.om.cache");
    let refused = async |config: &Config| {
        let opened = Cache::open(&path, config).await.err().unwrap().to_string();
        let looked = Cache::look(&path, config).await.err().unwrap().to_string();
        assert_eq!(opened, looked);
        opened
    };
    Cache::open(&path, &config("1d", "a"))
        .await
        .unwrap()
        .close()
        .await;
    let said = refused(&config("1d, 7d", "a")).await;
    assert!(
        said.contains("another definition: windows was 1d and is 1d, 7d."),
        "{said}"
    );
    let said = refused(&config("1d", "b")).await;
    assert!(said.contains("the Help Scout app is another"), "{said}");
    // A file of somebody else, no database at all, and the folder of an older version.
    fs::write(
        &path,
        "no database, by far longer than the header of one".repeat(9),
    )
    .unwrap();
    assert!(refused(&config("1d", "a")).await.contains("is no cache"));
    fs::remove_file(&path).unwrap();
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut other = options.connect().await.unwrap();
    let made = sqlx::query("CREATE TABLE answer (x)")
        .execute(&mut other)
        .await;
    made.unwrap();
    other.close().await.unwrap();
    assert!(refused(&config("1d", "a")).await.contains("is no cache"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(refused(&config("1d", "a")).await.contains("is no cache"));
}

#[tokio::test]
async fn looking_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.om.cache");
    let cache = Cache::look(&path, &config("1d", "a")).await.unwrap();
    assert!(!cache.has_all(&[created(0, JANUARY)]).await.unwrap());
    cache.close().await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_finds_no_room_is_told_and_takes_nothing_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.om.cache");
    let config = config("1d", "a");
    let cache = Cache::open(&path, &config).await.unwrap();
    cache
        .keep(vec![(created(0, JANUARY), count(5))])
        .await
        .unwrap();
    {
        let mut state = cache.state.lock().await;
        let pages = sqlx::query("PRAGMA max_page_count = 1").execute(state.file.connection());
        pages.await.unwrap();
    }
    let start: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    let many = (0..10_000).map(|hour| {
        let end = start + jiff::SignedDuration::from_hours(hour);
        let key = Key {
            interval: Interval::ending_at(end, 3600),
            ..created(1, JANUARY)
        };
        (key, count(1))
    });
    let many: Vec<_> = many.collect();
    let full = cache.keep(many.clone()).await.unwrap_err();
    assert!(matches!(full, CacheError::Full(_)), "{full}");
    cache.close().await;
    let cache = Cache::open(&path, &config).await.unwrap();
    assert!(cache.has_all(&[created(0, JANUARY)]).await.unwrap());
    for (key, _) in [&many[0], &many[9_999]] {
        assert_eq!(cache.get(*key).await.unwrap(), None, "all or nothing");
    }
    cache.keep(many).await.unwrap();
}
