//! The web config in force, without TLS: who may ask, how often, which headers answers have, and what
//! happens when the file changes.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::common::site::{Options, Server};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use contact_rate_exporter::web::WebConfig;
use tokio::time::{Instant, timeout};

/// What must happen within 5 s happens within this, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);

fn hash(password: &str, cost: u32) -> String {
    bcrypt::hash(password, cost).unwrap()
}

fn basic(name: &str, password: &str) -> String {
    let encoded = STANDARD.encode(format!("{name}:{password}"));
    format!("Authorization: Basic {encoded}\r\n")
}

async fn serve(path: &Path) -> Server {
    Server::start(Options {
        web_config: WebConfig::load(Some(path)).unwrap(),
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn a_password_is_asked_for_on_every_path_but_those_of_supervisors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yml");
    fs::write(
        &path,
        format!(
            "basic_auth_users: {{prometheus: {}}}\n\
             http_server_config: {{headers: {{X-Frame-Options: deny, Content-Security-Policy: \"default-src 'none'\"}}}}\n",
            hash("secret", 4)
        ),
    )
    .unwrap();
    let server = serve(&path).await;
    server.ready.send_replace(true);
    let good = basic("prometheus", "secret");
    for (asked, expected) in [
        ("/metrics", 200),
        ("/", 200),
        ("/nowhere", 404),
        ("/-/reload", 405),
        ("/-/healthy", 200),
        ("/-/ready", 200),
    ] {
        let is_open = asked == "/-/healthy" || asked == "/-/ready";
        let wrong = basic("prometheus", "Secret");
        let nobody = basic("nobody", "secret");
        for headers in ["", &wrong, &nobody] {
            let answer = server.ask("GET", asked, headers).await;
            if is_open {
                assert_eq!(answer.status, 200, "{asked}");
                continue;
            }
            assert_eq!(answer.status, 401, "{asked} {headers}");
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(challenge.starts_with("Basic"), "{challenge}");
            assert_eq!(answer.header("x-frame-options"), Some("deny"), "{asked}");
        }
        let answer = server.ask("GET", asked, &good).await;
        assert_eq!(answer.status, expected, "{asked}");
        assert_eq!(answer.header("x-frame-options"), Some("deny"), "{asked}");
        assert_eq!(
            answer.header("content-security-policy"),
            Some("default-src 'none'"),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn a_flood_of_wrong_passwords_does_not_delay_who_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yml");
    // Costly enough that a queue of them takes far longer than one answer.
    let users = format!("basic_auth_users: {{prometheus: {}}}\n", hash("secret", 8));
    fs::write(&path, users).unwrap();
    let server = Arc::new(serve(&path).await);
    let good = basic("prometheus", "secret");
    assert_eq!(server.ask("GET", "/metrics", &good).await.status, 200);
    let flood: Vec<_> = (0..100)
        .map(|number| {
            let server = Arc::clone(&server);
            let wrong = basic("prometheus", &number.to_string());
            tokio::spawn(async move { server.ask("GET", "/metrics", &wrong).await.status })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(server.ask("GET", "/metrics", &good).await.status, 200);
    let waiting = flood.iter().filter(|task| !task.is_finished()).count();
    assert!(waiting > 50, "the flood was over: {waiting}");
    for answer in flood {
        assert_eq!(answer.await.unwrap(), 401);
    }
}

#[tokio::test]
async fn who_asks_too_often_gets_429_but_supervisors_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yml");
    fs::write(
        &path,
        "rate_limit: {interval: 1h, burst: 2}\n\
         http_server_config: {headers: {X-Content-Type-Options: nosniff}}\n",
    )
    .unwrap();
    let server = serve(&path).await;
    for expected in [200, 200, 429, 429] {
        let answer = server.get("/metrics").await;
        assert_eq!(answer.status, expected);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    assert_eq!(
        server.get("/metrics").await.header("retry-after"),
        Some("3600")
    );
    assert_eq!(server.get("/-/healthy").await.status, 200);
}

/// Asks until the status is the expected one.
async fn until(server: &Server, headers: &str, expected: u16) {
    let asked = async {
        while server.ask("GET", "/metrics", headers).await.status != expected {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, asked)
        .await
        .unwrap_or_else(|_| panic!("never {expected}"));
}

#[tokio::test]
async fn a_change_of_the_file_takes_effect_by_itself_and_a_broken_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yml");
    let users = |password| format!("basic_auth_users: {{prometheus: {}}}\n", hash(password, 4));
    fs::write(&path, users("one")).unwrap();
    let server = serve(&path).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let following = tokio::spawn({
        let (web_config, told) = (Arc::clone(&server.web_config), Arc::clone(&told));
        async move {
            web_config
                .follow(|outcome| {
                    let text = outcome.map_err(ToString::to_string);
                    told.lock().unwrap().push(text);
                })
                .await;
        }
    });
    let (one, two) = (basic("prometheus", "one"), basic("prometheus", "two"));
    assert_eq!(server.ask("GET", "/metrics", &one).await.status, 200);
    let start = Instant::now();
    fs::write(&path, users("two")).unwrap();
    until(&server, &two, 200).await;
    println!("in force after {:?}", start.elapsed());
    assert_eq!(server.ask("GET", "/metrics", &one).await.status, 401);

    let outcomes = || told.lock().unwrap().len();
    let before = outcomes();
    fs::write(&path, "basic_auth_users: [").unwrap();
    let heard = async {
        while outcomes() == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, heard).await.expect("it is told");
    assert!(told.lock().unwrap().last().unwrap().is_err());
    following.abort();
    // What an editor that is interrupted leaves behind must not open the door.
    for broken in ["", "# nothing\n", "basic_auth_users: {a: b}\n"] {
        fs::write(&path, broken).unwrap();
        assert!(server.web_config.reload().is_err(), "{broken:?}");
        assert_eq!(server.ask("GET", "/metrics", &two).await.status, 200);
        assert_eq!(server.get("/metrics").await.status, 401, "{broken:?}");
    }
    fs::write(&path, "{}\n").unwrap();
    server.web_config.reload().unwrap();
    assert_eq!(server.get("/metrics").await.status, 200);
}
