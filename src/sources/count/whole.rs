//! Whether an answer says of itself that it is only a part: search engines and the like count what they
//! got to, answer with 200, and say so beside the number.

use serde_json::Value;

/// Names that say so by being true, in any of the objects that lead to the number.
const TRUE_IN_PARTS: [&str; 9] = [
    "isPartial",
    "is_partial",
    "partial",
    "partialResponse",
    "partial_response",
    "incomplete_results",
    "timed_out",
    "terminated_early",
    "truncated",
];

/// Whether `document` says that the number at `pointer` is not of all there is.
pub(super) fn is_a_part(document: &Value, pointer: &str) -> bool {
    let mut place = document;
    if says_so(place) {
        return true;
    }
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let next = match place {
            Value::Object(entries) => entries.get(&step),
            Value::Array(items) => step.parse().ok().and_then(|index: usize| items.get(index)),
            _ => None,
        };
        let Some(next) = next else {
            return false;
        };
        place = next;
        if says_so(place) {
            return true;
        }
    }
    false
}

fn says_so(value: &Value) -> bool {
    let Value::Object(entries) = value else {
        return false;
    };
    let is_true = |name: &&str| entries.get(*name) == Some(&Value::Bool(true));
    // Elasticsearch and OpenSearch: shards that did not answer, and a total that is a lower bound.
    let failed = entries
        .get("_shards")
        .and_then(|shards| shards.get("failed"));
    let some_failed = failed
        .and_then(Value::as_u64)
        .is_some_and(|failed| failed > 0);
    let is_least = entries.get("relation").and_then(Value::as_str) == Some("gte")
        && entries.contains_key("value");
    TRUE_IN_PARTS.iter().any(is_true) || some_failed || is_least
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_says_that_it_is_a_part_is_one() {
        for (document, pointer) in [
            (json!({"count": 412, "isPartial": true}), "/count"),
            (
                json!({"total_count": 3, "incomplete_results": true}),
                "/total_count",
            ),
            (
                json!({"count": 1, "_shards": {"total": 5, "failed": 1}}),
                "/count",
            ),
            (
                json!({"timed_out": true, "hits": {"total": {"value": 7, "relation": "eq"}}}),
                "/hits/total/value",
            ),
            (
                json!({"hits": {"total": {"value": 10_000, "relation": "gte"}}}),
                "/hits/total/value",
            ),
            (json!({"data": [{"n": 1, "truncated": true}]}), "/data/0/n"),
        ] {
            assert!(is_a_part(&document, pointer), "{document}");
        }
    }

    #[test]
    fn everything_else_is_whole() {
        for (document, pointer) in [
            (
                json!({"count": 412, "isPartial": false, "timed_out": false}),
                "/count",
            ),
            (
                json!({"count": 1, "_shards": {"total": 5, "failed": 0}}),
                "/count",
            ),
            (
                json!({"hits": {"total": {"value": 7, "relation": "eq"}}}),
                "/hits/total/value",
            ),
            (
                json!({"data": [{"n": 1}, {"n": 2, "truncated": true}]}),
                "/data/0/n",
            ),
            (json!({"relation": "gte", "count": 3}), "/count"),
            (json!(7), ""),
        ] {
            assert!(!is_a_part(&document, pointer), "{document}");
        }
    }
}
