//! How good are the alert rules? False alarms a year and days to catch a true rise, on simulated
//! help desks, with the exporter's own formulas.
//!
//! `cargo run --release --example alert-quality [YEARS] [RISES]`; what it prints is explained in
//! `docs/alert-quality.md`. The same arguments print the same numbers.

mod alert;
mod bound;
mod measure;
mod observe;
mod report;
mod rules;
mod simulate;

use std::io::{self, Write};

use measure::Effort;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse());
    let mut next = |default| match arguments.next() {
        None => Ok(default),
        Some(Ok(number)) if number > 0 => Ok(number),
        Some(_) => Err(io::Error::other(
            "usage: alert-quality [YEARS] [RISES], two whole numbers above 0",
        )),
    };
    let effort = Effort {
        years: next(120)?,
        rises: next(300)?,
    };
    let mut output = io::stdout().lock();
    report::write(&mut output, effort)?;
    output.flush()
}
