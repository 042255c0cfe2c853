//! Secrets and customers are nowhere to be seen.

use crate::common::{
    desk::{ACCESS_TOKEN, CONVERSATIONS, Folder, TOKEN, good},
    exporter::{Exporter, run},
    upstream::{Asked, Reply, Upstream},
};

/// Everything that must never be shown.
const SECRETS: [&str; 10] = [
    "planted-app-secret",
    ACCESS_TOKEN,
    "planted-postgres",
    "planted-mysql",
    "planted-bearer",
    "planted-header",
    "planted-query",
    "planted-user",
    "planted-prometheus",
    "planted-file",
];

/// Where some of them come from.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("MYSQL_URL", "mysql://reader:planted-mysql@127.0.0.1:1/app"),
    ("HOOK_TOKEN", "planted-hook"),
    ("POINTER", "planted-pointer"),
    ("MAILBOX", "planted-mailbox"),
    ("TAG", "planted-tag"),
];

/// Words of a customer that a list of conversations holds, as is, percent-encoded, and shouted.
const CUSTOMERS: [&str; 3] = ["Zoé Planted", "zoe@planted.example", "My planted subject"];

fn assert_silent(what: &str, text: &str) {
    for secret in SECRETS.iter().chain(&CUSTOMERS) {
        assert!(!text.contains(secret), "{secret} in {what}:\n{text}");
    }
    assert!(!text.contains("planted"), "{what}:\n{text}");
}

/// Repeats what it was sent, as careless software does, and names customers.
fn careless(asked: &Asked) -> Reply {
    let echo = format!("{:?} {} {}", asked.headers, asked.target(), asked.body);
    let refused = |status| {
        Reply::json(
            status,
            serde_json::json!({"message": echo, "error": echo, "count": echo}).to_string(),
        )
    };
    match asked.path.as_str() {
        "/v2/reports/happiness" => refused(400),
        "/v2/reports/conversations/new" => refused(500),
        "/sessions" => refused(503),
        "/visits" | "/hooks/planted-hook/count" => refused(200),
        "/api/v1/query" => refused(422),
        CONVERSATIONS => Reply::json(
            200,
            serde_json::json!({
                "_embedded": {"conversations": [{"subject": CUSTOMERS[2], "primaryCustomer": {"first": CUSTOMERS[0], "email": CUSTOMERS[1]}}]},
                "page": {"totalElements": CUSTOMERS[0]},
            })
            .to_string(),
        ),
        _ => good(asked),
    }
}

fn config(desk: &Upstream) -> String {
    let host = desk.url.host_str().unwrap();
    let port = desk.url.port().unwrap();
    format!(
        "timeout: 2s
segments:
  - {{name: lost, mailboxes: ['${{MAILBOX}}'], tags: ['${{TAG}}']}}
databases:
  one: {{url: 'postgres://reader:planted-postgres@127.0.0.1:1/app'}}
  two: {{url: '${{MYSQL_URL}}'}}
  three: {{url_file: secret}}
populations:
  first:
    total: {{database: one, query: 'SELECT 1 WHERE :end IS NOT NULL'}}
  second:
    total: {{database: two, query: 'SELECT 1'}}
  third:
    total: {{database: three, query: 'SELECT 1'}}
  sessions:
    window:
      http:
        url: 'http://planted-user:planted-user@{host}:{port}/sessions?key=planted-query&from={{start}}&to={{end}}'
        pointer: /count
        bearer_token: planted-bearer
  visits:
    window:
      http:
        url: 'http://{host}:{port}/visits?key=planted-query&from={{start}}&to={{end}}'
        pointer: /count
        headers: {{X-Key: planted-header}}
  hooks:
    window:
      http:
        url: 'http://{host}:{port}/hooks/${{HOOK_TOKEN}}/count?from={{start}}&to={{end}}'
        pointer: '/${{POINTER}}'
  lost:
    window:
      http:
        url: 'http://{host}:{port}/lost/${{HOOK_TOKEN}}/count?from={{start}}&to={{end}}'
        pointer: '/count'
  samples:
    total:
      prometheus: {{url: 'http://somebody:planted-prometheus@{host}:{port}', query: up}}
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_customers_never_appear() {
    let desk = Upstream::start(careless).await;
    let folder = Folder::new(&desk, &config(&desk));
    folder.write("secret", "mysql://reader:planted-file@127.0.0.1:1/app\n");
    for format in ["logfmt", "json"] {
        let exporter = Exporter::start(
            &[
                &folder.flag(),
                "--log.level=debug",
                &format!("--log.format={format}"),
                "--web.enable-lifecycle",
            ],
            &ENVIRONMENT,
        );
        let page = exporter.ready().await;
        assert!(
            page.contains("contact_source_up{source=\"open_tickets\"} 0"),
            "{page}"
        );
        assert!(
            page.contains("contact_source_up{source=\"sessions\"} 0"),
            "{page}"
        );
        assert_silent("/metrics", &page);
        let landing = exporter.get("/").await.1;
        assert!(landing.contains("sessions"));
        assert_silent("the landing page", &landing);
        let command = std::fs::read_to_string(format!("/proc/{}/cmdline", exporter.id())).unwrap();
        assert_silent("the command line", &command);

        // A config that is wrong just where the secrets are.
        let good_config = config(&desk);
        folder.rewrite(
            &desk,
            &good_config
                .replace("postgres://reader:", "postgress://reader:")
                .replace("pointer: '/${POINTER}'", "pointer: '${POINTER}'")
                .replace("headers: {", "headers: {'X Y': planted-header, "),
        );
        let (status, text) = exporter.post("/-/reload").await;
        assert_eq!(status, 500, "{text}");
        assert!(text.contains("databases.one"), "{text}");
        assert!(text.contains("hooks.window.http.pointer: "), "{text}");
        assert_silent("the answer to a reload", &text);
        folder.rewrite(&desk, &good_config);

        exporter.signal("TERM");
        let ended = exporter.ended();
        assert!(
            ended.output.contains("Help Scout answered"),
            "debug is heard: {}",
            ended.output
        );
        assert_silent("the log", &ended.output);
    }
    assert!(
        desk.asked()
            .iter()
            .any(|asked| asked.path == TOKEN && asked.body.contains("planted-app-secret"))
    );
    assert!(
        desk.asked()
            .iter()
            .any(|asked| asked.query.contains("planted-query"))
    );
    assert!(
        desk.asked()
            .iter()
            .any(|asked| asked.header("authorization") == "Bearer planted-bearer")
    );
    assert!(
        desk.asked()
            .iter()
            .any(|asked| asked.header("x-key") == "planted-header")
    );

    assert!(
        desk.asked()
            .iter()
            .any(|asked| asked.path == "/hooks/planted-hook/count")
    );

    let checked = run(
        &["check", &folder.flag(), "--log.level=debug"],
        &ENVIRONMENT,
    );
    assert_eq!(checked.code, Some(1));
    assert_silent("the output of check", &checked.output);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_breaks_its_address_is_not_shown() {
    let desk = Upstream::start(careless).await;
    let odd = Folder::new(
        &desk,
        &config(&desk).replace("reader:planted-postgres", "reader:/planted-postgres"),
    );
    odd.write("secret", "mysql://reader:/planted-file@127.0.0.1:1/app\n");
    for command in ["serve", "check", "report"] {
        let refused = run(&[command, &odd.flag(), "--log.level=debug"], &ENVIRONMENT);
        assert_eq!(refused.code, Some(2), "{}", refused.output);
        for part in [
            "databases.one.url: ",
            "databases.three.url_file: ",
            "percent-encoded",
        ] {
            assert!(refused.output.contains(part), "{}", refused.output);
        }
        assert_silent(command, &refused.output);
    }
}
