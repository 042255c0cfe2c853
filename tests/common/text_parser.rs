//! A strict reader of both text formats, written from their specifications and not from our writer.

use std::collections::{BTreeMap, BTreeSet};

use contact_rate_exporter::exposition::Format;

/// One line of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name of its family as the format gives it.
    pub family: String,
    /// Type of its family.
    pub kind: String,
    /// Its own name.
    pub name: String,
    /// Its labels, in order.
    pub labels: Vec<(String, String)>,
    /// Its value.
    pub value: f64,
    /// Its timestamp, as printed.
    pub timestamp: Option<String>,
}

/// Reads a page, or says which line is wrong.
pub fn parse(format: Format, page: &str) -> Result<Vec<Sample>, String> {
    let mut samples = Vec::new();
    let mut families: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut current = String::new();
    let mut series = BTreeSet::new();
    let mut lines = page
        .strip_suffix('\n')
        .unwrap_or(page)
        .split('\n')
        .peekable();
    let mut ended = false;
    if page.is_empty() {
        return Ok(samples);
    }
    if !page.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    while let Some(line) = lines.next() {
        if format == Format::OpenMetrics && line == "# EOF" {
            ended = lines.peek().is_none();
            break;
        }
        if let Some(rest) = line.strip_prefix("# ") {
            let (word, rest) = rest.split_once(' ').ok_or(line)?;
            let (family, text) = rest.split_once(' ').ok_or(line)?;
            if !["HELP", "TYPE", "UNIT"].contains(&word) {
                return Err(format!("unknown comment: {line}"));
            }
            if family != current {
                if families.contains_key(family) {
                    return Err(format!("family again: {line}"));
                }
                family.clone_into(&mut current);
            }
            if word == "UNIT" && !family.ends_with(&format!("_{text}")) {
                return Err(format!("unit does not end the name: {line}"));
            }
            if word == "HELP" {
                let quotes = format == Format::OpenMetrics;
                unescape(text, quotes).ok_or_else(|| format!("help: {line}"))?;
            }
            let known = families.entry(family.to_owned()).or_default();
            if samples
                .last()
                .is_some_and(|last: &Sample| last.family == family)
                || known.insert(word.to_owned(), text.to_owned()).is_some()
            {
                return Err(format!("too late or twice: {line}"));
            }
            continue;
        }
        let kind = families
            .get(&current)
            .and_then(|known| known.get("TYPE"))
            .ok_or_else(|| format!("no type before: {line}"))?;
        let mut sample = parse_sample(line).ok_or_else(|| format!("not a sample: {line}"))?;
        sample.family.clone_from(&current);
        sample.kind.clone_from(kind);
        let suffix = sample
            .name
            .strip_prefix(&current)
            .ok_or_else(|| format!("of no family: {line}"))?;
        let allowed: &[&str] = match (kind.as_str(), format) {
            ("gauge", _) | ("counter", Format::Text) => &[""],
            ("counter", Format::OpenMetrics) => &["_total"],
            ("histogram", _) => &["_bucket", "_sum", "_count"],
            ("summary", _) => &["", "_sum", "_count"],
            _ => return Err(format!("unknown type: {kind}")),
        };
        if !allowed.contains(&suffix) {
            return Err(format!("wrong name for a {kind}: {line}"));
        }
        if sample.timestamp.is_none()
            && !series.insert(format!("{}{:?}", sample.name, sample.labels))
        {
            return Err(format!("series twice: {line}"));
        }
        samples.push(sample);
    }
    if format == Format::OpenMetrics && !ended {
        return Err("no # EOF at the end".to_owned());
    }
    Ok(samples)
}

fn parse_sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"")?;
            let mut escaped = false;
            let close = after.char_indices().find_map(|(at, c)| {
                let closes = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                closes.then_some(at)
            })?;
            labels.push((label.to_owned(), unescape(&after[..close], true)?));
            rest = &after[close + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}')?;
    }
    let mut words = rest.strip_prefix(' ')?.split(' ');
    let value = match words.next()? {
        "NaN" => f64::NAN,
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        text if text.bytes().all(|byte| b"0123456789.e+-".contains(&byte)) => text.parse().ok()?,
        _ => return None,
    };
    let timestamp = words.next().map(str::to_owned);
    let valid = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.starts_with(|c: char| !c.is_ascii_digit())
    };
    let named_well = valid(name) && labels.iter().all(|(name, _)| valid(name));
    (words.next().is_none() && named_well).then(|| Sample {
        family: String::new(),
        kind: String::new(),
        name: name.to_owned(),
        labels,
        value,
        timestamp,
    })
}

/// Undoes escapes; `None` for one that is unknown, or for a bare character that needs one.
fn unescape(text: &str, quotes: bool) -> Option<String> {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        plain.push(match c {
            '\\' => match characters.next()? {
                '\\' => '\\',
                'n' => '\n',
                '"' if quotes => '"',
                _ => return None,
            },
            '"' if quotes => return None,
            c => c,
        });
    }
    Some(plain)
}
