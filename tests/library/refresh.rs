//! The refresh as a library, on the simulated help desk over real HTTP, a SQLite file and a clock
//! that stands still.

mod ages;
mod desk;
mod faults;
mod help_center;
mod logs;
mod page;
mod past;
mod plans;
mod reasons;
mod reloads;
mod shapes;
mod successors;
mod trust;
mod truth;
mod weeks;
