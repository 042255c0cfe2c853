//! Text on the chart: it names fonts and holds none.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{Area, Drawn, LEFT, RIGHT};

const FONT: &str = "Inter, 'Segoe UI', 'Helvetica Neue', Helvetica, Arial, sans-serif";
/// The backend writes sizes in units of its own.
const PIXEL: f64 = 1.24;
/// What a character takes of the font's size, on average.
const CHARACTER_WIDTH: f64 = 0.56;

#[derive(Clone, Copy)]
pub(in crate::commands) struct Font {
    pixels: f64,
    colour: RGBColor,
    style: FontStyle,
}

impl Font {
    pub(in crate::commands) const fn new(pixels: f64, colour: RGBColor) -> Self {
        Self {
            pixels,
            colour,
            style: FontStyle::Normal,
        }
    }

    /// Roughly what `text` takes in pixels.
    pub(in crate::commands) fn width_of(self, text: &str) -> i32 {
        let pixels = text.chars().count() as f64 * self.pixels * CHARACTER_WIDTH;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, and a text is never that long"
        )]
        let whole = pixels.ceil() as i32;
        whole
    }

    pub(in crate::commands) const fn bold(self) -> Self {
        Self {
            style: FontStyle::Bold,
            ..self
        }
    }
}

/// A font in which `text` is not wider than the chart.
pub(in crate::commands) fn fitting(text: &str, pixels: f64, colour: RGBColor) -> Font {
    let width = f64::from(RIGHT - LEFT) / (text.chars().count().max(1) as f64 * CHARACTER_WIDTH);
    Font::new(pixels.min(width), colour)
}

pub(in crate::commands) fn write(
    root: &Area<'_>,
    text: &str,
    at: (i32, i32),
    font: &Font,
    side: HPos,
) -> Drawn {
    if text.is_empty() {
        return Ok(());
    }
    let style = (FONT, font.pixels * PIXEL, font.style, &font.colour)
        .into_text_style(root)
        .pos(Pos::new(side, VPos::Center));
    root.draw_text(text, &style, at)
}
