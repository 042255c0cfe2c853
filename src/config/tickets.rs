//! Where tickets are counted: the sections `helpscout` and `tickets`, of which there is exactly one.
//!
//! | module | holds |
//! | --- | --- |
//! | [`sql`] | `tickets` with `database`: queries of a schema that comes with the exporter, or one's own |
//! | [`http`] | `tickets` with `http`: an endpoint that counts |

pub mod http;
pub mod sql;

use super::{
    HelpScout,
    databases::Databases,
    decode::{Decoder, Section},
    sections,
};

pub use http::HttpDesk;
pub use sql::SqlDesk;

/// Where tickets are counted.
#[derive(Clone, Debug)]
pub enum Desk {
    /// A Help Scout account: the section `helpscout`.
    HelpScout(Box<HelpScout>),
    /// A SQL database: `tickets` with `database`.
    Sql(Box<SqlDesk>),
    /// An endpoint that counts: `tickets` with `http`.
    Http(Box<HttpDesk>),
}

/// Which kind of desk it is: what a segment filters by follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskKind {
    /// Help Scout.
    HelpScout,
    /// A SQL database.
    Sql,
    /// An endpoint that counts.
    Http,
}

/// The desk, if it is well described, and its kind, if that can be told.
pub fn desk(
    decoder: &mut Decoder<'_>,
    root: &mut Section<'_>,
    databases: &Databases,
) -> (Option<Desk>, Option<DeskKind>) {
    let helpscout = root.take("helpscout");
    let tickets = root.take("tickets");
    match (helpscout, tickets) {
        (None, None) => {
            decoder.missing(
                root,
                "helpscout (app_id and app_secret) or tickets (database or http)",
            );
            (None, None)
        }
        (Some(_), Some(tickets)) => {
            decoder.problem(
                &tickets,
                "tickets are counted at one desk: give either helpscout or tickets, not both",
            );
            (None, None)
        }
        (Some(helpscout), None) => {
            let desk = sections::helpscout(decoder, &helpscout);
            let desk = desk.map(|desk| Desk::HelpScout(Box::new(desk)));
            (desk, Some(DeskKind::HelpScout))
        }
        (None, Some(tickets)) => {
            let Some(mut section) = decoder.section(&tickets) else {
                return (None, None);
            };
            let database = section.take("database");
            match (database, section.take("http")) {
                (Some(database), None) => {
                    let desk = sql::desk(decoder, section, &database, databases);
                    let desk = desk.map(|desk| Desk::Sql(Box::new(desk)));
                    (desk, Some(DeskKind::Sql))
                }
                (None, Some(http)) => {
                    let desk = http::desk(decoder, section, &http);
                    let desk = desk.map(|desk| Desk::Http(Box::new(desk)));
                    (desk, Some(DeskKind::Http))
                }
                (Some(_), Some(http)) => {
                    decoder.problem(
                        &http,
                        "give either database (queries) or http (an endpoint that counts), not both",
                    );
                    (None, None)
                }
                (None, None) => {
                    let wanted =
                        "database (a name of `databases`) or http (an endpoint that counts)";
                    // The other keys are not unknown: what they belong to is.
                    if let Some(near) = section.nearest(&["database", "http"]) {
                        decoder.problem(&near, format!("unknown key; {wanted} is missing here"));
                    } else {
                        decoder.missing(&section, wanted);
                    }
                    (None, None)
                }
            }
        }
    }
}

/// Whether visitors of the help centre can be a population at `desk`; if not, why. A desk with a
/// problem of its own may count them.
pub const fn counts_visitors(
    desk: Option<&Desk>,
    kind: Option<DeskKind>,
) -> Result<(), &'static str> {
    match (desk, kind) {
        (Some(Desk::HelpScout(helpscout)), _) if helpscout.help_center.is_none() => {
            Err("no help centre is counted; add helpscout.help_center: true")
        }
        (_, Some(DeskKind::Sql | DeskKind::Http)) => Err(
            "visitors of a help centre are not supported by this ticket source: they go with `helpscout`, not with `tickets`",
        ),
        _ => Ok(()),
    }
}
