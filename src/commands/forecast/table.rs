//! A forecast for people.

use std::fmt::Write as _;

use comfy_table::{
    CellAlignment, ContentArrangement, LineStyle, Table, TableStyle, presets::NOTHING,
};

use super::contents::{Contents, Row};
use crate::{
    commands::report::figures::{self, UNKNOWN},
    domain::forecast::{Band, Week},
};

/// Nothing but a line under the header.
const STYLE: TableStyle = NOTHING.header_separator(LineStyle::none().fill('─').junction('─'));

pub(super) fn draw(contents: &Contents) -> String {
    let zone = contents.zone.iana_name().unwrap_or("UTC");
    let mut text = format!(
        "Tickets to come, segment {}, weeks from Monday in {zone}, {}\n\n",
        contents.segment,
        contents.way()
    );
    let supposes = contents.factor().is_some();
    let mut table = Table::new();
    let mut header = vec!["week", "tickets", "lower", "upper"];
    let population = contents.population_name.as_deref();
    header.extend(population);
    if contents.capacity.is_some() {
        header.push("capacity");
    }
    if supposes {
        header.extend(["what if", "lower", "upper"]);
    }
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Disabled)
        .force_no_tty()
        .set_header(header);
    for row in contents.rows() {
        table.add_row(cells(contents, &row));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((u16::from(index > 0), 1));
        column.set_cell_alignment(if index == 0 {
            CellAlignment::Left
        } else {
            CellAlignment::Right
        });
    }
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    text.push_str("lower, upper: bounds that nine weeks in ten are to stay within.\n");
    notes(contents, &mut text);
    text
}

fn notes(contents: &Contents, text: &mut String) {
    match contents.capacity {
        Some(_) => {
            let _ = writeln!(text, "{}", outcome(contents.reached(false), "Capacity"));
            if contents.factor().is_some() {
                let about = format!("With {}, capacity", contents.supposed());
                let _ = writeln!(text, "{}", outcome(contents.reached(true), &about));
            }
        }
        None => text.push_str("What the team can resolve is not known.\n"),
    }
    if let Some(quality) = contents.quality() {
        let _ = writeln!(text, "{quality}");
    }
    let told = contents.rows().len();
    if told < contents.weeks {
        let _ = writeln!(
            text,
            "{} weeks are known; weeks further ahead than {told} are told from 52 on.",
            contents.forecast.known_weeks
        );
    }
    if let Some(since) = contents.forecast.level_since
        && let Some(week) = contents.past_weeks.get(since)
    {
        let _ = writeln!(
            text,
            "The level changed in the week of {}; what came before counts for the season only.",
            week.monday
        );
    }
}

fn outcome(reached: Option<Week>, about: &str) -> String {
    match reached {
        Some(week) => format!("{about} is exceeded in the week of {}.", week.monday),
        None => format!("{about} is not exceeded in these weeks."),
    }
}

fn cells(contents: &Contents, row: &Row) -> Vec<String> {
    let mut cells = vec![row.week.monday.to_string()];
    cells.extend(band(row.tickets));
    if contents.population_name.is_some() {
        cells.push(row.population.map_or_else(unknown, rounded));
    }
    if let Some(capacity) = contents.capacity {
        cells.push(rounded(capacity));
    }
    cells.extend(row.what_if.into_iter().flat_map(band));
    cells
}

fn band(band: Band) -> [String; 3] {
    let (lower, upper) = band.bounds.unzip();
    [
        rounded(band.expected),
        lower.map_or_else(unknown, rounded),
        upper.map_or_else(unknown, rounded),
    ]
}

/// Whole tickets; a desk of a few a week has a decimal.
fn rounded(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.1}")
    } else {
        figures::size(value.round())
    }
}

fn unknown() -> String {
    UNKNOWN.to_owned()
}
