//! Labels that are added to every sample.

use crate::exposition::catalogue::FAMILIES;

/// Labels that Prometheus gives to buckets and quantiles.
const RESERVED: [&str; 2] = ["le", "quantile"];

/// Reads `--label`: a name that Prometheus takes and that no series of ours has already, and a value.
pub fn parse_label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let valid = name.bytes().enumerate().all(|(index, byte)| {
        byte.is_ascii_alphabetic() || byte == b'_' || (index > 0 && byte.is_ascii_digit())
    });
    if name.is_empty() || !valid || name.starts_with("__") {
        return Err(
            "the name must be of letters, digits and _, and not begin with a digit or __"
                .to_owned(),
        );
    }
    let mut ours = FAMILIES.iter().flat_map(|family| family.labels);
    if RESERVED.contains(&name) || ours.any(|label| *label == name) {
        return Err(format!("{name} is a label of the series themselves"));
    }
    if value.is_empty() {
        return Err(format!(
            "{name} has no value, which to Prometheus is no label at all"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The first name that is there twice.
pub fn twice(labels: &[(String, String)]) -> Option<&str> {
    let mut labels = labels.iter().map(|(name, _)| name.as_str()).enumerate();
    let names: Vec<&str> = labels.clone().map(|(_, name)| name).collect();
    let (_, name) =
        labels.find(|(index, name)| names.iter().take(*index).any(|one| one == name))?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_and_not_taken() {
        let label = parse_label("instance=localhost:10473=x");
        assert_eq!(
            label,
            Ok(("instance".to_owned(), "localhost:10473=x".to_owned()))
        );
        for (bad, words) in [
            ("job", "expected NAME=VALUE"),
            ("=x", "the name must be"),
            ("1a=x", "the name must be"),
            ("a-b=x", "the name must be"),
            ("é=x", "the name must be"),
            ("__name__=x", "the name must be"),
            ("segment=x", "a label of the series themselves"),
            ("status=x", "a label of the series themselves"),
            ("cause=x", "a label of the series themselves"),
            ("source=x", "a label of the series themselves"),
            ("le=x", "a label of the series themselves"),
            ("job=", "no label at all"),
        ] {
            let error = parse_label(bad).unwrap_err();
            assert!(error.contains(words), "{bad}: {error}");
        }
    }

    #[test]
    fn each_name_is_there_once() {
        let labels = |names: &[&str]| -> Vec<(String, String)> {
            let names = names.iter();
            names
                .map(|name| ((*name).to_owned(), "x".to_owned()))
                .collect()
        };
        assert_eq!(twice(&labels(&[])), None);
        assert_eq!(twice(&labels(&["a", "b"])), None);
        assert_eq!(twice(&labels(&["a", "b", "c", "b"])), Some("b"));
    }
}
