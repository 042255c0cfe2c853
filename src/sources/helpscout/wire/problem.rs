//! Answers that tell of a failure.

/// The message of a failure and the parameters it complains of, bounded and on one line; never the
/// value that was rejected. Takes the shapes of vnd.error and of the gateway.
pub(in crate::sources::helpscout) fn problem(body: &[u8]) -> Option<String> {
    const LONGEST: usize = 300;
    const PARAMETERS: usize = 5;
    let problem: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = |value: &serde_json::Value, key: &str| {
        value.get(key)?.as_str().map(|text| text.trim().to_owned())
    };
    let mut parts: Vec<String> = ["message", "error_description", "error"]
        .into_iter()
        .find_map(|key| text(&problem, key))
        .into_iter()
        .collect();
    let parameters = problem
        .pointer("/_embedded/errors")
        .and_then(serde_json::Value::as_array);
    for parameter in parameters.into_iter().flatten().take(PARAMETERS) {
        let words = [text(parameter, "path"), text(parameter, "message")];
        parts.push(words.into_iter().flatten().collect::<Vec<_>>().join(" "));
    }
    parts.retain(|part| !part.is_empty());
    let line: String = parts
        .join("; ")
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(LONGEST)
        .collect();
    (!line.is_empty()).then_some(line)
}
