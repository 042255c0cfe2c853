//! Texts with placeholders in braces.

use std::fmt;

use jiff::tz::TimeZone;

use crate::{config::decode::suggestion, domain::Interval};

/// What stands in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `{query}`: the text of the question.
    Query,
    /// `{segment}`: the segment's `query`, or nothing.
    Segment,
    /// `{start}`, `{end}`: RFC 3339 in UTC.
    Start,
    /// The first instant after the interval.
    End,
    /// `{start_unix}`, `{end_unix}`: seconds.
    StartUnix,
    /// The first second after the interval.
    EndUnix,
    /// `{start_date}`, `{end_date}`: dates in UTC.
    StartDate,
    /// The first date after the interval.
    EndDate,
    /// `{last_date}`: the last date inside, where the endpoint's upper bound is inclusive.
    LastDate,
}

impl Placeholder {
    const ALL: [Self; 9] = [
        Self::Query,
        Self::Segment,
        Self::Start,
        Self::End,
        Self::StartUnix,
        Self::EndUnix,
        Self::StartDate,
        Self::EndDate,
        Self::LastDate,
    ];

    /// Its name, without the braces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Segment => "segment",
            Self::Start => "start",
            Self::End => "end",
            Self::StartUnix => "start_unix",
            Self::EndUnix => "end_unix",
            Self::StartDate => "start_date",
            Self::EndDate => "end_date",
            Self::LastDate => "last_date",
        }
    }

    /// Whether it tells where the interval starts.
    pub const fn is_start(self) -> bool {
        matches!(self, Self::Start | Self::StartUnix | Self::StartDate)
    }

    /// Whether it tells where the interval ends.
    pub const fn is_end(self) -> bool {
        matches!(
            self,
            Self::End | Self::EndUnix | Self::EndDate | Self::LastDate
        )
    }

    /// Whether it is a date, so that only whole days can be asked for.
    pub const fn is_date(self) -> bool {
        matches!(self, Self::StartDate | Self::EndDate | Self::LastDate)
    }

    /// What it stands for in `interval`; `None` for what is no bound.
    pub fn bound(self, interval: Interval) -> Option<String> {
        let date = |instant: jiff::Timestamp| instant.to_zoned(TimeZone::UTC).date();
        match self {
            Self::Query | Self::Segment => None,
            Self::Start => Some(interval.start.to_string()),
            Self::End => Some(interval.end.to_string()),
            Self::StartUnix => Some(interval.start.as_second().to_string()),
            Self::EndUnix => Some(interval.end.as_second().to_string()),
            Self::StartDate => Some(date(interval.start).to_string()),
            Self::EndDate => Some(date(interval.end).to_string()),
            Self::LastDate => date(interval.end).yesterday().ok().map(|d| d.to_string()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Placeholder(Placeholder),
}

/// A text with placeholders.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Vec<Piece>);

impl fmt::Debug for Text {
    /// It may hold a token, or come from the environment: only its placeholders are shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.placeholders()).finish()
    }
}

impl Text {
    /// Reads a text. Braces around anything but a lower-case word are taken as they are; around a word
    /// that is no placeholder they are an error, which says which words are known.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, opened)) = rest.split_once('{') {
            plain.push_str(before);
            let word = opened.split_once('}').filter(|(word, _)| {
                !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            });
            let Some((word, after)) = word else {
                plain.push('{');
                rest = opened;
                continue;
            };
            let known = Placeholder::ALL.into_iter().find(|one| one.name() == word);
            let Some(known) = known else {
                let names = Placeholder::ALL.map(Placeholder::name);
                let near = suggestion(word, &names);
                return Err(format!(
                    "nothing fills the placeholder {{{word}}}; known are {{{}}}{near}",
                    names.join("}, {")
                ));
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Placeholder(known));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// The placeholders in order.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> + '_ {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Placeholder(placeholder) => Some(*placeholder),
            Piece::Text(_) => None,
        })
    }

    /// Whether `placeholder` occurs.
    pub fn has(&self, placeholder: Placeholder) -> bool {
        self.placeholders().any(|one| one == placeholder)
    }

    /// The text with each placeholder as `fill` says, which is told what was written before it.
    pub fn filled(
        &self,
        mut fill: impl FnMut(Placeholder, &str) -> Option<String>,
    ) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Placeholder(placeholder) => {
                    let value = fill(*placeholder, &text)?;
                    text.push_str(&value);
                }
            }
        }
        Some(text)
    }

    /// As it was written.
    pub fn raw(&self) -> String {
        self.filled(|placeholder, _| Some(format!("{{{}}}", placeholder.name())))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_in_braces_are_placeholders() {
        let text = r#"[{"field": "a", "value": {start_unix}}{segment}, {}, { end }, {"#;
        let read = Text::read(text).unwrap();
        let found: Vec<Placeholder> = read.placeholders().collect();
        assert_eq!(found, [Placeholder::StartUnix, Placeholder::Segment]);
        assert_eq!(read.raw(), text);
        let error = Text::read("a>{strat}").unwrap_err();
        assert!(error.contains("did you mean `start`"), "{error}");
    }

    #[test]
    fn bounds_are_written_as_their_names_say() {
        let interval = Interval {
            start: "2026-02-27T00:00:00Z".parse().unwrap(),
            end: "2026-03-01T00:00:00Z".parse().unwrap(),
        };
        let told = |name: &str| {
            let text = Text::read(&format!("{{{name}}}")).unwrap();
            text.filled(|one, _| one.bound(interval)).unwrap()
        };
        assert_eq!(told("start"), "2026-02-27T00:00:00Z");
        assert_eq!(told("end_unix"), "1772323200");
        assert_eq!(told("start_date"), "2026-02-27");
        assert_eq!(told("end_date"), "2026-03-01");
        assert_eq!(told("last_date"), "2026-02-28");
    }
}
