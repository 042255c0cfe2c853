//! Where numbers come from.
//!
//! | module | holds |
//! | --- | --- |
//! | [`helpscout`] | the Help Scout client: token, pace, retries, semantics |
//! | [`database`] | rows from PostgreSQL, MySQL, MariaDB, SQLite, read-only |
//! | [`count`] | one number from SQL, an HTTP endpoint or a Prometheus: populations |
//! | [`transport`] | HTTP clients with bounds |

pub mod count;
pub mod database;
pub mod helpscout;
pub mod transport;
