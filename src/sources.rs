//! Where numbers come from.
//!
//! | module | holds |
//! | --- | --- |
//! | [`tickets`] | the seam: a ticket source, and what a refresh asks it |
//! | [`capabilities`] | what a ticket source can tell, and what it costs |
//! | [`counted`] | counts of a window, as far as they were answered |
//! | [`sql_desk`] | the database of a help desk |
//! | [`helpscout`] | the Help Scout client: token, pace, retries, semantics |
//! | [`database`] | rows from PostgreSQL, MySQL, MariaDB, SQLite, read-only |
//! | [`count`] | one number from SQL, an HTTP endpoint or a Prometheus: populations |
//! | [`transport`] | HTTP clients with bounds |
//! | `json_error` | what is wrong with a document, without any of its text |

pub mod capabilities;
pub mod count;
pub mod counted;
pub mod database;
pub mod helpscout;
mod json_error;
pub mod sql_desk;
pub mod tickets;
pub mod transport;
