//! The number that a JSON document has at a pointer, if it is certain.
//!
//! No key of an object may come twice: readers differ in which of the two they take, and so the
//! number would be anyone's guess.

mod whole;

use std::fmt;

use jsonptr::Pointer;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use crate::{config::ConfigText, domain::Reason};

/// Why a document gives no number.
#[derive(Debug, thiserror::Error)]
pub enum NumberError {
    /// It is not JSON, or a key comes twice.
    #[error("the answer is not the JSON that was expected")]
    Json(#[source] serde_json::Error),
    /// The server says that its answer is incomplete.
    #[error("the server says that its answer is incomplete: some of its storage did not answer")]
    Partial,
    /// The pointer leads nowhere.
    #[error("the answer has nothing at the pointer {0}")]
    NothingThere(ConfigText),
    /// The pointer leads to something else than a number.
    #[error("the answer has {found} at the pointer {pointer}, and a number is needed")]
    NotANumber {
        /// The RFC 6901 pointer.
        pointer: ConfigText,
        /// What is there.
        found: &'static str,
    },
}

impl NumberError {
    /// The label value that tells of it.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Partial => Reason::Query,
            Self::Json(_) | Self::NothingThere(_) | Self::NotANumber { .. } => Reason::Decode,
        }
    }
}

/// The number that the document `body` has at `pointer`, an RFC 6901 pointer.
pub fn number(body: &[u8], pointer: &ConfigText) -> Result<Number, NumberError> {
    let document = parse(body).map_err(NumberError::Json)?;
    if whole::is_a_part(&document, pointer.as_str()) {
        return Err(NumberError::Partial);
    }
    let nothing_there = || NumberError::NothingThere(pointer.clone());
    let value = Pointer::parse(pointer.as_str())
        .map_err(|_| nothing_there())?
        .resolve(&document)
        .map_err(|_| nothing_there())?;
    let found = match value {
        Value::Number(number) => return Ok(number.clone()),
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Err(NumberError::NotANumber {
        pointer: pointer.clone(),
        found,
    })
}

/// Reads a whole document. Fails at the second of two keys that are the same.
fn parse(body: &[u8]) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Once.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Reads a value whose objects have each key once.
struct Once;

impl<'de> DeserializeSeed<'de> for Once {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(Key(key)) = entries.next_key()? {
            let value = entries.next_value_seed(Self)?;
            if map.insert(key, value).is_some() {
                // The key itself may be anything, and is not shown.
                return Err(A::Error::custom("a key of an object comes twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[derive(Deserialize)]
struct Key(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_at_the_pointer_is_an_answer() {
        let body = br#"{"data": {"count": 42, "text": "42", "a/b": [1.5, null], "": -7}}"#;
        let read = |pointer: &str| {
            let number = number(body, &pointer.into()).map_err(|error| error.to_string());
            number.map(|number| number.as_f64().unwrap())
        };
        assert_eq!(read("/data/count"), Ok(42.0));
        assert_eq!(read("/data/a~1b/0"), Ok(1.5));
        // A negative number is a number here; the caller refuses it.
        assert_eq!(read("/data/"), Ok(-7.0));
        assert_eq!(number(b"17", &"".into()).unwrap().to_string(), "17");
        for pointer in [
            "/data/missing",
            "/data/a~1b/2",
            "/data/a~1b/-",
            "/data/count/0",
        ] {
            assert!(read(pointer).unwrap_err().contains("nothing"), "{pointer}");
        }
        for (pointer, found) in [
            ("/data/text", "a text"),
            ("/data/a~1b/1", "null"),
            ("/data/a~1b", "a list"),
            ("/data", "an object"),
        ] {
            assert!(read(pointer).unwrap_err().contains(found), "{pointer}");
        }
        assert!(matches!(
            number(b"<html>", &"/a".into()),
            Err(NumberError::Json(_))
        ));
        // Which of the two would be the number?
        assert!(matches!(
            number(br#"{"count": 1, "count": 2}"#, &"/count".into()),
            Err(NumberError::Json(_))
        ));
    }

    #[test]
    fn documents_are_read_as_they_are() {
        for text in [
            r#"{"a": [1, -2, 1.5, 1e3, "x", null, true, {}], "b": {"a": 1}}"#,
            "17",
            "18446744073709551615",
            "[]",
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text.as_bytes()).unwrap(), expected, "{text}");
        }
        for text in ["", "{", "1 2", r#"{"a": 1} x"#, "1e999"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_an_error() {
        for text in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": 1, "b": {"c": 1, "\u0063": 2}}"#,
            r#"[{"a": null, "a": null}]"#,
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("twice"), "{text}: {error}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }
}
