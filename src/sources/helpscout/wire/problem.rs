//! Answers that tell of a failure.

use serde_json::Value;

/// Parameters of the calls we make: what a failure may name.
const PARAMETERS: [&str; 16] = [
    "end",
    "mailbox",
    "mailboxes",
    "officeHours",
    "page",
    "previousEnd",
    "previousStart",
    "query",
    "sortField",
    "sortOrder",
    "start",
    "status",
    "tag",
    "tags",
    "types",
    "viewBy",
];

/// Codes of Help Scout's documents, which an answer links to.
const CODES: [&str; 3] = ["AccessDenied", "EnumValue", "MalformedDate"];

/// What a failure is about: the parameters that it complains of, and known codes. Free text can hold
/// anything, a person's name too, and is never taken.
pub(in crate::sources::helpscout) fn problem(body: &[u8]) -> Option<String> {
    let problem: Value = serde_json::from_slice(body).ok()?;
    let of_parameters = problem
        .pointer("/_embedded/errors")
        .and_then(Value::as_array);
    let mut parts: Vec<String> = of_parameters
        .into_iter()
        .flatten()
        .filter_map(|error| {
            let name = error.get("path")?.as_str()?;
            let name = PARAMETERS.into_iter().find(|known| *known == name)?;
            Some(match code(error) {
                Some(code) => format!("{name} ({code})"),
                None => name.to_owned(),
            })
        })
        .take(PARAMETERS.len())
        .collect();
    if !parts.is_empty() {
        parts = vec![format!("it refuses {}", parts.join(", "))];
    }
    parts.extend(code(&problem).map(str::to_owned));
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn code(error: &Value) -> Option<&'static str> {
    let link = error.pointer("/_links/about/href")?.as_str()?;
    let (_, fragment) = link.rsplit_once('#')?;
    CODES.into_iter().find(|code| *code == fragment)
}
