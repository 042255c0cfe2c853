//! A chart for a slide or a page: a year of weeks behind, the weeks ahead as a fan, capacity as a line.

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    element::DashedPathElement,
    prelude::*,
    style::text_anchor::HPos,
};

use super::{contents::Contents, error::Error};
use crate::commands::report::svg::{
    text::{Font, fitting, write},
    ticks::Ticks,
};
use crate::domain::forecast::Band;

const WIDTH: u32 = 1600;
const HEIGHT: u32 = 900;
const LEFT: i32 = 130;
const RIGHT: i32 = 1550;
/// Top and bottom of the weeks.
const PLOT: (i32, i32) = (190, 780);
/// Weeks behind that are drawn.
const BEHIND: usize = 52;
/// Weeks from one name to the next, at least.
const NAMED_EVERY: usize = 8;

const INK: RGBColor = RGBColor(28, 39, 51);
const GREY: RGBColor = RGBColor(91, 104, 118);
const GRID: RGBColor = RGBColor(226, 232, 238);
const PAST: RGBColor = RGBColor(91, 104, 118);
const AHEAD: RGBColor = RGBColor(31, 95, 168);
const WHAT_IF: RGBColor = RGBColor(20, 125, 90);
const CAPACITY: RGBColor = RGBColor(192, 57, 43);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Panel<'a> = DrawingArea<SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// The chart as the text of an SVG file.
pub(super) fn draw(contents: &Contents) -> Result<String, Error> {
    let title = "Tickets created a week, and expected";
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, (WIDTH, HEIGHT)).into_drawing_area();
    chart(contents, &root, title)
        .and_then(|()| root.present())
        .map_err(|source| Error::Draw(source.into()))?;
    drop(root);
    // For those who hear the page.
    let named = format!("<svg role=\"img\" aria-label=\"{title}\" ");
    Ok(text.replacen("<svg ", &named, 1))
}

fn chart(contents: &Contents, root: &Area<'_>, title: &str) -> Drawn {
    root.fill(&WHITE)?;
    let segment = match contents.segment.as_str() {
        crate::config::Segment::ALL => "all tickets".to_owned(),
        segment => format!("segment {segment}"),
    };
    let about = format!("{segment}, {}, with 90 % band", contents.way());
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
    let skipped = contents.past_created.len().saturating_sub(BEHIND);
    let behind: Vec<Option<f64>> = contents
        .past_created
        .iter()
        .skip(skipped)
        .map(|week| week.map(|count| count as f64))
        .collect();
    let rows = contents.rows();
    // The running week lies between, and is not told.
    let first = behind.len() + 1;
    let ahead: Vec<(f64, Band)> = (first..)
        .zip(&rows)
        .map(|(index, row)| (index as f64, row.tickets))
        .collect();
    let what_if: Vec<(f64, Band)> = (first..)
        .zip(&rows)
        .filter_map(|(index, row)| Some((index as f64, row.what_if?)))
        .collect();
    let highest = behind
        .iter()
        .copied()
        .flatten()
        .chain(ahead.iter().chain(&what_if).map(|(_, band)| top(*band)))
        .chain(contents.capacity)
        .fold(0.0, f64::max);
    let ticks = Ticks::up_to(highest * 1.08, 6);
    let across = -1.0..(first + rows.len()) as f64;
    let (above, below) = PLOT;
    let coordinates = Cartesian2d::new(across, 0.0..ticks.top(), (LEFT..RIGHT, below..above));
    let panel: Panel<'_> = root.apply_coord_spec(coordinates);
    for value in ticks.values() {
        let (_, y) = panel.map_coordinate(&(0.0, value));
        root.draw(&PathElement::new(
            [(LEFT, y), (RIGHT, y)],
            GRID.stroke_width(2),
        ))?;
        let font = Font::new(24.0, GREY);
        write(root, &ticks.text(value), (LEFT - 16, y), &font, HPos::Right)?;
    }
    draw_past(&panel, &behind)?;
    draw_fan(&panel, &ahead, AHEAD)?;
    draw_fan(&panel, &what_if, WHAT_IF)?;
    if let Some(capacity) = contents.capacity {
        let (_, y) = panel.map_coordinate(&(0.0, capacity));
        let line = [(LEFT, y), (RIGHT, y)];
        root.draw(&DashedPathElement::new(
            line,
            14,
            10,
            CAPACITY.stroke_width(3),
        ))?;
        let font = Font::new(22.0, CAPACITY).bold();
        write(root, "capacity", (LEFT + 8, y - 18), &font, HPos::Left)?;
    }
    draw_weeks(contents, root, &panel, skipped, first)?;
    draw_words(contents, root)
}

fn top(band: Band) -> f64 {
    // A fan many times as high as what is expected would flatten all else.
    let upper = band.bounds.map_or(band.expected, |(_, upper)| upper);
    upper.min(band.expected * 2.0)
}

/// Weeks that are not known are gaps.
fn draw_past(panel: &Panel<'_>, behind: &[Option<f64>]) -> Drawn {
    let mut index = 0;
    for run in behind.split(Option::is_none) {
        let points: Vec<(f64, f64)> = (index..)
            .zip(run.iter().copied().flatten())
            .map(|(index, value)| (index as f64, value))
            .collect();
        index += run.len() + 1;
        if let [alone] = points[..] {
            panel.draw(&Circle::new(alone, 4, PAST.filled()))?;
        }
        panel.draw(&PathElement::new(points, PAST.stroke_width(3)))?;
    }
    Ok(())
}

fn draw_fan(panel: &Panel<'_>, ahead: &[(f64, Band)], colour: RGBColor) -> Drawn {
    let bounds = || {
        ahead.iter().filter_map(|(x, band)| {
            let (lower, upper) = band.bounds?;
            Some((*x, lower, upper.min(top(*band))))
        })
    };
    let upper = bounds().map(|(x, _, upper)| (x, upper));
    let lower: Vec<(f64, f64)> = bounds().map(|(x, lower, _)| (x, lower)).collect();
    let outline: Vec<(f64, f64)> = upper.chain(lower.into_iter().rev()).collect();
    if outline.len() > 2 {
        panel.draw(&Polygon::new(outline, colour.mix(0.18)))?;
    }
    let line: Vec<(f64, f64)> = ahead.iter().map(|(x, band)| (*x, band.expected)).collect();
    for point in &line {
        panel.draw(&Circle::new(*point, 4, colour.filled()))?;
    }
    panel.draw(&PathElement::new(line, colour.stroke_width(4)))
}

fn draw_weeks(
    contents: &Contents,
    root: &Area<'_>,
    panel: &Panel<'_>,
    skipped: usize,
    first: usize,
) -> Drawn {
    let behind = contents.past_weeks.iter().skip(skipped).enumerate();
    let ahead = (first..).zip(contents.coming.iter().take(contents.rows().len()));
    for (index, week) in behind.chain(ahead) {
        if index % NAMED_EVERY != first % NAMED_EVERY {
            continue;
        }
        let (x, y) = panel.map_coordinate(&(index as f64, 0.0));
        let name = week.monday.strftime("%-d %b %y").to_string();
        write(
            root,
            &name,
            (x, y + 28),
            &Font::new(22.0, INK),
            HPos::Center,
        )?;
    }
    Ok(())
}

fn draw_words(contents: &Contents, root: &Area<'_>) -> Drawn {
    let mut words = Vec::new();
    if contents.capacity.is_some() {
        words.push(match contents.reached(false) {
            Some(week) => format!("Capacity is exceeded in the week of {}.", week.monday),
            None => "Capacity is not exceeded in these weeks.".to_owned(),
        });
    }
    if contents.factor().is_some() {
        words.push(format!("Green: {}.", contents.supposed()));
    }
    let words = words.join(" ");
    let font = fitting(&words, 24.0, INK);
    write(root, &words, (LEFT, PLOT.1 + 78), &font, HPos::Left)
}
