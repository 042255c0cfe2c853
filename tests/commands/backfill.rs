//! Past windows: what the file holds, what it costs, and what happens when something goes wrong.

mod agreement;
mod cache;
mod command;
mod history;
mod truth;
mod world;
