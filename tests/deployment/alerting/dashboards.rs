//! The queries of the shipped dashboards, with the variables filled in as Grafana does.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::common::prometheus::Prometheus;

/// Values of variables by name.
pub type Values = BTreeMap<String, String>;

/// One dashboard file.
pub struct Dashboard {
    pub title: String,
    variables: Vec<Value>,
    pub queries: Vec<Query>,
    /// Queries of marks on the time axis.
    pub marks: Vec<Query>,
}

/// One query, with variables in it.
pub struct Query {
    /// Panel or mark, for people.
    pub place: String,
    pub expression: String,
    /// Asked for the present, not for a range of time.
    pub is_instant: bool,
}

/// All dashboards.
pub fn load() -> Vec<Dashboard> {
    let mut files: Vec<_> = fs::read_dir("grafana/dashboards")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 5, "{files:?}");
    files
        .iter()
        .map(|file| Dashboard::new(&serde_json::from_slice(&fs::read(file).unwrap()).unwrap()))
        .collect()
}

impl Dashboard {
    fn new(file: &Value) -> Self {
        let title = text(&file["title"]);
        let mut queries = Vec::new();
        for panel in list(&file["panels"]) {
            for target in list(&panel["targets"]) {
                queries.push(Query {
                    place: format!(
                        "{title} / {} / {}",
                        text(&panel["title"]),
                        text(&target["refId"])
                    ),
                    expression: text(&target["expr"]),
                    is_instant: target["instant"] == true,
                });
            }
        }
        let mark = |mark: &Value| Query {
            place: format!("{title} / mark {}", text(&mark["name"])),
            expression: text(&mark["expr"]),
            is_instant: false,
        };
        let marks = list(&file["annotations"]["list"])
            .iter()
            .map(mark)
            .collect();
        Self {
            title,
            variables: list(&file["templating"]["list"]).clone(),
            queries,
            marks,
        }
    }

    /// The values that the variables have when the dashboard is opened, and all that can be chosen.
    /// A list that is empty fails.
    pub async fn open(&self, prometheus: &Prometheus) -> (Values, BTreeMap<String, Vec<String>>) {
        // What a Grafana at Prometheus' shipped scrape interval sets for a panel whose least
        // interval is 5 minutes.
        let mut chosen: Values = [
            ("__interval", "5m"),
            ("__rate_interval", "6m"),
            ("__range", "15m"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let mut choices = BTreeMap::new();
        for variable in &self.variables {
            let name = text(&variable["name"]);
            match variable["type"].as_str().unwrap() {
                "datasource" => {}
                "textbox" => {
                    chosen.insert(name, text(&variable["query"]));
                }
                "query" => {
                    let options = options(prometheus, &text(&variable["query"]), &chosen).await;
                    assert!(
                        !options.is_empty(),
                        "{}: nothing to choose in {name}",
                        self.title
                    );
                    let current = match &variable["current"]["value"] {
                        Value::Array(several) => several.first().map(text),
                        Value::String(one) => Some(one.clone()),
                        _ => None,
                    };
                    let value = match current.as_deref() {
                        Some("$__all") => text(&variable["allValue"]),
                        Some(value) => {
                            assert!(
                                options.iter().any(|option| option == value),
                                "{}: no {value} among {options:?}",
                                self.title
                            );
                            value.to_owned()
                        }
                        None => options.first().unwrap().clone(),
                    };
                    chosen.insert(name.clone(), value);
                    choices.insert(name, options);
                }
                other => panic!("{}: a variable of type {other}", self.title),
            }
        }
        (chosen, choices)
    }
}

/// What `label_values(selector, label)` gives.
async fn options(prometheus: &Prometheus, query: &str, chosen: &Values) -> Vec<String> {
    let (selector, label) = query
        .strip_prefix("label_values(")
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|inside| inside.rsplit_once(", "))
        .unwrap_or_else(|| panic!("{query}"));
    let selector = fill(selector, chosen);
    let path = format!("label/{label}/values");
    let values = prometheus.api(&path, &[("match[]", &selector)]).await;
    list(&values).iter().map(text).collect()
}

/// Puts values in the place of `$name`, `${name}` and `${name:format}`. A variable without a value
/// fails.
pub fn fill(expression: &str, values: &Values) -> String {
    let mut filled = String::new();
    let mut rest = expression;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let (name, after) = if let Some(braced) = after.strip_prefix('{') {
            let (inside, after) = braced.split_once('}').unwrap();
            (inside.split(':').next().unwrap(), after)
        } else {
            let end = after.find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
            after.split_at(end.unwrap_or(after.len()))
        };
        let value = values.get(name);
        filled.push_str(value.unwrap_or_else(|| panic!("no value for {name} in {expression}")));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

fn list(value: &Value) -> &Vec<Value> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("not a list: {value}"))
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a text: {value}"))
        .to_owned()
}
