//! The landing page: how the sources fare and what the contact rates are, for people.
//!
//! No scripts and nothing from elsewhere. Every value from outside is escaped.

use std::{
    collections::HashMap,
    fmt::{self, Write},
};

use html_escape::{encode_double_quoted_attribute, encode_text};
use jiff::Timestamp;

use super::self_metrics::{REVISION, VERSION};
use crate::{
    domain::{DAY_SECONDS, Tickets, Window},
    snapshot::{RateValues, Snapshot, SourceState},
};

const STYLE: &str = include_str!("landing/style.css");

/// What a browser may do with the page: apply the one style it holds, nothing else.
/// The hash is that of the style.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
     style-src 'sha256-72s1GRVhoTjNuMdpjNiBEF3Zcw4F63Mc3/ubPO4f6oA='; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// More rows than a person reads; the rest is on `/metrics`.
const MOST_ROWS: usize = 400;

/// Renders the page as of `now`. Links are relative to the page; `metrics` is the one to the metrics.
pub fn render(snapshot: &Snapshot, now: Timestamp, metrics: &str) -> String {
    let mut page = String::with_capacity(16 * 1024);
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, snapshot, now, metrics);
    page
}

fn write_page(
    page: &mut String,
    snapshot: &Snapshot,
    now: Timestamp,
    metrics: &str,
) -> fmt::Result {
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Contact rate exporter</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n\
         <h1>Contact rate exporter</h1>\n\
         <p class=\"soft\">How often the users of a service need its support: tickets \
         divided by users, or by the files they submit. Sources are read in the background; \
         Prometheus reads the result.</p>\n\
         <nav><a href=\"{metrics}\">Metrics</a> <a href=\"-/ready\">Readiness</a> \
         <a href=\"-/healthy\">Health</a></nav>\n</header>\n<main>\n",
        metrics = encode_double_quoted_attribute(metrics),
    )?;
    write_sources(page, snapshot, now)?;
    write_rates(page, snapshot, now)?;
    write!(
        page,
        "</main>\n<footer>contact-rate-exporter {version}, revision {revision}</footer>\n\
         </body>\n</html>\n",
        version = VERSION,
        revision = REVISION.get(..12).unwrap_or(REVISION),
    )
}

fn write_sources(page: &mut String, snapshot: &Snapshot, now: Timestamp) -> fmt::Result {
    page.push_str("<h2>Sources</h2>\n");
    if snapshot.sources.is_empty() {
        page.push_str("<p>None.</p>\n");
        return Ok(());
    }
    page.push_str(
        "<div class=\"scroll\"><table>\n<thead><tr><th>Source</th><th>State</th>\
         <th>Last success</th><th class=\"number\">Took</th><th>Last error</th></tr></thead>\n<tbody>\n",
    );
    for source in &snapshot.sources {
        write_source(page, source, now)?;
    }
    page.push_str("</tbody>\n</table></div>\n");
    Ok(())
}

fn write_source(page: &mut String, source: &SourceState, now: Timestamp) -> fmt::Result {
    let (class, state) = match (source.up, source.last_duration_seconds) {
        (true, _) => ("good", "● up"),
        (false, None) => ("soft", "○ not read yet"),
        (false, Some(_)) => ("bad", "▲ down"),
    };
    write!(
        page,
        "<tr><th scope=\"row\">{name}</th><td class=\"{class}\">{state}</td><td>",
        name = encode_text(source.source.name()),
    )?;
    match source.last_success {
        Some(instant) => write_age(page, instant, now)?,
        None => page.push_str("<span class=\"soft\">never</span>"),
    }
    page.push_str("</td><td class=\"number\">");
    if let Some(seconds) = source.last_duration_seconds {
        write!(page, "{seconds:.2}&nbsp;s")?;
    }
    page.push_str("</td><td class=\"text\">");
    if let Some(failure) = source.last_failure() {
        let text = failure.to_string();
        write!(
            page,
            "<strong>{}</strong>: {}",
            failure.reason,
            encode_text(&text)
        )?;
    } else if let Some(missing) = &source.missing_past {
        write!(page, "{}", encode_text(missing))?;
    }
    page.push_str("</td></tr>\n");
    Ok(())
}

/// Population, segment and window of a rate, as indices, and the way of counting tickets.
type Place = (usize, usize, usize, Tickets);

fn write_rates(page: &mut String, snapshot: &Snapshot, now: Timestamp) -> fmt::Result {
    page.push_str("<h2>Contact rates</h2>\n");
    let Some(end) = snapshot.window_end else {
        page.push_str("<p>The first refresh has not ended yet.</p>\n");
        return Ok(());
    };
    write!(page, "<p>Windows end at {}, ", instant_text(end))?;
    write_age(page, end, now)?;
    page.push_str(
        ". Under each rate: its 95&nbsp;% confidence bounds, and what it was in the window before.</p>\n",
    );
    let rates: HashMap<Place, &RateValues> = snapshot
        .rates
        .iter()
        .map(|rate| {
            let place = (rate.population, rate.segment, rate.window, rate.tickets);
            (place, rate)
        })
        .collect();
    let frame = &snapshot.frame;
    let mut left = MOST_ROWS;
    for (population, population_frame) in frame.populations.iter().enumerate() {
        let places = (0..frame.segments.len())
            .flat_map(|segment| (0..frame.windows.len()).map(move |window| (segment, window)));
        let shown = left.min(frame.segments.len() * frame.windows.len());
        if shown == 0 {
            continue;
        }
        left -= shown;
        let name = encode_text(&population_frame.name);
        write!(
            page,
            "<h3>Tickets ÷ {name}</h3>\n<div class=\"scroll\"><table>\n\
             <thead><tr><th>Segment</th><th>Window</th>"
        )?;
        for tickets in Tickets::ALL {
            write!(page, "<th class=\"number\">{tickets}</th>")?;
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for (segment, window) in places.take(shown) {
            let name = frame.segments.get(segment).map_or("", String::as_str);
            let window_name = frame.windows.get(window).map_or("", Window::name);
            write!(
                page,
                "<tr><th scope=\"row\" class=\"text\">{}</th><td>{}</td>",
                encode_text(name),
                encode_text(window_name)
            )?;
            for tickets in Tickets::ALL {
                let rate = rates.get(&(population, segment, window, tickets));
                write_rate(page, snapshot, rate.copied())?;
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody>\n</table></div>\n");
    }
    if left == 0 {
        page.push_str("<p class=\"soft\">More rates may be among the metrics.</p>\n");
    }
    Ok(())
}

fn write_rate(page: &mut String, snapshot: &Snapshot, rate: Option<&RateValues>) -> fmt::Result {
    let Some(rate) = rate else {
        page.push_str("<td class=\"number soft\">unknown</td>");
        return Ok(());
    };
    let target = snapshot.frame.targets.iter().find(|target| {
        (target.population, target.window, target.tickets)
            == (rate.population, rate.window, rate.tickets)
    });
    let ratio = percent(rate.ratio);
    write!(page, "<td class=\"number\"><strong>{ratio}&nbsp;%</strong>")?;
    if let Some(bounds) = rate.bounds {
        let (lower, upper) = (percent(bounds.lower), percent(bounds.upper));
        write!(page, "<small>{lower} to {upper}&nbsp;%</small>")?;
    }
    if let Some(previous) = rate.previous {
        write!(page, "<small>was {}&nbsp;%", percent(previous))?;
        if previous > 0.0 {
            let change = rate.ratio / previous - 1.0;
            let sign = if change < 0.0 { '−' } else { '+' };
            let size = percent(change.abs());
            write!(page, " ({sign}{size}&nbsp;%)")?;
        }
        page.push_str("</small>");
    }
    if let Some(target) = target {
        let (class, side) = if rate.ratio > target.at_most {
            ("bad", "▲ above")
        } else {
            ("good", "within")
        };
        let at_most = percent(target.at_most);
        write!(
            page,
            "<small class=\"{class}\">{side} {at_most}&nbsp;% target</small>"
        )?;
    }
    page.push_str("</td>");
    Ok(())
}

/// A ratio as a percentage with three significant digits at least, without needless zeros.
fn percent(ratio: f64) -> String {
    let value = ratio * 100.0;
    if value.abs() >= 100.0 {
        return format!("{value:.0}");
    }
    // Rounded in scientific notation, then printed without it.
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    rounded.to_string()
}

/// Writes how long ago `instant` was, with the instant itself for those who point at it.
fn write_age(page: &mut String, instant: Timestamp, now: Timestamp) -> fmt::Result {
    let text = instant_text(instant);
    // A clock that was set back must not show a negative age.
    let age = now.as_second().saturating_sub(instant.as_second()).max(0);
    write!(page, "<time datetime=\"{instant:.0}\" title=\"{text}\">")?;
    match age {
        0..60 => write!(page, "{age}&nbsp;s")?,
        60..3600 => write!(page, "{}&nbsp;min", age / 60)?,
        3600..DAY_SECONDS => write!(page, "{}&nbsp;h {}&nbsp;min", age / 3600, age / 60 % 60)?,
        _ => write!(
            page,
            "{}&nbsp;d {}&nbsp;h",
            age / DAY_SECONDS,
            age / 3600 % 24
        )?,
    }
    page.push_str(" ago</time>");
    Ok(())
}

fn instant_text(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_allows_this_style_only() {
        let hash = format!("'sha256-{}'", base64(&Sha256::digest(STYLE)));
        assert!(CONTENT_SECURITY_POLICY.contains(&hash), "style-src {hash}");
    }

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let group = chunk
                .iter()
                .chain(&[0; 2])
                .take(3)
                .fold(0usize, |group, byte| group << 8 | usize::from(*byte));
            for digit in 0..4 {
                text.push(if digit <= chunk.len() {
                    char::from(DIGITS[group >> (18 - 6 * digit) & 63])
                } else {
                    '='
                });
            }
        }
        text
    }

    #[test]
    fn percentages_have_three_digits() {
        for (ratio, text) in [
            (0.0, "0"),
            (0.0525, "5.25"),
            (0.052_549, "5.25"),
            (0.5, "50"),
            (0.000_123_4, "0.0123"),
            (0.999_99, "100"),
            (1.234_5, "123"),
            (123.456, "12346"),
            (-0.4101, "-41"),
        ] {
            assert_eq!(percent(ratio), text, "{ratio}");
        }
    }

    #[test]
    fn ages_are_rounded_down_and_never_negative() {
        let now: Timestamp = "2026-03-02T10:00:30Z".parse().unwrap();
        for (instant, text) in [
            ("2026-03-02T10:00:31Z", ">0&nbsp;s ago<"),
            ("2026-03-02T10:00:01Z", ">29&nbsp;s ago<"),
            ("2026-03-02T09:58:00Z", ">2&nbsp;min ago<"),
            ("2026-03-02T07:55:00Z", ">2&nbsp;h 5&nbsp;min ago<"),
            ("2026-02-27T09:00:00Z", ">3&nbsp;d 1&nbsp;h ago<"),
        ] {
            let mut page = String::new();
            write_age(&mut page, instant.parse().unwrap(), now).unwrap();
            assert!(page.contains(text), "{page}");
            assert!(page.contains(instant), "{page}");
        }
    }
}
