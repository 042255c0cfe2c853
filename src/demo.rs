//! The demo: an invented French public service, whose help desk answers as Help Scout does and
//! whose users and dossiers lie in a SQLite file.
//!
//! [`story`] is the truth and everything else is drawn from it: [`simulator`] answers from it over
//! HTTP, [`database`] writes it to a file. Nothing here knows the exporter's Help Scout client:
//! sharing types would let both be wrong alike.

pub mod database;
pub mod simulator;
pub mod story;
