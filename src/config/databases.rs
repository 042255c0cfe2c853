//! The section `databases`.

use super::{
    Database,
    address::validate,
    decode::{Decoder, Section},
};

/// What the section `databases` gives.
#[derive(Default)]
pub struct Databases {
    /// Those that can be used.
    pub usable: Vec<Database>,
    /// Names of those that have a problem of their own.
    pub faulty: Vec<String>,
}

pub fn databases(decoder: &mut Decoder<'_>, root: &mut Section<'_>) -> Databases {
    let mut databases = Databases::default();
    let Some(field) = root.take("databases") else {
        return databases;
    };
    for (name, _, entry) in decoder.entries(&field) {
        // Until the end of the loop, where it proves right.
        databases.faulty.push(name.to_owned());
        let Some(mut section) = decoder.section(&entry) else {
            continue;
        };
        let place = section.peek("url").or_else(|| section.peek("url_file"));
        let url = decoder.secret(&mut section, "url", "url_file", true);
        decoder.finish(section);
        let Some(url) = url else { continue };
        let dialect = match validate(url.expose()) {
            Ok(dialect) => dialect,
            Err(message) => {
                decoder.problem(&place.unwrap_or(entry), message);
                continue;
            }
        };
        databases.faulty.pop();
        databases.usable.push(Database {
            name: name.to_owned(),
            dialect,
            url,
            folder: decoder.folder().to_owned(),
        });
    }
    databases
}
