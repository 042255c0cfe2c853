//! A chart for a slide or a page: the rate by tickets created with its confidence band, and the
//! tickets below it.

pub(in crate::commands) mod text;
pub(in crate::commands) mod ticks;

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    element::DashedPathElement,
    prelude::*,
    style::text_anchor::HPos,
};

use super::{contents::Contents, error::Error, figures, rows::Row};
use crate::domain::{Bounds, Tickets};

use text::{Font, fitting, write};
use ticks::Ticks;

const WIDTH: u32 = 1600;
const HEIGHT: u32 = 900;
const LEFT: i32 = 130;
const RIGHT: i32 = 1550;
/// Top and bottom of the rates.
const RATES: (i32, i32) = (220, 580);
/// Top and bottom of the tickets.
const BARS: (i32, i32) = (696, 796);
/// Widest bar.
const BAR_WIDTH: f64 = 90.0;

const INK: RGBColor = RGBColor(28, 39, 51);
const GREY: RGBColor = RGBColor(91, 104, 118);
const GRID: RGBColor = RGBColor(226, 232, 238);
const LINE: RGBColor = RGBColor(31, 95, 168);
const BAR: RGBColor = RGBColor(176, 192, 210);
const BAND_OPACITY: f64 = 0.18;

/// Most months of which each has its number.
const MOST_NUMBERED: usize = 14;
/// Most months of which each has its name.
const MOST_NAMED: usize = 26;
/// Most years that are named.
const MOST_YEARS: i16 = 14;

pub(in crate::commands) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Panel<'a> = DrawingArea<SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
pub(in crate::commands) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// One month on the chart.
struct Point {
    /// The middle of the month: its index.
    x: f64,
    rate: f64,
    bounds: Bounds,
    label: String,
    is_whole: bool,
}

/// The chart as the text of an SVG file.
pub(super) fn draw(report: &Contents) -> Result<String, Error> {
    let population = report.population_name();
    let title = format!("Contact rate: tickets created ÷ {population}, by month");
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, (WIDTH, HEIGHT)).into_drawing_area();
    chart(report, &root, &title)
        .and_then(|()| root.present())
        .map_err(|source| Error::Draw(source.into()))?;
    drop(root);
    // For those who hear the page.
    let named = format!(
        "<svg role=\"img\" aria-label=\"{}\" ",
        html_escape::encode_double_quoted_attribute(&title)
    );
    Ok(text.replacen("<svg ", &named, 1))
}

fn chart(report: &Contents, root: &Area<'_>, title: &str) -> Drawn {
    root.fill(&WHITE)?;
    let filter = match report.segment.as_str() {
        crate::config::Segment::ALL => "all tickets".to_owned(),
        segment => format!("segment {segment}"),
    };
    let mut about = format!(
        "{filter}, months of {}, with 95 % confidence band",
        report.zone_name()
    );
    if report.rows.iter().any(|row| !row.is_whole) {
        about.push_str("; * has not ended");
    }
    write(
        root,
        title,
        (LEFT, 60),
        &fitting(title, 42.0, INK).bold(),
        HPos::Left,
    )?;
    write(
        root,
        &about,
        (LEFT, 112),
        &fitting(&about, 25.0, GREY),
        HPos::Left,
    )?;
    draw_rates(report, root)?;
    draw_tickets(report, root)?;
    draw_months(report, root)
}

fn draw_rates(report: &Contents, root: &Area<'_>) -> Drawn {
    let mut points: Vec<Option<Point>> = report.rows.iter().enumerate().map(point).collect();
    let highest = cut(&mut points);
    let known = || points.iter().flatten();
    heading(root, "Contact rate", RATES.0 - 38)?;
    if known().next().is_none() {
        let middle = (LEFT.midpoint(RIGHT), RATES.0.midpoint(RATES.1));
        return write(
            root,
            "No rate is known.",
            middle,
            &Font::new(28.0, GREY),
            HPos::Center,
        );
    }
    // Room for the numbers above the band.
    let ticks = Ticks::up_to(highest * 1.12 * 100.0, 5);
    let panel = panel(root, RATES, report.rows.len(), ticks.top() / 100.0);
    for tick in ticks.values() {
        grid(
            root,
            &panel,
            tick / 100.0,
            &format!("{} %", ticks.text(tick)),
        )?;
    }
    for run in points.split(Option::is_none) {
        draw_run(&panel, &run.iter().flatten().collect::<Vec<_>>())?;
    }
    let numbered = report.rows.len() <= MOST_NUMBERED;
    for point in known() {
        let centre = (point.x, point.rate);
        // An open circle is a month that has not ended.
        let radius = if numbered { 7 } else { 4 };
        panel.draw(&Circle::new(centre, radius, LINE.filled()))?;
        if !point.is_whole {
            panel.draw(&Circle::new(centre, radius - 3, WHITE.filled()))?;
        }
    }
    let all: Vec<&Point> = known().collect();
    for (index, point) in all.iter().enumerate() {
        if numbered || index + 1 == all.len() {
            let before = index.checked_sub(1).and_then(|index| all.get(index));
            let after = all.get(index + 1);
            let neighbours = before.into_iter().chain(after).copied();
            write_number(root, &panel, point, neighbours)?;
        }
    }
    Ok(())
}

/// The rate in numbers, above the band, or below it where the band rises too steeply beside it.
fn write_number<'p>(
    root: &Area<'_>,
    panel: &Panel<'_>,
    point: &Point,
    neighbours: impl Iterator<Item = &'p Point>,
) -> Drawn {
    const DISTANCE: i32 = 22;
    let font = Font::new(24.0, INK).bold();
    let half_height = DISTANCE / 2;
    let half_width = font.width_of(&point.label) / 2;
    let place = |point: &Point, value: f64| panel.map_coordinate(&(point.x, value));
    let (x, upper) = place(point, point.bounds.upper);
    let is_covered = neighbours.into_iter().any(|neighbour| {
        let (column, row) = place(neighbour, neighbour.bounds.upper);
        // Where the band has got to at the end of the number.
        let beside = upper + (row - upper) * half_width / (column - x).abs().max(1);
        beside < upper - half_height
    });
    let (_, lower) = place(point, point.bounds.lower);
    let y = if is_covered {
        lower + DISTANCE
    } else {
        upper - DISTANCE
    };
    // No line of the grid goes through a number.
    let corners = [
        (x - half_width, y - half_height),
        (x + half_width, y + half_height),
    ];
    root.draw(&Rectangle::new(corners, WHITE.mix(0.85).filled()))?;
    write(root, &point.label, (x, y), &font, HPos::Center)
}

/// The height of the axis. A month with next to no population has a band many times as high as any
/// rate, which would flatten all others: bands are cut where they pass twice the highest rate.
fn cut(points: &mut [Option<Point>]) -> f64 {
    let known = || points.iter().flatten();
    let highest_rate = known().map(|point| point.rate).fold(0.0, f64::max);
    let highest_band = known().map(|point| point.bounds.upper).fold(0.0, f64::max);
    let highest = if highest_rate > 0.0 {
        highest_band.min(highest_rate * 2.0)
    } else {
        highest_band
    };
    for point in points.iter_mut().flatten() {
        point.bounds.upper = point.bounds.upper.min(highest);
    }
    highest
}

fn point((index, row): (usize, &Row)) -> Option<Point> {
    let created = row.assessment(Tickets::Created)?;
    Some(Point {
        x: index as f64,
        rate: created.ratio,
        bounds: created.bounds?,
        label: figures::percent(row.counts.created?, row.population?),
        is_whole: row.is_whole,
    })
}

/// Months one after the other, none of them unknown: band and line.
fn draw_run(panel: &Panel<'_>, run: &[&Point]) -> Drawn {
    let fill = LINE.mix(BAND_OPACITY);
    if let [alone] = run {
        let corners = [
            (alone.x - 0.12, alone.bounds.upper),
            (alone.x + 0.12, alone.bounds.lower),
        ];
        return panel.draw(&Rectangle::new(corners, fill.filled()));
    }
    let upper = run.iter().map(|point| (point.x, point.bounds.upper));
    let lower = run.iter().rev().map(|point| (point.x, point.bounds.lower));
    panel.draw(&Polygon::new(upper.chain(lower).collect::<Vec<_>>(), fill))?;
    let place = |point: &&Point| (point.x, point.rate);
    let whole: Vec<_> = run
        .iter()
        .filter(|point| point.is_whole)
        .map(place)
        .collect();
    let rest: Vec<_> = run
        .iter()
        .skip_while(|point| point.is_whole)
        .map(place)
        .collect();
    let stroke = LINE.stroke_width(4);
    if let (Some(last), false) = (whole.last(), rest.is_empty()) {
        let ends = std::iter::once(*last).chain(rest);
        panel.draw(&DashedPathElement::new(ends, 10, 8, stroke))?;
    }
    panel.draw(&PathElement::new(whole, stroke))
}

fn draw_tickets(report: &Contents, root: &Area<'_>) -> Drawn {
    let counts = || {
        report
            .rows
            .iter()
            .enumerate()
            .filter_map(|(index, row)| Some((index as f64, row.counts.created?, row.is_whole)))
    };
    let highest = counts().map(|(_, created, _)| created).max().unwrap_or(0) as f64;
    heading(root, "Tickets created", BARS.0 - 62)?;
    let numbered = report.rows.len() <= MOST_NUMBERED;
    let ticks = Ticks::up_to(highest, 2);
    let top = if numbered {
        highest.max(1.0)
    } else {
        ticks.top()
    };
    let panel = panel(root, BARS, report.rows.len(), top);
    let values = if numbered { vec![0.0] } else { ticks.values() };
    for tick in values {
        let text = if numbered {
            String::new()
        } else {
            ticks.text(tick)
        };
        grid(root, &panel, tick, &text)?;
    }
    let month = f64::from(RIGHT - LEFT) / (report.rows.len() as f64 + 0.2);
    let half = f64::min(0.32, BAR_WIDTH / 2.0 / month);
    for (x, created, is_whole) in counts() {
        let height = created as f64;
        let colour = BAR.mix(if is_whole { 1.0 } else { 0.45 });
        panel.draw(&Rectangle::new(
            [(x - half, height), (x + half, 0.0)],
            colour.filled(),
        ))?;
        if numbered {
            let (column, row) = panel.map_coordinate(&(x, height));
            let font = Font::new(22.0, GREY);
            write(
                root,
                &figures::count(created),
                (column, row - 16),
                &font,
                HPos::Center,
            )?;
        }
    }
    Ok(())
}

/// Names of months under the bars, with the year at the first and at every January.
fn draw_months(report: &Contents, root: &Area<'_>) -> Drawn {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let panel = panel(root, BARS, report.rows.len(), 1.0);
    let named = report.rows.len() <= MOST_NAMED;
    let years = report.rows.len() / 12;
    let step = i16::try_from(years).unwrap_or(i16::MAX) / MOST_YEARS + 1;
    for (index, row) in report.rows.iter().enumerate() {
        let (x, y) = panel.map_coordinate(&(index as f64, 0.0));
        let is_january = row.month.number() == 1;
        let mut below = y + 28;
        if named {
            let name = usize::try_from(row.month.number() - 1).ok();
            let name = name
                .and_then(|index| NAMES.get(index))
                .copied()
                .unwrap_or_default();
            let name = if row.is_whole {
                name.to_owned()
            } else {
                format!("{name}*")
            };
            write(root, &name, (x, below), &Font::new(24.0, INK), HPos::Center)?;
            below += 32;
        }
        if is_january && row.month.year() % step == 0 || named && index == 0 {
            let year = row.month.year().to_string();
            write(
                root,
                &year,
                (x, below),
                &Font::new(22.0, GREY),
                HPos::Center,
            )?;
        }
    }
    Ok(())
}

/// A part of the chart with months across and `0..=top` up.
fn panel<'a>(root: &Area<'a>, (above, below): (i32, i32), months: usize, top: f64) -> Panel<'a> {
    let across = -0.6..months as f64 - 0.4;
    let pixels = (LEFT..RIGHT, below..above);
    root.apply_coord_spec(Cartesian2d::new(across, 0.0..top, pixels))
}

fn heading(root: &Area<'_>, text: &str, y: i32) -> Drawn {
    write(
        root,
        text,
        (LEFT, y),
        &Font::new(24.0, GREY).bold(),
        HPos::Left,
    )
}

fn grid(root: &Area<'_>, panel: &Panel<'_>, value: f64, label: &str) -> Drawn {
    let (_, y) = panel.map_coordinate(&(0.0, value));
    root.draw(&PathElement::new(
        [(LEFT, y), (RIGHT, y)],
        GRID.stroke_width(2),
    ))?;
    write(
        root,
        label,
        (LEFT - 16, y),
        &Font::new(24.0, GREY),
        HPos::Right,
    )
}

#[cfg(test)]
mod tests;
