//! `tickets` with `database`: queries of a schema that comes with the exporter, or one's own.

use crate::config::{
    databases::Databases,
    decode::{Decoder, Field, Section},
};

/// A SQL database in which tickets are counted.
#[derive(Clone, Debug)]
pub struct SqlDesk {
    /// Index into [`Config::databases`](crate::config::Config::databases).
    pub database: usize,
}

/// Reads the keys beside `database` in `section`.
pub fn desk(
    decoder: &mut Decoder<'_>,
    section: Section<'_>,
    database: &Field<'_>,
    databases: &Databases,
) -> Option<SqlDesk> {
    let _ = (section, databases);
    decoder.problem(database, "databases of help desks are not read yet");
    None
}
