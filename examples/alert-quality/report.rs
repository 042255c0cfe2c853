//! Runs the study and prints its tables, in Markdown.

use std::io::{self, Write};

use crate::bound;
use crate::measure::{
    Delays, Effort, FalseAlarms, HORIZON_DAYS, cells, delays, false_alarms, for_each,
};
use crate::rules::{RuleSet, above_truth, recommended, variants, week_on_week};
use crate::simulate::{Population, Traffic};

/// Every random number of the study follows from it. The thresholds were chosen with other seeds.
const SEED: u64 = 20_260_101;

/// Minutes between two evaluations; a table of its own says what finer ones change.
const STEP: usize = 60;

/// True rises: those that each cell must catch, and an outage.
const FACTORS: [f64; 4] = [1.2, 1.5, 2.0, 5.0];

/// The rises without the outage.
const SMALL_FACTORS: usize = 3;

/// Thresholds to choose from with hindsight, as multiples of the true rate.
const HINDSIGHT: [f64; 16] = [
    1.1, 1.15, 1.2, 1.25, 1.3, 1.35, 1.4, 1.5, 1.6, 1.8, 2.0, 2.25, 2.5, 3.0, 3.5, 4.0,
];

const NAIVE_FACTOR: f64 = 1.2;

/// All that was measured in one cell, per rule set.
struct Cell {
    traffic: Traffic,
    alarms: Vec<FalseAlarms>,
    /// By [`FACTORS`].
    delays: Vec<Vec<Delays>>,
}

/// Where the sets of the study are.
struct Sets {
    all: Vec<RuleSet>,
    variants: std::ops::Range<usize>,
    hindsight: std::ops::Range<usize>,
}

const RECOMMENDED: usize = 0;
const WEEK_ON_WEEK: usize = 1;
const FIXED: usize = 2;

impl Sets {
    fn new() -> Self {
        let mut all = vec![recommended(), week_on_week(), above_truth(NAIVE_FACTOR)];
        let from = all.len();
        all.extend(variants());
        let to = all.len();
        all.extend(HINDSIGHT.map(above_truth));
        Self {
            variants: from..to,
            hindsight: to..all.len(),
            all,
        }
    }
}

/// Runs the whole study and writes its tables.
pub fn write(output: &mut impl Write, effort: Effort) -> io::Result<()> {
    let sets = Sets::new();
    let traffics = cells();
    let cells = for_each(traffics.len(), |number| {
        let traffic = traffics[number];
        let seed = SEED + number as u64 * 100;
        Cell {
            traffic,
            alarms: false_alarms(traffic, &sets.all, effort.years, STEP, seed),
            delays: FACTORS
                .iter()
                .zip(seed + 1..)
                .map(|(&factor, seed)| delays(traffic, factor, &sets.all, effort.rises, STEP, seed))
                .collect(),
        }
    });
    writeln!(
        output,
        "{} years without a rise per row, {} rises of each size per row, evaluated every {STEP} min.",
        effort.years, effort.rises
    )?;
    false_alarm_table(output, &sets, &cells)?;
    for (number, factor) in FACTORS.into_iter().take(SMALL_FACTORS).enumerate() {
        delay_table(output, &sets, &cells, number, factor)?;
    }
    variant_table(output, &sets, &cells)?;
    step_table(output, effort)
}

fn label(traffic: Traffic) -> String {
    let Traffic {
        weekly,
        variation,
        population,
    } = traffic;
    format!("{} | {weekly} | {variation:.1}", population.name())
}

fn false_alarm_table(output: &mut impl Write, sets: &Sets, cells: &[Cell]) -> io::Result<()> {
    writeln!(output, "\n### False alarms a year\n")?;
    write!(output, "| population | weekly | CV |")?;
    for rule in &sets.all[RECOMMENDED].rules {
        write!(output, " {} |", rule.name)?;
    }
    writeln!(output, " **sum** | episodes | week on week | 20 % above |")?;
    writeln!(output, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")?;
    for cell in cells {
        let recommended = &cell.alarms[RECOMMENDED];
        write!(output, "| {} |", label(cell.traffic))?;
        for of_rule in &recommended.of_rules {
            write!(output, " {of_rule:.2} |")?;
        }
        writeln!(
            output,
            " **{:.2}** | {:.2} | {:.1} | {:.1} |",
            recommended.sum(),
            recommended.episodes,
            cell.alarms[WEEK_ON_WEEK].sum(),
            cell.alarms[FIXED].sum(),
        )?;
    }
    Ok(())
}

/// The lowest fixed threshold that had at most one false alarm a year in these very years.
fn hindsight(sets: &Sets, cell: &Cell) -> Option<(f64, usize)> {
    HINDSIGHT
        .into_iter()
        .zip(sets.hindsight.clone())
        .find(|&(_, set)| cell.alarms[set].sum() <= 1.0)
}

fn delay_table(
    output: &mut impl Write,
    sets: &Sets,
    cells: &[Cell],
    number: usize,
    factor: f64,
) -> io::Result<()> {
    writeln!(output, "\n### Days to catch a rise by ×{factor}\n")?;
    writeln!(
        output,
        "| population | weekly | CV | median | mean | within 14 d | within 28 d | bound | mean ÷ bound | bound, own days | mean ÷ it | week on week | 20 % above | hindsight |"
    )?;
    writeln!(
        output,
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    )?;
    for cell in cells {
        let delays = &cell.delays[number];
        let recommended = &delays[RECOMMENDED];
        let bound = bound::poisson_days(cell.traffic.weekly, factor);
        let own_bound = bound::days(cell.traffic, factor);
        let at_least = if recommended.is_censored() {
            "≥ "
        } else {
            ""
        };
        let mean = recommended.mean();
        let hindsight = hindsight(sets, cell).map_or_else(
            || "–".to_owned(),
            |(threshold, set)| format!("{} (×{threshold})", median(&delays[set])),
        );
        writeln!(
            output,
            "| {} | {} | {at_least}{mean:.1} | {:.0} % | {:.0} % | {bound:.1} | {at_least}{:.1} | {own_bound:.1} | {at_least}{:.1} | {} | {} | {hindsight} |",
            label(cell.traffic),
            median(recommended),
            recommended.share_within(14.0) * 100.0,
            recommended.share_within(28.0) * 100.0,
            mean / bound,
            mean / own_bound,
            median(&delays[WEEK_ON_WEEK]),
            median(&delays[FIXED]),
        )?;
    }
    Ok(())
}

fn median(delays: &Delays) -> String {
    delays
        .median()
        .map_or_else(|| format!("> {HORIZON_DAYS}"), |days| format!("{days:.1}"))
}

fn variant_table(output: &mut impl Write, sets: &Sets, cells: &[Cell]) -> io::Result<()> {
    writeln!(output, "\n### What each part buys\n")?;
    writeln!(
        output,
        "| rules | worst sum, steady | worst sum, growing | cells over 1 | mean sum | days, ×1.2 to ×2 | ×1.5 at 50 | within 28 d | ×1.5 at 500, CV 0.3 | ×5 at 50, CV 0.3 |"
    )?;
    writeln!(output, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")?;
    for set in sets.variants.clone() {
        let sums = |steady: bool| {
            cells
                .iter()
                .filter(move |cell| (cell.traffic.population == Population::Steady) == steady)
                .map(|cell| cell.alarms[set].sum())
        };
        let all = || sums(true).chain(sums(false));
        let delays = |weekly: f64, variation: f64, number: usize| {
            let wanted = Traffic {
                weekly,
                variation,
                population: Population::Steady,
            };
            cells
                .iter()
                .find(|cell| cell.traffic == wanted)
                .map(|cell| &cell.delays[number][set])
        };
        let median_of = |delays: Option<&Delays>| delays.map(median).unwrap_or_default();
        // Sizes differ by orders of magnitude: a geometric mean lets none of them rule.
        let ln_means: Vec<f64> = cells
            .iter()
            .flat_map(|cell| cell.delays.iter().take(SMALL_FACTORS))
            .map(|delays| delays[set].mean().ln())
            .collect();
        writeln!(
            output,
            "| {} | {:.2} | {:.2} | {} | {:.2} | {:.1} | {} | {:.0} % | {} | {} |",
            sets.all[set].name,
            sums(true).fold(0.0, f64::max),
            sums(false).fold(0.0, f64::max),
            all().filter(|&sum| sum > 1.0).count(),
            all().sum::<f64>() / cells.len() as f64,
            (ln_means.iter().sum::<f64>() / ln_means.len() as f64).exp(),
            median_of(delays(50.0, 0.0, 1)),
            delays(50.0, 0.0, 1).map_or(0.0, |delays| delays.share_within(28.0)) * 100.0,
            median_of(delays(500.0, 0.3, 1)),
            median_of(delays(50.0, 0.3, 3)),
        )?;
    }
    Ok(())
}

/// The same years and rises, evaluated more often.
fn step_table(output: &mut impl Write, effort: Effort) -> io::Result<()> {
    const STEPS: [usize; 3] = [60, 15, 5];
    let years = effort.years.min(40);
    let rises = effort.rises.min(100);
    let traffics: Vec<Traffic> = cells()
        .into_iter()
        .filter(|traffic| traffic.population != Population::GrowingFlow && traffic.weekly > 5.0)
        .filter(|traffic| traffic.variation <= 0.0 || traffic.variation >= 0.3)
        .collect();
    let sets = [recommended()];
    let jobs = traffics.len() * STEPS.len();
    let results = for_each(jobs, |job| {
        let (number, step) = (job / STEPS.len(), STEPS[job % STEPS.len()]);
        let seed = SEED + 1_000_000 + number as u64 * 100;
        let alarms = false_alarms(traffics[number], &sets, years, step, seed)
            .first()
            .map_or(0.0, FalseAlarms::sum);
        let delays = delays(traffics[number], 1.5, &sets, rises, step, seed + 1);
        (alarms, delays.first().map(median).unwrap_or_default())
    });
    writeln!(output, "\n### How often rules are evaluated\n")?;
    writeln!(
        output,
        "{years} years and {rises} rises by ×1.5 per row, the same for every step.\n"
    )?;
    writeln!(
        output,
        "| population | weekly | CV | sum, 60 min | 15 min | 5 min | median days, 60 min | 15 min | 5 min |"
    )?;
    writeln!(output, "|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
    for (traffic, results) in traffics.iter().zip(results.chunks(STEPS.len())) {
        write!(output, "| {} |", label(*traffic))?;
        for (alarms, _) in results {
            write!(output, " {alarms:.2} |")?;
        }
        for (_, days) in results {
            write!(output, " {days} |")?;
        }
        writeln!(output)?;
    }
    Ok(())
}
