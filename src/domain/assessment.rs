//! All that is said about one contact rate, from one set of counts that share their `end`.

use super::{
    bounds::{Bounds, bounds},
    change::{Change, change},
    count::Tickets,
    rate::rate,
    rise::{Exposure, rise_p_value},
};

/// Tickets and populations of one window, read for the same `end`. `None` means unknown.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    /// Which way tickets are counted.
    pub tickets: Tickets,
    /// `t`.
    pub count: u64,
    /// `u`.
    pub population: f64,
    /// `t₀`.
    pub previous_count: Option<u64>,
    /// `u₀`.
    pub previous_population: Option<f64>,
    /// `φ`.
    pub dispersion: Option<f64>,
    /// `t_b` and `u_b`.
    pub baseline: Option<Exposure>,
}

/// A contact rate and what goes with it (spec: terms and formulas).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// `r`.
    pub ratio: f64,
    /// `r₀`.
    pub previous: Option<f64>,
    /// 95 % confidence bounds of `r`; not for replies.
    pub bounds: Option<Bounds>,
    /// `r_b`; only for created tickets.
    pub baseline: Option<f64>,
    /// p-value of a rise over the baseline; only for created tickets.
    pub rise_p_value: Option<f64>,
    /// Why the ticket count changed.
    pub change: Option<Change>,
}

/// Assesses a contact rate. `None` when there is no rate: a population of 0.
pub fn assess(evidence: &Evidence) -> Option<Assessment> {
    let Evidence {
        tickets,
        count,
        population,
        dispersion,
        ..
    } = *evidence;
    let ratio = rate(count, population)?;
    let previous = evidence.previous_count.zip(evidence.previous_population);
    let baseline = evidence.baseline.filter(|_| tickets == Tickets::Created);
    let current = Exposure {
        tickets: count,
        population,
    };
    Some(Assessment {
        ratio,
        previous: previous.and_then(|(count, population)| rate(count, population)),
        bounds: tickets
            .has_bounds()
            .then(|| bounds(count, population, dispersion.unwrap_or(1.0)))
            .flatten(),
        baseline: baseline.and_then(|baseline| rate(baseline.tickets, baseline.population)),
        rise_p_value: baseline
            .zip(dispersion)
            .and_then(|(baseline, dispersion)| rise_p_value(current, baseline, dispersion)),
        change: previous.and_then(|(previous_count, previous_population)| {
            change(count, population, previous_count, previous_population)
        }),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "quotients of these counts are exact")]

    use super::*;

    fn december() -> Evidence {
        // The worked example of the specification: recorded reports of 2017-11 and 2017-12.
        Evidence {
            tickets: Tickets::Created,
            count: 126,
            population: 2400.0,
            previous_count: Some(178),
            previous_population: Some(2000.0),
            dispersion: Some(1.5),
            baseline: Some(Exposure {
                tickets: 178,
                population: 2000.0,
            }),
        }
    }

    #[test]
    fn the_worked_example_holds() {
        let assessment = assess(&december()).unwrap();
        assert_eq!(assessment.ratio, 0.0525);
        assert_eq!(assessment.previous, Some(0.089));
        assert_eq!(assessment.baseline, Some(0.089));
        let change = assessment.change.unwrap();
        assert!((change.population - 28.3).abs() < 0.01);
        assert!((change.rate + 80.3).abs() < 0.01);
    }

    #[test]
    fn replies_have_no_bounds_and_only_created_tickets_a_baseline() {
        for tickets in [Tickets::Resolved, Tickets::Closed, Tickets::Replies] {
            let assessment = assess(&Evidence {
                tickets,
                ..december()
            })
            .unwrap();
            assert_eq!(assessment.bounds.is_some(), tickets != Tickets::Replies);
            assert_eq!(assessment.baseline, None);
            assert_eq!(assessment.rise_p_value, None);
            assert!(assessment.previous.is_some());
        }
    }

    #[test]
    fn without_dispersion_there_are_exact_bounds_and_no_p_value() {
        let unknown = assess(&Evidence {
            dispersion: None,
            ..december()
        })
        .unwrap();
        let exact = assess(&Evidence {
            dispersion: Some(1.0),
            ..december()
        })
        .unwrap();
        assert_eq!(unknown.bounds, exact.bounds);
        assert_eq!(unknown.rise_p_value, None);
        assert!(unknown.baseline.is_some());
    }

    #[test]
    fn an_empty_population_has_no_rate_and_an_empty_past_no_change() {
        assert_eq!(
            assess(&Evidence {
                population: 0.0,
                ..december()
            }),
            None
        );
        let assessment = assess(&Evidence {
            previous_population: Some(0.0),
            ..december()
        })
        .unwrap();
        assert_eq!((assessment.previous, assessment.change), (None, None));
    }
}
