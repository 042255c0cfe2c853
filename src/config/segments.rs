//! The section `segments`.

use super::{
    Channel, ConfigText, Reference, Segment,
    decode::{Decoder, Field, Section},
    document::Position,
    sections::required,
    tickets::DeskKind,
};

/// Most segments besides `all`.
pub const MAX_SEGMENTS: usize = 50;

const MAX_NAME_CHARACTERS: usize = 64;

/// The segments, and of each that has one: where its condition stands.
pub struct Segments {
    pub segments: Vec<Segment>,
    /// Name, position and key.
    pub places: Vec<(String, Position, String)>,
}

/// The segments. `desk` says what one filters by; `None` where the desk has a problem of its own.
pub fn segments(
    decoder: &mut Decoder<'_>,
    root: &mut Section<'_>,
    desk: Option<DeskKind>,
) -> Segments {
    let mut segments = vec![Segment::all()];
    let mut places = Vec::new();
    let Some(field) = root.take("segments") else {
        return Segments { segments, places };
    };
    let items = decoder.items(&field);
    if items.len() > MAX_SEGMENTS {
        decoder.problem(
            &field,
            format!("at most {MAX_SEGMENTS} segments, found {}", items.len()),
        );
    }
    for item in items {
        let Some(mut section) = decoder.section(&item) else {
            continue;
        };
        let name_field = required(decoder, &mut section, "name");
        let name = name_field.as_ref().and_then(|field| {
            let text = decoder.text(field)?;
            if text.configured.from_environment() {
                // It would be on every page, and in Prometheus for good.
                decoder.problem(
                    field,
                    "a segment's name is shown as a label, so it cannot come from the environment",
                );
                return None;
            }
            decoder.parsed(field, "a name of 1 to 64 characters", |text| {
                let length = text.value.chars().count();
                (1..=MAX_NAME_CHARACTERS)
                    .contains(&length)
                    .then(|| text.value.clone())
            })
        });
        let place = section.peek("where").or_else(|| section.peek("query"));
        let filter = filter(decoder, &mut section, desk);
        decoder.finish(section);
        let (Some(name), Some(name_field)) = (name, name_field) else {
            continue;
        };
        if name == Segment::ALL {
            decoder.problem(
                &name_field,
                "`all` always exists and has no filter; choose another name",
            );
        } else if segments.iter().any(|segment| segment.name == name) {
            decoder.problem(&name_field, "this segment is given twice");
        } else {
            if let Some(place) = place {
                places.push((name.clone(), place.node.position, place.key));
            }
            segments.push(Segment { name, ..filter });
        }
    }
    Segments { segments, places }
}

/// What a segment filters by. A key of another kind of desk is refused, and not looked into.
fn filter(decoder: &mut Decoder<'_>, section: &mut Section<'_>, desk: Option<DeskKind>) -> Segment {
    // Where the desk cannot be told, neither can what does not fit it.
    let is = |kind| desk.is_none_or(|desk| desk == kind);
    let mut segment = Segment::all();
    if is(DeskKind::HelpScout) {
        segment.mailboxes = references(decoder, section.take("mailboxes"));
        segment.tags = references(decoder, section.take("tags"));
        segment.channels = channels(decoder, section.take("channels"));
    }
    if is(DeskKind::Sql) {
        segment.condition = condition(decoder, section.take("where"));
    }
    if is(DeskKind::Http) {
        let query = condition(decoder, section.take("query"));
        segment.condition = segment.condition.or(query);
    }
    let Some(desk) = desk else { return segment };
    for key in ["mailboxes", "tags", "channels", "where", "query"] {
        if let Some(field) = section.strange(key) {
            decoder.problem(&field, instead_of(key, desk));
        }
    }
    segment
}

/// What to write instead of a key that belongs to another kind of desk.
fn instead_of(key: &str, desk: DeskKind) -> String {
    let whose = match key {
        "where" => "goes with `tickets` in a database",
        "query" => "goes with `tickets` from an endpoint",
        _ => "goes with `helpscout`",
    };
    let instead = match desk {
        DeskKind::HelpScout => "mailboxes, tags or channels",
        DeskKind::Sql => {
            "where, a condition of SQL on the tickets' table, as in `where: t.group_id IN (3, 4)`"
        }
        DeskKind::Http => "query, the text that replaces {segment}",
    };
    format!("{key} {whose}; here a segment has {instead}")
}

/// A text that is not empty. What it must be else, the desk says.
fn condition(decoder: &mut Decoder<'_>, field: Option<Field<'_>>) -> Option<ConfigText> {
    decoder.parsed(&field?, "a condition", |text| {
        (!text.value.trim().is_empty()).then(|| text.configured.clone())
    })
}

/// Unquoted digits are an id, everything else is a name.
pub(super) fn references(decoder: &mut Decoder<'_>, field: Option<Field<'_>>) -> Vec<Reference> {
    let Some(field) = field else {
        return Vec::new();
    };
    let mut references = Vec::new();
    for item in decoder.items(&field) {
        let reference = decoder.parsed(&item, "an id or a name", |text| {
            let value = text.value.trim();
            match value.parse() {
                Ok(id) if text.plain => Some(Reference::Id(id)),
                _ if value.is_empty() => None,
                _ => Some(Reference::Name(ConfigText::new(
                    value,
                    text.configured.from_environment(),
                ))),
            }
        });
        push_once(decoder, &item, &mut references, reference);
    }
    references
}

fn channels(decoder: &mut Decoder<'_>, field: Option<Field<'_>>) -> Vec<Channel> {
    let Some(field) = field else {
        return Vec::new();
    };
    let choices = Channel::ALL.map(|channel| (channel.name(), channel));
    let mut channels = Vec::new();
    for item in decoder.items(&field) {
        let channel = decoder.choice(&item, &choices);
        push_once(decoder, &item, &mut channels, channel);
    }
    channels
}

fn push_once<T: PartialEq>(
    decoder: &mut Decoder<'_>,
    item: &Field<'_>,
    list: &mut Vec<T>,
    value: Option<T>,
) {
    if let Some(value) = value {
        if list.contains(&value) {
            decoder.problem(item, "is given twice");
        } else {
            list.push(value);
        }
    }
}
