//! Answers that tell of a failure.

use super::token::OAUTH_CODES;

/// The parameters that calls are made with, as a failure may name them.
const PARAMETERS: [&str; 16] = [
    "start",
    "end",
    "previousStart",
    "previousEnd",
    "mailboxes",
    "mailbox",
    "tags",
    "tag",
    "types",
    "status",
    "query",
    "page",
    "viewBy",
    "officeHours",
    "sortField",
    "sortOrder",
];

/// What a failure says of itself in words that are known: OAuth2's code, and the parameters that it
/// complains of. Free text is left out, whatever key it stands under: others write it, and it can
/// hold a person's name. Takes the shapes of vnd.error and of the gateway.
pub(in crate::sources::helpscout) fn problem(body: &[u8]) -> Option<String> {
    let problem: serde_json::Value = serde_json::from_slice(body).ok()?;
    let known = |value: &serde_json::Value, key: &str, words: &[&'static str]| {
        let word = value.get(key)?.as_str()?;
        words.iter().copied().find(|known| *known == word)
    };
    let mut said: Vec<String> = known(&problem, "error", &OAUTH_CODES)
        .map(str::to_owned)
        .into_iter()
        .collect();
    let errors = problem
        .pointer("/_embedded/errors")
        .and_then(serde_json::Value::as_array);
    let mut named: Vec<&str> = Vec::new();
    for error in errors.into_iter().flatten() {
        if let Some(name) = known(error, "path", &PARAMETERS)
            && !named.contains(&name)
        {
            named.push(name);
        }
    }
    if !named.is_empty() {
        said.push(format!("it complains of {}", named.join(", ")));
    }
    (!said.is_empty()).then(|| said.join("; "))
}
