//! The queries that come with the exporter: one file for each product and kind of database.

use super::Question;
use crate::config::Dialect;

/// A product whose tables are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Schema {
    /// Zammad.
    Zammad,
    /// `FreeScout`.
    Freescout,
    /// Chatwoot.
    Chatwoot,
    /// `osTicket`.
    Osticket,
    /// GLPI.
    Glpi,
}

impl Schema {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Zammad,
        Self::Freescout,
        Self::Chatwoot,
        Self::Osticket,
        Self::Glpi,
    ];

    /// The value in the config file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zammad => "zammad",
            Self::Freescout => "freescout",
            Self::Chatwoot => "chatwoot",
            Self::Osticket => "osticket",
            Self::Glpi => "glpi",
        }
    }

    /// What people call it.
    pub const fn product(self) -> &'static str {
        match self {
            Self::Zammad => "Zammad",
            Self::Freescout => "FreeScout",
            Self::Chatwoot => "Chatwoot",
            Self::Osticket => "osTicket",
            Self::Glpi => "GLPI",
        }
    }

    /// The queries for databases that speak `dialect`, where there are any.
    fn file(self, dialect: Dialect) -> Option<&'static str> {
        macro_rules! schema {
            ($file:literal) => {
                Some(include_str!(concat!(
                    "../../../sources/sql_desk/schemas/",
                    $file
                )))
            };
        }
        match (self, dialect) {
            (Self::Zammad, Dialect::Postgres) => schema!("zammad.postgres.sql"),
            (Self::Zammad, Dialect::Mysql) => schema!("zammad.mysql.sql"),
            (Self::Freescout, Dialect::Postgres) => schema!("freescout.postgres.sql"),
            (Self::Freescout, Dialect::Mysql) => schema!("freescout.mysql.sql"),
            (Self::Chatwoot, Dialect::Postgres) => schema!("chatwoot.postgres.sql"),
            (Self::Osticket, Dialect::Mysql) => schema!("osticket.mysql.sql"),
            (Self::Glpi, Dialect::Mysql) => schema!("glpi.mysql.sql"),
            _ => None,
        }
    }

    /// Whether there are queries for databases that speak `dialect`.
    pub fn speaks(self, dialect: Dialect) -> bool {
        self.file(dialect).is_some()
    }

    /// The query for `question`, where the product can answer it.
    pub fn query(self, dialect: Dialect, question: Question) -> Option<&'static str> {
        let mut sections = self.file(dialect)?.split("-- name: ").skip(1);
        sections.find_map(|section| {
            let (name, query) = section.split_once('\n')?;
            (name.trim() == question.name()).then(|| query.trim())
        })
    }

    /// Whether one database holds the tickets of several accounts, of which one must be chosen.
    pub const fn needs_account(self) -> bool {
        matches!(self, Self::Chatwoot)
    }

    /// What the names of its tables begin with, where that can be chosen.
    pub const fn default_prefix(self) -> Option<&'static str> {
        match self {
            Self::Osticket => Some("ost_"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_counts_what_is_created_and_names_no_unknown_question() {
        for schema in Schema::ALL {
            let mut dialects = 0;
            for dialect in [Dialect::Postgres, Dialect::Mysql] {
                let Some(file) = schema.file(dialect) else {
                    continue;
                };
                dialects += 1;
                let named = file.matches("-- name: ").count();
                let known = Question::ALL
                    .into_iter()
                    .filter_map(|question| schema.query(dialect, question));
                let known: Vec<&str> = known.collect();
                assert_eq!(known.len(), named, "{schema:?} {dialect:?}");
                assert!(known.iter().all(|query| query.contains("{segment}")));
                assert!(schema.query(dialect, Question::Created).is_some());
                assert_eq!(
                    file.contains("{account_id}"),
                    schema.needs_account(),
                    "{schema:?}"
                );
                assert_eq!(
                    file.contains("{table_prefix}"),
                    schema.default_prefix().is_some()
                );
            }
            assert!(dialects > 0, "{schema:?}");
        }
    }
}
