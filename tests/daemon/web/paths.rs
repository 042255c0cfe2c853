//! Where the web server's pages are, as the operator chose: telemetry path, route prefix, external
//! URL, and what a proxy before it makes of them.

use crate::common::exporter::{Exporter, run};
use crate::common::site::{Options, Server};
use url::Url;

/// Where the links of the landing page lead when the page was read at `page`.
fn links(html: &str, page: &str) -> Vec<String> {
    let page = Url::parse(page).unwrap();
    let links = html.split("href=\"").skip(1);
    links
        .map(|rest| page.join(rest.split('"').next().unwrap()).unwrap().into())
        .collect()
}

#[tokio::test]
async fn links_hold_behind_a_proxy_that_cuts_its_prefix_off() {
    let server = Server::start(Options::default()).await;
    let page = server.get("/").await;
    let expected = ["metrics", "-/ready", "-/healthy"]
        .map(|path| format!("https://example.org/monitoring/contact/{path}"));
    let found = links(page.text(), "https://example.org/monitoring/contact/");
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_prefix_applies_to_every_path() {
    let server = Server::start(Options {
        prefix: "/monitoring/contact",
        ..Options::default()
    })
    .await;
    server.ready.send_replace(true);
    for path in ["/metrics", "/", "/-/healthy", "/-/ready"] {
        let below = format!("/monitoring/contact{path}");
        assert_eq!(server.get(&below).await.status, 200, "{below}");
        if path != "/" {
            assert_eq!(server.get(path).await.status, 404, "{path}");
        }
    }
    let reload = "/monitoring/contact/-/reload";
    assert_eq!(server.ask("POST", reload, "").await.status, 403);
    assert_eq!(server.ask("POST", "/-/reload", "").await.status, 404);

    for path in ["/", "/monitoring/contact"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 302, "{path}");
        let asked = Url::parse("http://x").unwrap().join(path).unwrap();
        let target = asked.join(answer.header("location").unwrap()).unwrap();
        assert_eq!(target.path(), "/monitoring/contact/", "{path}");
        assert_eq!(server.ask("POST", path, "").await.status, 405, "{path}");
    }
    let page = server.get("/monitoring/contact/").await;
    let found = links(page.text(), "http://x/monitoring/contact/");
    assert_eq!(found[0], "http://x/monitoring/contact/metrics");
}

#[tokio::test]
async fn the_external_url_gives_the_prefix_unless_that_is_given() {
    for (flags, below) in [
        (&["--web.external-url=https://example.org/a/b/"][..], "/a/b"),
        (
            &[
                "--web.external-url=https://example.org/a/b/",
                "--web.route-prefix=/",
            ],
            "",
        ),
        (
            &["--web.telemetry-path=/métriques", "--web.route-prefix=/été"],
            "/%C3%A9t%C3%A9",
        ),
    ] {
        let arguments = [&["demo"], flags].concat();
        let exporter = Exporter::start(&arguments, &[]);
        let healthy = format!("{below}/-/healthy");
        assert_eq!(exporter.get(&healthy).await.0, 200, "{flags:?}");
        let page = exporter.get(&format!("{below}/")).await.1;
        let here = format!("http://{}{below}/", exporter.address());
        for link in links(&page, &here).iter().take(1) {
            let path = Url::parse(link).unwrap().path().to_owned();
            assert_eq!(exporter.get(&path).await.0, 200, "{link}");
            let told = format!("metrics  http://{}{path}\n", exporter.address());
            assert!(exporter.output().contains(&told), "{}", exporter.output());
        }
    }
}

#[test]
fn paths_that_nobody_could_ask_for_are_refused() {
    for (flag, said) in [
        ("--web.telemetry-path=metrics", "starts with /"),
        ("--web.telemetry-path=/-/healthy", "the exporter's own"),
        ("--web.telemetry-path=/a b", "allowed are"),
        ("--web.telemetry-path=/a/../b", "resolve"),
        ("--web.route-prefix=/a?b", "allowed are"),
        ("--web.external-url=example.org/contact", "expected a URL"),
        (
            "--web.external-url=https://u:secret-word@example.org",
            "without user",
        ),
    ] {
        let ended = run(&[flag], &[]);
        assert_eq!(ended.code, Some(2), "{flag}: {}", ended.output);
        assert!(ended.output.contains(said), "{flag}: {}", ended.output);
    }
}
