//! The tables of `docs/forecast-quality.md`.

use std::io::{self, Write};

use contact_rate_exporter::domain::forecast::Horizon;

use crate::evaluate::{Sums, evaluate, shifts_a_year};

/// Weeks of history that a forecast is made from.
const HISTORIES: [usize; 4] = [26, 52, 104, 208];
/// Weeks from one origin to the next: neighbours are nearly the same.
const STRIDE: usize = 5;
/// A series shorter than this is forecast from its first weeks at every week.
const SHORT: usize = 60;
const SHORT_HISTORY: usize = 20;

/// The goals.
const WORST: f64 = 1.02;
const MEDIAN: f64 = 0.90;
const COVERAGE: std::ops::RangeInclusive<f64> = 0.85..=0.95;

/// One weekly series.
pub struct Series {
    /// Its name.
    pub name: String,
    /// Its weeks, oldest first.
    pub weeks: Vec<f64>,
}

struct Cell {
    name: String,
    history: usize,
    horizon: Horizon,
    sums: Sums,
}

impl Cell {
    fn ratio(&self) -> f64 {
        self.sums.error() / self.sums.naive()
    }
}

/// Evaluates all and writes Markdown.
pub fn write(output: &mut impl Write, all: &[Series]) -> io::Result<()> {
    let cells = cells(all);
    writeln!(
        output,
        "| series | history | horizon | error | best naive | ÷ | smoothing | coverage | forecasts |"
    )?;
    writeln!(
        output,
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: |"
    )?;
    for cell in &cells {
        let sums = &cell.sums;
        let coverage = if sums.with_bounds > 0 {
            format!("{:.0} %", 100.0 * sums.coverage())
        } else {
            "–".to_owned()
        };
        writeln!(
            output,
            "| {} | {} | {} | {:.1} % | {:.1} % | {:.2} | {:.1} % | {coverage} | {} |",
            cell.name,
            cell.history,
            cell.horizon.name(),
            100.0 * sums.error(),
            100.0 * sums.naive(),
            cell.ratio(),
            100.0 * sums.smoothing(),
            sums.origins,
        )?;
    }
    summary(output, &cells)?;
    writeln!(output, "\n| series | changes of level found a year |")?;
    writeln!(output, "| --- | --: |")?;
    for series in all {
        writeln!(
            output,
            "| {} | {:.2} |",
            series.name,
            shifts_a_year(&series.weeks)
        )?;
    }
    Ok(())
}

fn cells(all: &[Series]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for series in all {
        let (histories, stride): (&[usize], usize) = if series.weeks.len() < SHORT {
            (&[SHORT_HISTORY], 1)
        } else {
            (&HISTORIES, STRIDE)
        };
        for history in histories {
            let evaluated = evaluate(&series.weeks, *history, stride);
            for (horizon, sums) in Horizon::ALL.into_iter().zip(evaluated) {
                if sums.origins > 0 {
                    cells.push(Cell {
                        name: series.name.clone(),
                        history: *history,
                        horizon,
                        sums,
                    });
                }
            }
        }
    }
    cells
}

fn summary(output: &mut impl Write, cells: &[Cell]) -> io::Result<()> {
    writeln!(
        output,
        "\n| history | horizon | median ÷ | worst ÷ | cells above {WORST} | mean coverage | least | most |"
    )?;
    writeln!(output, "| --: | --: | --: | --: | --: | --: | --: | --: |")?;
    for history in HISTORIES {
        for horizon in Horizon::ALL {
            let of: Vec<&Cell> = cells
                .iter()
                .filter(|cell| cell.history == history && cell.horizon == horizon)
                .collect();
            line(output, &format!("{history} | {}", horizon.name()), &of)?;
        }
    }
    let all: Vec<&Cell> = cells.iter().collect();
    line(output, "all | all", &all)?;
    let all_ratios = sorted(&all);
    let outside =
        |cell: &&Cell| cell.sums.with_bounds > 0 && !COVERAGE.contains(&cell.sums.coverage());
    writeln!(
        output,
        "\nGoals: {} of {} cells above {WORST} × the best naive way; median {:.2} (goal {MEDIAN}); {} of {} cells covered outside of 85 to 95 %.",
        all_ratios.iter().filter(|ratio| **ratio > WORST).count(),
        all_ratios.len(),
        median(&all_ratios),
        all.iter().copied().filter(|cell| outside(cell)).count(),
        all.iter().filter(|cell| cell.sums.with_bounds > 0).count(),
    )
}

fn line(output: &mut impl Write, name: &str, cells: &[&Cell]) -> io::Result<()> {
    let ratios = sorted(cells);
    if ratios.is_empty() {
        return Ok(());
    }
    let coverages: Vec<f64> = cells
        .iter()
        .filter(|cell| cell.sums.with_bounds > 0)
        .map(|cell| cell.sums.coverage())
        .collect();
    writeln!(
        output,
        "| {name} | {:.2} | {:.2} | {} | {:.0} % | {:.0} % | {:.0} % |",
        median(&ratios),
        ratios.last().copied().unwrap_or(f64::NAN),
        ratios.iter().filter(|ratio| **ratio > WORST).count(),
        100.0 * coverages.iter().sum::<f64>() / coverages.len() as f64,
        100.0 * coverages.iter().copied().fold(f64::INFINITY, f64::min),
        100.0 * coverages.iter().copied().fold(0.0, f64::max),
    )
}

fn sorted(cells: &[&Cell]) -> Vec<f64> {
    let mut ratios: Vec<f64> = cells.iter().map(|cell| cell.ratio()).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    ratios
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted.get(middle).copied().unwrap_or(f64::NAN)
    } else {
        let pair = sorted.get(middle.wrapping_sub(1)).zip(sorted.get(middle));
        pair.map_or(f64::NAN, |(low, high)| low.midpoint(*high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_that_repeats_is_told_as_one() {
        let weeks = (0..300)
            .map(|week| 100.0 + 30.0 * f64::from(u8::from(week % 52 < 26)))
            .collect();
        let series = Series {
            name: "square".to_owned(),
            weeks,
        };
        let mut output = Vec::new();
        write(&mut output, &[series]).unwrap();
        let text = String::from_utf8(output).unwrap();
        assert!(text.contains("| square | 208 | 13w | 0.0 % "), "{text}");
        assert!(text.contains("Goals: "), "{text}");
    }

    #[test]
    fn medians_are_by_hand() {
        assert!((median(&[1.0, 2.0, 9.0]) - 2.0).abs() < 1e-12);
        assert!((median(&[1.0, 2.0, 4.0, 9.0]) - 3.0).abs() < 1e-12);
    }
}
