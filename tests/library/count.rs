//! One number from a source, read over its real protocol.

#![allow(
    clippy::float_cmp,
    clippy::too_many_lines,
    reason = "counts are exact, and a table of cases is long"
)]

mod http;
mod sqlite;
