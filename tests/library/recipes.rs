//! Every config of `docs/helpdesks.md` is one that is understood.

use std::{fmt::Write as _, fs, path::Path};

use contact_rate_exporter::config;

#[test]
fn every_recipe_is_a_config_that_loads() {
    let docs = fs::read_to_string("docs/helpdesks.md").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let secret = |name: &str, value: &str| {
        fs::write(folder.path().join(name), value).unwrap();
    };
    secret("app", "postgres://reader:secret@db.example.org/app");
    for name in ["zammad", "chatwoot"] {
        secret(name, "postgres://reader:secret@db.example.org/helpdesk");
    }
    for name in ["freescout", "osticket", "glpi"] {
        secret(name, "mysql://reader:secret@db.example.org/helpdesk");
    }
    for name in ["zendesk", "intercom", "jira"] {
        secret(name, "secret");
    }
    let environment = |name: &str| (name == "FRESHDESK_KEY").then(|| "key".to_owned());
    let mut endpoints = 0;
    for block in docs.split("```yaml\n").skip(1) {
        let yaml = block.split("```").next().unwrap();
        if !yaml.contains("tickets:") {
            continue;
        }
        let place = folder.path().to_str().unwrap();
        let mut text = yaml.replace("/run/secrets", place);
        if text.contains("database: app") && !text.contains("databases:") {
            let _ = writeln!(text, "databases: {{app: {{url_file: {place}/app}}}}");
        }
        endpoints += usize::from(text.contains("http:"));
        if let Err(error) = config::parse(&text, Path::new("recipe.yml"), &environment) {
            panic!("{error}\n{text}");
        }
    }
    assert_eq!(endpoints, 4);
}
