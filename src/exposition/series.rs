//! Walks a snapshot and names its samples, family by family.
//!
//! Both formats of `/metrics` and the backfill draw from here, so that a series has one name and
//! one value wherever it is printed.

mod planning;

use jiff::Timestamp;

use super::catalogue::{self, Family};
use crate::{
    domain::{ContactCounts, HelpCenter, Tickets},
    snapshot::{PopulationValues, RateValues, SegmentValues, Snapshot},
};

/// Takes the samples of a snapshot.
pub trait Sink {
    /// Takes one sample. All samples of a family come one after another. `labels` are in the order
    /// of [`Family::labels`]; `value` is finite.
    fn sample(&mut self, family: &Family, labels: &[(&str, &str)], value: f64);
}

/// Gives every sample of `snapshot` to `sink`: what a scrape shows of the sources.
/// The order depends on the frame alone.
pub fn visit(snapshot: &Snapshot, sink: &mut impl Sink) {
    let mut walk = Walk { snapshot, sink };
    walk.counts();
    walk.populations();
    walk.rates();
    walk.targets();
    planning::visit(snapshot, &mut *walk.sink);
    walk.reasons();
    walk.help_center();
    walk.sources();
}

/// Unknown is absent, and no number is better than a wrong one.
pub(super) fn put(
    sink: &mut impl Sink,
    family: &Family,
    labels: &[(&str, &str)],
    value: Option<f64>,
) {
    if let Some(value) = value.filter(|value| value.is_finite()) {
        sink.sample(family, labels, value);
    }
}

type OfCounts = fn(&ContactCounts) -> Option<f64>;
type OfRate = fn(&RateValues) -> Option<f64>;

struct Walk<'a, S> {
    snapshot: &'a Snapshot,
    sink: &'a mut S,
}

impl<'a, S: Sink> Walk<'a, S> {
    fn put(&mut self, family: &Family, labels: &[(&str, &str)], value: Option<f64>) {
        put(self.sink, family, labels, value);
    }

    fn segments(&self) -> impl Iterator<Item = (&'a str, &'a SegmentValues)> + use<'a, S> {
        let names = self.snapshot.frame.segments.iter().map(String::as_str);
        names.zip(&self.snapshot.segments)
    }

    fn counts(&mut self) {
        let families: [(&Family, OfCounts); 5] = [
            (&catalogue::CREATED_TICKETS, |counts| {
                counts.created.map(float)
            }),
            (&catalogue::RESOLVED_TICKETS, |counts| {
                counts.resolved.map(float)
            }),
            (&catalogue::CLOSED_TICKETS, |counts| {
                counts.closed.map(float)
            }),
            (&catalogue::SENT_REPLIES, |counts| counts.replies.map(float)),
            (&catalogue::RECEIVED_MESSAGES, |counts| {
                counts.received_messages.map(float)
            }),
        ];
        for (family, value) in families {
            self.per_segment_and_window(family, value);
        }
        self.open_tickets();
        let families: [(&Family, OfCounts); 5] = [
            (&catalogue::FIRST_RESPONSE_MEAN_SECONDS, |counts| {
                counts.first_response_mean_seconds
            }),
            (&catalogue::RESPONSE_MEAN_SECONDS, |counts| {
                counts.response_mean_seconds
            }),
            (&catalogue::RESOLUTION_MEAN_SECONDS, |counts| {
                counts.resolution_mean_seconds
            }),
            (&catalogue::HANDLE_MEAN_SECONDS, |counts| {
                counts.handle_mean_seconds
            }),
            (
                &catalogue::RESOLVED_ON_FIRST_REPLY_RATIO,
                ContactCounts::resolved_on_first_reply_ratio,
            ),
        ];
        for (family, value) in families {
            self.per_segment_and_window(family, value);
        }
        self.ratings();
        for (segment, values) in self.segments() {
            self.put(
                &catalogue::TICKETS_DISPERSION_RATIO,
                &[("segment", segment)],
                values.dispersion,
            );
        }
    }

    fn per_segment_and_window(&mut self, family: &Family, value: OfCounts) {
        for (segment, values) in self.segments() {
            for (window, counts) in self.snapshot.frame.windows.iter().zip(&values.counts) {
                let labels = [("segment", segment), ("window", window.name())];
                self.put(family, &labels, counts.as_ref().and_then(value));
            }
        }
    }

    fn open_tickets(&mut self) {
        for (segment, values) in self.segments() {
            for open in values.open.iter().flatten() {
                let labels = [("segment", segment), ("status", open.status.as_str())];
                self.put(&catalogue::OPEN_TICKETS, &labels, Some(float(open.count)));
            }
        }
        for (segment, values) in self.segments() {
            for open in values.open.iter().flatten() {
                let labels = [("segment", segment), ("status", open.status.as_str())];
                let oldest = open.oldest.map(unix_seconds);
                let family = &catalogue::OLDEST_OPEN_TICKET_TIMESTAMP_SECONDS;
                self.put(family, &labels, oldest);
            }
        }
    }

    fn ratings(&mut self) {
        for (segment, values) in self.segments() {
            for (window, ratings) in self.snapshot.frame.windows.iter().zip(&values.ratings) {
                let Some(ratings) = ratings else { continue };
                for (rating, count) in [
                    ("great", ratings.great),
                    ("okay", ratings.okay),
                    ("not_good", ratings.not_good),
                ] {
                    let labels = [
                        ("segment", segment),
                        ("window", window.name()),
                        ("rating", rating),
                    ];
                    self.put(&catalogue::HAPPINESS_RATINGS, &labels, Some(float(count)));
                }
            }
        }
    }

    fn populations(&mut self) {
        let frame = &self.snapshot.frame;
        for (population, values) in frame.populations.iter().zip(&self.snapshot.populations) {
            let family = catalogue::population(population);
            match values {
                PopulationValues::Total(value) => self.put(&family, &[], *value),
                PopulationValues::Window(values) => {
                    for (window, value) in frame.windows.iter().zip(values) {
                        self.put(&family, &[("window", window.name())], *value);
                    }
                }
            }
        }
    }

    fn rates(&mut self) {
        let families: [(&Family, OfRate); 6] = [
            (&catalogue::RATE_RATIO, |rate| Some(rate.ratio)),
            (&catalogue::RATE_PREVIOUS_RATIO, |rate| rate.previous),
            (&catalogue::RATE_LOWER_RATIO, |rate| {
                rate.bounds.map(|bounds| bounds.lower)
            }),
            (&catalogue::RATE_UPPER_RATIO, |rate| {
                rate.bounds.map(|bounds| bounds.upper)
            }),
            (&catalogue::RATE_BASELINE_RATIO, |rate| rate.baseline),
            (&catalogue::RATE_RISE_P_VALUE, |rate| rate.rise_p_value),
        ];
        for (family, value) in families {
            for rate in &self.snapshot.rates {
                if let Some(labels) = self.rate_labels(rate) {
                    self.put(family, &labels, value(rate));
                }
            }
        }
        for rate in &self.snapshot.rates {
            let (Some([segment, population, window, tickets]), Some(change)) =
                (self.rate_labels(rate), rate.change)
            else {
                continue;
            };
            for (cause, value) in [("population", change.population), ("rate", change.rate)] {
                let labels = [segment, population, window, tickets, ("cause", cause)];
                self.put(&catalogue::TICKETS_CHANGE, &labels, Some(value));
            }
        }
    }

    /// `None` for an index outside the frame, which no refresh makes.
    fn rate_labels(&self, rate: &RateValues) -> Option<[(&'static str, &'a str); 4]> {
        let frame = &self.snapshot.frame;
        let segment = frame.segments.get(rate.segment)?;
        let [population, window, tickets] =
            self.pair_labels(rate.population, rate.window, rate.tickets)?;
        Some([("segment", segment), population, window, tickets])
    }

    fn pair_labels(
        &self,
        population: usize,
        window: usize,
        tickets: Tickets,
    ) -> Option<[(&'static str, &'a str); 3]> {
        let frame = &self.snapshot.frame;
        Some([
            ("population", &frame.populations.get(population)?.name),
            ("window", frame.windows.get(window)?.name()),
            ("tickets", tickets.name()),
        ])
    }

    fn targets(&mut self) {
        for target in &self.snapshot.frame.targets {
            if let Some(labels) = self.pair_labels(target.population, target.window, target.tickets)
            {
                let value = Some(target.at_most);
                self.put(&catalogue::RATE_TARGET_RATIO, &labels, value);
            }
        }
    }

    fn reasons(&mut self) {
        let Some(found) = self.snapshot.reasons() else {
            return;
        };
        let frame = &self.snapshot.frame;
        let window = ("window", found.window.name());
        for reason in &found.reasons {
            let labels = [("reason", reason.name.as_str()), window];
            let value = Some(float(reason.counts.current));
            self.put(&catalogue::REASON_TICKETS, &labels, value);
        }
        for reason in &found.reasons {
            let labels = [("reason", reason.name.as_str()), window];
            let value = reason.counts.previous.map(float);
            self.put(&catalogue::REASON_PREVIOUS_TICKETS, &labels, value);
        }
        for reason in &found.reasons {
            for (population, ratio) in frame.populations.iter().zip(&reason.ratios) {
                let labels = [
                    ("reason", reason.name.as_str()),
                    ("population", population.name.as_str()),
                    window,
                ];
                self.put(&catalogue::REASON_RATE_RATIO, &labels, *ratio);
            }
        }
    }

    fn help_center(&mut self) {
        self.per_window(&catalogue::HELP_CENTER_VISITORS, |visits| {
            Some(float(visits.visitors))
        });
        for (window, visits) in self.visits() {
            for (action, share) in visits.actions() {
                let labels = [("window", window), ("action", action)];
                self.put(&catalogue::HELP_CENTER_ACTION_RATIO, &labels, share);
            }
        }
        for (window, visits) in self.visits() {
            for (result, share) in visits.results() {
                let labels = [("window", window), ("result", result)];
                self.put(&catalogue::HELP_CENTER_RESULT_RATIO, &labels, share);
            }
        }
        self.per_window(&catalogue::HELP_CENTER_ARTICLES_PER_VISIT, |visits| {
            visits.articles_per_visit
        });
    }

    fn per_window(&mut self, family: &Family, value: fn(&HelpCenter) -> Option<f64>) {
        for (window, visits) in self.visits() {
            self.put(family, &[("window", window)], value(visits));
        }
    }

    fn visits(&self) -> impl Iterator<Item = (&'a str, &'a HelpCenter)> + use<'a, S> {
        let windows = self.snapshot.frame.windows.iter();
        windows
            .zip(&self.snapshot.help_center)
            .filter_map(|(window, visits)| Some((window.name(), visits.as_ref()?)))
    }

    fn sources(&mut self) {
        for state in &self.snapshot.sources {
            let labels = [("source", state.source.name())];
            let up = Some(f64::from(u8::from(state.up)));
            self.put(&catalogue::SOURCE_UP, &labels, up);
        }
        for state in &self.snapshot.sources {
            let labels = [("source", state.source.name())];
            let value = state.last_success.map(unix_seconds);
            let family = &catalogue::SOURCE_LAST_SUCCESS_TIMESTAMP_SECONDS;
            self.put(family, &labels, value);
        }
        for state in &self.snapshot.sources {
            let labels = [("source", state.source.name())];
            let value = state.last_duration_seconds;
            self.put(&catalogue::SOURCE_REFRESH_DURATION_SECONDS, &labels, value);
        }
        let value = self.snapshot.window_end.map(unix_seconds);
        self.put(&catalogue::WINDOW_END_TIMESTAMP_SECONDS, &[], value);
    }
}

/// Exact up to 2⁵³, and Prometheus knows no other number.
fn float(count: u64) -> f64 {
    count as f64
}

/// Unix time with milliseconds: finer than any refresh, and exact enough to print short.
pub(super) fn unix_seconds(instant: Timestamp) -> f64 {
    instant.as_millisecond() as f64 / 1000.0
}
