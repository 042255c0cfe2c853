//! How good is the forecast? Every week of long series is forecast from the weeks before it, with the
//! exporter's own code, and held against what came.
//!
//! `series.py | cargo run --release --example forecast-quality`; the whole command and what it prints
//! are in `docs/forecast-quality.md`. The same input prints the same numbers.
//!
//! Input: one series a line, its name (with `_` for a blank) and its weeks, oldest first, between blanks.

mod evaluate;
mod report;

use std::io::{self, BufRead as _, Write as _};

use report::Series;

fn main() -> io::Result<()> {
    let mut all = Vec::new();
    for line in io::stdin().lock().lines() {
        all.push(parse(&line?)?);
    }
    let mut output = io::stdout().lock();
    report::write(&mut output, &all)?;
    output.flush()
}

/// `name week week …`
fn parse(line: &str) -> io::Result<Series> {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default().replace('_', " ");
    let weeks: Result<Vec<f64>, _> = words.map(str::parse).collect();
    match weeks {
        Ok(weeks) if !weeks.is_empty() => Ok(Series { name, weeks }),
        _ => Err(io::Error::other(format!(
            "expected a name and numbers, found {line:.60}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_and_weeks() {
        let series = parse("calls 10 12.5 0").unwrap();
        assert_eq!(series.name, "calls");
        assert_eq!(series.weeks, [10.0, 12.5, 0.0]);
        for bad in ["", "calls", "calls ten"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
