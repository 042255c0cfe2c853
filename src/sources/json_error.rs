//! What is wrong with a JSON document, without any of its text: others wrote it, and it can hold
//! anything.

use serde_json::error::Category;

/// What `error` says, as far as the words are our own.
pub fn without_text(error: &serde_json::Error) -> String {
    if error.classify() != Category::Data {
        return format!("no JSON at line {}", error.line());
    }
    let text = error.to_string();
    // serde quotes what it found, then says what it expected: only the latter is our own text.
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None if text.starts_with("missing field `") => text,
        None => format!(
            "unexpected value at line {} column {}",
            error.line(),
            error.column()
        ),
    }
}
