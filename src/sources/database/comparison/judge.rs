//! Whether what was sampled is comparable with what the placeholders are.

use super::Comparison;
use crate::{
    config::{Dialect, Form},
    sources::database::{Cell, Row, Value, doubt::Doubt},
};

/// Numbers of which the later stands further from the earlier than this, for instants 220 years
/// apart, are times: days at least. An hour of the day or a month is not.
const FAR: f64 = 50_000.0;

/// Years before and after which a date is not one that something happened on, but stands for
/// "never" or "unknown".
const YEARS: std::ops::Range<u32> = 1900..9000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Number,
    Text,
    Instant,
    Other,
}

/// Judges the `rows` of the samples of `comparison`.
pub fn judge(comparison: &Comparison, dialect: Dialect, rows: &[Row]) -> Result<(), Doubt> {
    if comparison.is_arithmetic {
        return Err(Doubt::Arithmetic);
    }
    let column = || comparison.about.clone();
    let mut numbers = Vec::new();
    let mut beside_texts = Vec::new();
    let mut texts = Texts::default();
    for row in rows {
        let [value, early, late, after, before] = row.as_slice() else {
            continue;
        };
        let other = side(comparison.bare, dialect, late);
        let is_between = is_true(after) && is_true(before);
        match (class(value), other) {
            (Class::Number, Class::Number) => {
                let distance = late.number().zip(early.number()).map(|(l, e)| l - e);
                if distance.is_some_and(|distance| distance > FAR) {
                    numbers.push(is_between);
                }
            }
            // SQLite makes numbers of texts where a column is declared so; then some lie between.
            (Class::Number, Class::Text) if dialect == Dialect::Sqlite => {
                beside_texts.push(is_between);
            }
            (Class::Number, Class::Text | Class::Instant) => return Err(Doubt::Numbers(column())),
            (Class::Text | Class::Instant, Class::Number) => {
                return Err(Doubt::NoNumbers(column()));
            }
            (Class::Text, Class::Text) => {
                texts.add(
                    value.text().unwrap_or_default(),
                    late.text().unwrap_or_default(),
                );
            }
            _ => {}
        }
    }
    if !beside_texts.is_empty() && !beside_texts.contains(&true) {
        return Err(Doubt::Numbers(column()));
    }
    if !numbers.is_empty() && !numbers.contains(&true) {
        return Err(Doubt::Unit(column()));
    }
    texts.judge().map_err(|advice| Doubt::Writing {
        column: column(),
        // There texts are compared with texts alone.
        advice: match dialect {
            Dialect::Postgres if !advice.contains(":start_iso") => {
                "convert the column, as in created::timestamp, and compare that with :start and :end"
            }
            _ => advice,
        },
    })
}

/// What a placeholder's side is.
fn side(bare: Option<Form>, dialect: Dialect, sampled: &Cell) -> Class {
    match (bare, dialect) {
        (Some(Form::Unix), _) => Class::Number,
        (Some(Form::Iso), _) | (Some(Form::Instant), Dialect::Sqlite) => Class::Text,
        (Some(Form::Instant), _) => Class::Instant,
        (None, _) => class(sampled),
    }
}

fn class(cell: &Cell) -> Class {
    match cell.value {
        Value::Integer(_) | Value::Decimal(_) | Value::Float(_) => Class::Number,
        Value::Text(_) => Class::Text,
        Value::Instant(_) => Class::Instant,
        Value::Null | Value::Unreadable | Value::Other => Class::Other,
    }
}

fn is_true(cell: &Cell) -> bool {
    cell.number() == Some(1.0)
}

/// Texts that are compared with a text.
#[derive(Default)]
struct Texts {
    /// What to write because of the first that is a time and written in another way.
    advice: Option<&'static str>,
    /// Times that are written in the same way.
    fitting: usize,
    /// Texts that are no times as we know them.
    strange: usize,
}

impl Texts {
    /// `text` is compared with `bound`.
    fn add(&mut self, text: &str, bound: &str) {
        if !mask(bound).starts_with("dddd-dd-dd") || text.is_empty() {
            return;
        }
        if !mask(text).starts_with("dddd-dd") {
            self.strange += 1;
            return;
        }
        let year = text.get(..4).and_then(|year| year.parse().ok());
        if !year.is_some_and(|year| YEARS.contains(&year)) {
            return;
        }
        match misfit(text, bound) {
            None => self.fitting += 1,
            Some(advice) => {
                self.advice.get_or_insert(advice);
            }
        }
    }

    fn judge(&self) -> Result<(), &'static str> {
        match self.advice {
            Some(advice) => Err(advice),
            None if self.strange > 0 && self.fitting == 0 => Err(
                "write the date year first, as 2026-01-31 12:00:00, or seconds since 1970 as a number, and compare those",
            ),
            None => Ok(()),
        }
    }
}

/// What to write, if `text` does not order with `bound` letter by letter.
fn misfit(text: &str, bound: &str) -> Option<&'static str> {
    let (shape, expected) = (mask(text), mask(bound));
    if let Some(rest) = shape.strip_prefix(&expected) {
        // A day orders with whatever follows a day.
        let is_day = expected.len() == "dddd-dd-dd".len();
        if is_day || is_utc(text.get(text.len() - rest.len()..).unwrap_or_default()) {
            return None;
        }
        return Some(
            "some are of another zone than UTC; write datetime(…) around the column, or a conversion to UTC",
        );
    }
    Some(match shape.as_bytes().get(10) {
        None => "they are days without a time; write date(:start) and date(:end)",
        Some(b'T') => "write :start_iso and :end_iso for texts such as 2026-01-31T12:00:00Z",
        Some(b' ') if expected.as_bytes().get(10) == Some(&b'T') => {
            "write :start and :end for texts such as 2026-01-31 12:00:00"
        }
        Some(_) => "write datetime(…) around the column, or store times as 2026-01-31 12:00:00",
    })
}

/// Whether what follows the seconds is nothing, a part of a second, or a name of UTC.
fn is_utc(rest: &str) -> bool {
    let rest = rest.strip_prefix('.').map_or(rest, |fraction| {
        fraction.trim_start_matches(|c: char| c.is_ascii_digit())
    });
    matches!(
        rest.trim(),
        "" | "Z" | "z" | "UTC" | "GMT" | "+00" | "+00:00" | "+0000" | "-00:00"
    )
}

/// `text` with a `d` for each digit.
fn mask(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_digit() { 'd' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(value: Value) -> Cell {
        Cell {
            value,
            kind: String::new(),
        }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn comparison(bare: Option<Form>) -> Comparison {
        Comparison {
            about: "`created`".to_owned(),
            bare,
            is_arithmetic: false,
            samples: Vec::new(),
        }
    }

    /// Rows of `values` beside `other`, all between.
    fn rows(values: &[Value], early: &Value, late: &Value, is_between: bool) -> Vec<Row> {
        values
            .iter()
            .map(|value| {
                let flag = Value::Integer(i128::from(is_between));
                [value, early, late, &flag, &Value::Integer(1)]
                    .map(|value| cell(value.clone()))
                    .to_vec()
            })
            .collect()
    }

    fn of_texts(values: &[&str], bound: &str) -> Result<(), Doubt> {
        let values: Vec<Value> = values.iter().map(|value| text(value)).collect();
        let rows = rows(&values, &text(bound), &text(bound), true);
        judge(&comparison(None), Dialect::Sqlite, &rows)
    }

    #[test]
    fn numbers_and_texts_do_not_compare() {
        let second = Value::Integer(1_767_225_600);
        let bound = text("2200-01-01 00:00:00");
        let number = Value::Integer(7_258_118_400);
        let check = |bare, dialect, value: &Value, other: &Value, is_between| {
            judge(
                &comparison(bare),
                dialect,
                &rows(std::slice::from_ref(value), other, other, is_between),
            )
        };
        let instant = Some(Form::Instant);
        for (dialect, form) in [
            (Dialect::Sqlite, instant),
            (Dialect::Sqlite, Some(Form::Iso)),
            (Dialect::Mysql, instant),
            (Dialect::Mysql, Some(Form::Iso)),
        ] {
            let doubt = check(form, dialect, &second, &bound, false);
            assert_eq!(doubt, Err(Doubt::Numbers("`created`".to_owned())));
        }
        // A column that is declared a number makes one of the text.
        assert_eq!(
            check(None, Dialect::Sqlite, &second, &text("7258118400"), true),
            Ok(())
        );
        let written = text("2026-01-01 00:00:00");
        for dialect in [Dialect::Sqlite, Dialect::Mysql, Dialect::Postgres] {
            let doubt = check(Some(Form::Unix), dialect, &written, &number, true);
            assert_eq!(doubt, Err(Doubt::NoNumbers("`created`".to_owned())));
        }
    }

    #[test]
    fn a_unit_in_which_no_row_is_a_time_is_another() {
        let check = |values: &[i128], early, late, is_between| {
            let values: Vec<Value> = values.iter().map(|value| Value::Integer(*value)).collect();
            let rows = rows(
                &values,
                &Value::Integer(early),
                &Value::Integer(late),
                is_between,
            );
            judge(&comparison(None), Dialect::Mysql, &rows)
        };
        let seconds = (315_532_800, 7_258_118_400);
        assert_eq!(
            check(&[1_767_225_600_000], seconds.0, seconds.1, false),
            Err(Doubt::Unit("`created`".to_owned()))
        );
        assert_eq!(check(&[1_767_225_600], seconds.0, seconds.1, true), Ok(()));
        // The hour of a day is no time.
        assert_eq!(check(&[5, 6], 0, 0, false), Ok(()));
        assert_eq!(check(&[], seconds.0, seconds.1, false), Ok(()));
    }

    #[test]
    fn texts_order_with_texts_that_are_written_alike() {
        let plain = "2200-01-01 00:00:00";
        let iso = "2200-01-01T00:00:00";
        for (text, bound) in [
            ("2026-01-01 10:00:00", plain),
            ("2026-01-01 10:00:00.123", plain),
            ("2026-01-01 10:00:00+00:00", plain),
            ("2026-01-01T10:00:00Z", iso),
            ("2026-01-01T10:00:00.123Z", iso),
            ("2026-01-01", "2200-01-01"),
            ("2026-01-01 10:00:00", "2200-01-01"),
            ("9999-12-31", plain),
            ("0000-00-00", plain),
            ("", plain),
            ("17", "19"),
        ] {
            assert_eq!(of_texts(&[text], bound), Ok(()), "{text} {bound}");
        }
        for (text, bound, advice) in [
            ("2026-01-01T10:00:00Z", plain, ":start_iso"),
            ("2026-01-01 10:00:00", iso, ":start and :end"),
            ("2026-01-01", plain, "date(:start)"),
            ("2026-01-01", iso, "date(:start)"),
            ("2026-01-01 10:00", plain, "datetime("),
            ("2026-01-01T10:00:00+02:00", iso, "another zone"),
            ("2026-01-01 10:00:00 CEST", plain, "another zone"),
            ("31/12/2026 10:00", plain, "year first"),
            ("1767225600", plain, "year first"),
        ] {
            let doubt = of_texts(&[text], bound).expect_err(text);
            assert!(doubt.to_string().contains(advice), "{text}: {doubt}");
            // One among many is enough where it is a time.
            if !advice.contains("year") {
                assert!(of_texts(&["2200-01-01 00:00:00", text], bound).is_err() || bound != plain);
            }
        }
    }
}
