//! Where numbers come from.
//!
//! | module | holds |
//! | --- | --- |
//! | [`tickets`] | the seam: a ticket source, and what a refresh asks it |
//! | [`capabilities`] | what a ticket source can tell, and what it costs |
//! | [`calls`] | what clients of help desks share: pace, waits, retries, metrics |
//! | [`counted`] | counts of a window, as far as they were answered |
//! | [`sql_desk`] | the database of a help desk |
//! | [`http_desk`] | an endpoint that counts |
//! | [`telemetry`] | metrics of the clients that make calls |
//! | [`helpscout`] | the Help Scout client: token, semantics |
//! | [`database`] | rows from PostgreSQL, MySQL, MariaDB, SQLite, read-only |
//! | [`count`] | one number from SQL, an HTTP endpoint or a Prometheus: populations |
//! | [`credentials`] | who asks an HTTP endpoint |
//! | [`json`] | the number that a document has at a pointer |
//! | [`transport`] | HTTP clients with bounds |
//! | `json_error` | what is wrong with a document, without any of its text |

pub mod calls;
pub mod capabilities;
pub mod count;
pub mod counted;
pub mod credentials;
pub mod database;
pub mod helpscout;
pub mod http_desk;
pub mod json;
mod json_error;
pub mod sql_desk;
pub mod telemetry;
pub mod tickets;
pub mod transport;
