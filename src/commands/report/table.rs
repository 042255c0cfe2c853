//! A report for people.

use std::fmt::Write as _;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, Row as TableRow, Table,
    TableStyle, presets::NOTHING,
};

use super::{
    contents::Contents,
    figures::{self, UNKNOWN},
    missing,
    rows::Row,
};
use crate::domain::Tickets;

/// Marks the running month.
const RUNNING: char = '*';

/// Nothing but a line under the header.
const STYLE: TableStyle = NOTHING.header_separator(LineStyle::none().fill('─').junction('─'));

/// Two tables, since one would be too wide for most terminals: rates, and the numbers they are made
/// of. With a heading, and the notes that the numbers need.
pub(super) fn draw(report: &Contents, colours: bool) -> String {
    let population = report.population_name();
    let mut text = format!(
        "Contact rate: tickets ÷ {population}, segment {}, months of {}\n\n",
        report.segment,
        report.zone_name()
    );
    push(&mut text, &rates(report, colours));
    text.push('\n');
    push(&mut text, &numbers(report, &population, colours));
    text.push_str("\nIn brackets: 95 % confidence bounds, in percent.\n");
    if report.population.is_none() {
        text.push_str("The config has no population, so that there is no rate.\n");
    }
    if let Some(running) = report.rows.iter().find(|row| !row.is_whole) {
        let read_at = running.interval.end.to_zoned(report.zone.clone());
        let _ = writeln!(
            text,
            "{RUNNING} has not ended: up to {}, and not held against the month before.",
            read_at.strftime("%Y-%m-%d %H:%M %Z")
        );
    }
    for sentence in missing::sentences(&report.missing) {
        let _ = writeln!(text, "{UNKNOWN} {sentence}.");
    }
    text
}

fn push(text: &mut String, table: &Table) {
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn rates(report: &Contents, colours: bool) -> Table {
    let mut table = table(
        &["month", "created", "resolved", "closed", "replies"],
        colours,
    );
    for row in &report.rows {
        let rates = Tickets::ALL.map(|tickets| cell(rate(row, tickets)));
        table.add_row(cells(row, rates));
    }
    align(&mut table);
    table
}

fn rate(row: &Row, tickets: Tickets) -> Option<String> {
    let assessment = row.assessment(tickets)?;
    let percent = figures::percent(row.counts.tickets(tickets)?, row.population?);
    Some(match assessment.bounds {
        Some(bounds) => format!("{percent} ({})", figures::bounds(bounds)),
        None => percent,
    })
}

fn numbers(report: &Contents, population: &str, colours: bool) -> Table {
    let by_population = format!("by {population}");
    let header = [
        "month",
        population,
        "created",
        "change",
        &by_population,
        "by rate",
        "resolved",
        "closed",
        "replies",
    ];
    let mut table = table(&header, colours);
    for row in &report.rows {
        let count = |tickets| cell(row.counts.tickets(tickets).map(figures::count));
        let change = row.change();
        let by_rate = change.map(|change| change.rate);
        let mut by_rate = cell(by_rate.map(figures::effect));
        if let Some(colour) = colour(row) {
            by_rate = by_rate.fg(colour);
        }
        let numbers = [
            cell(row.population.map(figures::size)),
            count(Tickets::Created),
            cell(row.change_created.map(figures::difference)),
            cell(change.map(|change| figures::effect(change.population))),
            by_rate,
            count(Tickets::Resolved),
            count(Tickets::Closed),
            count(Tickets::Replies),
        ];
        table.add_row(cells(row, numbers));
    }
    align(&mut table);
    table
}

/// Red where the rate rose by more than chance would move it, green where it fell so: where the
/// rate of the month before lies outside of this month's bounds.
fn colour(row: &Row) -> Option<Color> {
    let created = row.assessment(Tickets::Created)?;
    let (before, bounds) = created.previous.zip(created.bounds)?;
    if before < bounds.lower {
        Some(Color::DarkRed)
    } else if before > bounds.upper {
        Some(Color::DarkGreen)
    } else {
        None
    }
}

fn table(header: &[&str], colours: bool) -> Table {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        // Lines that wrap would put numbers under the wrong month.
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(
            header
                .iter()
                .map(|name| Cell::new(name).add_attribute(Attribute::Bold)),
        );
    if colours {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

fn align(table: &mut Table) {
    for (index, column) in table.column_iter_mut().enumerate() {
        let left = index == 0;
        column.set_padding((u16::from(!left), 1));
        column.set_cell_alignment(if left {
            CellAlignment::Left
        } else {
            CellAlignment::Right
        });
    }
}

fn cells(row: &Row, numbers: impl IntoIterator<Item = Cell>) -> TableRow {
    let mut month = row.month.to_string();
    if !row.is_whole {
        month.push(RUNNING);
    }
    std::iter::once(Cell::new(month))
        .chain(numbers)
        .collect::<Vec<_>>()
        .into()
}

fn cell(text: Option<String>) -> Cell {
    Cell::new_owned(text.unwrap_or_else(|| UNKNOWN.to_owned()))
}
