//! The refresh as a library, on the simulated help desk over real HTTP, a SQLite file and a clock
//! that stands still.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "refresh/ages.rs"]
mod ages;
#[path = "refresh/desk.rs"]
mod desk;
#[path = "refresh/faults.rs"]
mod faults;
#[path = "refresh/logs.rs"]
mod logs;
#[path = "refresh/page.rs"]
mod page;
#[path = "refresh/plans.rs"]
mod plans;
#[path = "refresh/reloads.rs"]
mod reloads;
#[path = "refresh/shapes.rs"]
mod shapes;
#[path = "refresh/successors.rs"]
mod successors;
#[path = "refresh/trust.rs"]
mod trust;
#[path = "refresh/truth.rs"]
mod truth;
