//! The rules that are compared.

use crate::observe::{Observation, Span, Statistic};
use crate::simulate::DAY;

/// An hour in minutes.
pub const HOUR: usize = 60;

/// When a rule's expression has a result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Condition {
    /// `rate >= at_least * baseline and p_value < below`, where no witness contradicts.
    Rise {
        statistic: Statistic,
        span: Span,
        at_least: f64,
        below: f64,
        witness: Option<Witness>,
    },
    /// The 7d rate is above so many times its true value, which only a simulation knows.
    AboveTruth(f64),
    /// The 7d rate is above so many times that of the week before.
    AboveLastWeek(f64),
}

/// Another window, whose p-value must not speak against a rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Witness {
    pub span: Span,
    /// It does from this p-value on …
    pub contradicts_from: f64,
    /// … unless the rate is at least so many times its baseline.
    pub overruled_at: f64,
}

impl Condition {
    /// Whether the expression has a result. `truth` is the true 7d rate before any rise.
    pub fn holds(&self, observation: &Observation, truth: f64) -> bool {
        let week = observation.of(Span::Week);
        match *self {
            Self::Rise {
                statistic,
                span,
                at_least,
                below,
                witness,
            } => {
                let assessed = observation.of(span);
                let significant = assessed.p_value(statistic).is_some_and(|p| p < below);
                let contradicted = || {
                    witness.is_some_and(|witness| {
                        observation
                            .of(witness.span)
                            .p_value(statistic)
                            .is_some_and(|p| p >= witness.contradicts_from)
                            && !assessed.is_at_least(witness.overruled_at)
                    })
                };
                significant && assessed.is_at_least(at_least) && !contradicted()
            }
            Self::AboveTruth(factor) => week.rate.is_some_and(|rate| rate > factor * truth),
            Self::AboveLastWeek(factor) => week
                .rate
                .zip(observation.previous_week)
                .is_some_and(|(rate, previous)| rate > factor * previous),
        }
    }
}

/// An alert rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    pub name: &'static str,
    pub condition: Condition,
    /// `for`, in minutes.
    pub hold: usize,
    /// `keep_firing_for`, in minutes.
    pub keep: usize,
}

/// Rules that are judged together.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub name: &'static str,
    pub rules: Vec<Rule>,
}

const fn rise(statistic: Statistic, span: Span, at_least: f64, below: f64) -> Condition {
    Condition::Rise {
        statistic,
        span,
        at_least,
        below,
        witness: None,
    }
}

impl Condition {
    const fn unless(self, by: Witness) -> Self {
        match self {
            Self::Rise {
                statistic,
                span,
                at_least,
                below,
                ..
            } => Self::Rise {
                statistic,
                span,
                at_least,
                below,
                witness: Some(by),
            },
            other => other,
        }
    }
}

const fn rule(name: &'static str, condition: Condition, hold: usize, keep: usize) -> Rule {
    Rule {
        name,
        condition,
        hold,
        keep,
    }
}

const FOUR_WEEKS_SAY_NO: Witness = Witness {
    span: Span::FourWeeks,
    contradicts_from: 0.1,
    overruled_at: 1.75,
};
const WEEK_SAYS_NO: Witness = Witness {
    span: Span::Week,
    contradicts_from: 0.1,
    overruled_at: f64::INFINITY,
};

/// The rules recommended for `prometheus/rules/contact-rate.yml`.
pub fn recommended() -> RuleSet {
    RuleSet {
        name: "recommended",
        rules: with_witnesses(Statistic::Specified, 1.0),
    }
}

/// The recommended rules by another statistic, all thresholds on p times `strictness`.
fn with_witnesses(statistic: Statistic, strictness: f64) -> Vec<Rule> {
    let rise = |span, at_least, below: f64| rise(statistic, span, at_least, below * strictness);
    vec![
        rule(
            "Rising",
            rise(Span::Week, 1.2, 0.003).unless(FOUR_WEEKS_SAY_NO),
            6 * HOUR,
            DAY,
        ),
        rule(
            "Rising, critical",
            rise(Span::Week, 1.5, 0.0003).unless(FOUR_WEEKS_SAY_NO),
            6 * HOUR,
            DAY,
        ),
        rule(
            "RisingSlowly",
            rise(Span::FourWeeks, 1.1, 0.002).unless(WEEK_SAYS_NO),
            12 * HOUR,
            DAY,
        ),
        rule("Spike", rise(Span::Day, 0.0, 0.0001), HOUR, DAY),
    ]
}

/// One step after the other from the rules first asked for to the recommended ones, and some ways
/// not taken.
pub fn variants() -> Vec<RuleSet> {
    use Statistic::{EarlierDispersion, EarlierDispersionMiddleStock, Specified};
    let first = |keep| {
        vec![
            rule(
                "Rising",
                rise(Specified, Span::Week, 1.2, 0.003),
                6 * HOUR,
                keep,
            ),
            rule(
                "Rising, critical",
                rise(Specified, Span::Week, 1.5, 0.0003),
                6 * HOUR,
                keep,
            ),
            rule("Spike", rise(Specified, Span::Day, 0.0, 0.0001), HOUR, keep),
        ]
    };
    let witnessed = |witness: Option<Witness>| {
        let mut rules = first(DAY);
        if let Some(witness) = witness {
            for rule in rules.iter_mut().take(2) {
                rule.condition = rule.condition.unless(witness);
            }
        }
        rules
    };
    let never_overruled = Witness {
        overruled_at: f64::INFINITY,
        ..FOUR_WEEKS_SAY_NO
    };
    let strict = |hold, below| {
        let mut rules = first(DAY);
        rules[0] = rule("Rising", rise(Specified, Span::Week, 1.2, below), hold, DAY);
        rules[1].hold = hold;
        rules.push(rule(
            "RisingSlowly",
            rise(Specified, Span::FourWeeks, 1.1, 0.0005),
            12 * HOUR,
            DAY,
        ));
        rules
    };
    let mut five_windows = strict(12 * HOUR, 0.0005);
    five_windows.push(rule(
        "3d",
        rise(Specified, Span::ThreeDays, 0.0, 0.0001),
        6 * HOUR,
        DAY,
    ));
    five_windows.push(rule(
        "14d",
        rise(Specified, Span::Fortnight, 1.1, 0.0003),
        12 * HOUR,
        DAY,
    ));
    let set = |name, rules| RuleSet { name, rules };
    vec![
        set("plain: Rising, critical, Spike", first(0)),
        set("+ keep_firing_for 1d", first(DAY)),
        set("+ unless 28d says no", witnessed(Some(never_overruled))),
        set("+ overruled at ×1.75", witnessed(Some(FOUR_WEEKS_SAY_NO))),
        set("+ RisingSlowly = recommended", recommended().rules),
        set(
            "or: no witness, p < 0.001 for 12h",
            strict(12 * HOUR, 0.001),
        ),
        set("or: no witness, five windows", five_windows),
        set(
            "proposal A: earlier φ",
            with_witnesses(EarlierDispersion, 1.0),
        ),
        set(
            "proposal A, all p × 0.4",
            with_witnesses(EarlierDispersion, 0.4),
        ),
        set(
            "proposal B: A and middle stock",
            with_witnesses(EarlierDispersionMiddleStock, 1.0),
        ),
        set(
            "proposal B, all p × 0.6",
            with_witnesses(EarlierDispersionMiddleStock, 0.6),
        ),
    ]
}

/// Up 20 % on the week before, for 6 h.
pub fn week_on_week() -> RuleSet {
    RuleSet {
        name: "week on week",
        rules: vec![rule(
            "7d up 20 %",
            Condition::AboveLastWeek(1.2),
            6 * HOUR,
            DAY,
        )],
    }
}

/// Above a fixed threshold for 6 h: so many times the true rate.
pub fn above_truth(factor: f64) -> RuleSet {
    RuleSet {
        name: "fixed threshold",
        rules: vec![rule(
            "7d above",
            Condition::AboveTruth(factor),
            6 * HOUR,
            DAY,
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Assessed;

    /// A window whose rate is so many times its baseline.
    fn assessed(factor: f64, p_value: f64) -> Assessed {
        Assessed {
            rate: Some(factor * 0.05),
            baseline: Some(0.05),
            p_values: [Some(p_value); Statistic::ALL.len()],
        }
    }

    fn rising_holds(week: Assessed, four_weeks: Assessed) -> bool {
        let observation = Observation::default()
            .with(Span::Week, week)
            .with(Span::FourWeeks, four_weeks);
        recommended().rules[0].condition.holds(&observation, 1.0)
    }

    #[test]
    fn a_rise_must_be_large_and_significant() {
        let agrees = assessed(1.1, 0.01);
        assert!(rising_holds(assessed(1.25, 0.0029), agrees));
        assert!(!rising_holds(assessed(1.19, 0.0029), agrees));
        assert!(!rising_holds(assessed(1.25, 0.003), agrees));
        assert!(!rising_holds(Assessed::default(), agrees));
        let from_nothing = Assessed {
            baseline: Some(0.0),
            ..assessed(1.0, 0.0001)
        };
        assert!(rising_holds(from_nothing, agrees));
    }

    #[test]
    fn a_witness_contradicts_unless_absent_or_overruled() {
        let disagrees = assessed(1.0, 0.1);
        assert!(rising_holds(assessed(1.25, 0.001), assessed(1.0, 0.099)));
        assert!(!rising_holds(assessed(1.25, 0.001), disagrees));
        assert!(!rising_holds(assessed(1.74, 0.001), disagrees));
        assert!(rising_holds(assessed(1.76, 0.001), disagrees));
        assert!(rising_holds(assessed(1.25, 0.001), Assessed::default()));
    }

    #[test]
    fn naive_rules_look_at_the_rate_alone() {
        let mut observation = Observation::default().with(Span::Week, assessed(1.21, 0.9));
        observation.previous_week = Some(0.05);
        let holds = |set: RuleSet, truth| set.rules[0].condition.holds(&observation, truth);
        assert!(holds(week_on_week(), 1.0));
        assert!(holds(above_truth(1.2), 0.05));
        assert!(!holds(above_truth(1.2), 0.051));
        assert!(!holds(above_truth(1.3), 0.05));
    }

    #[test]
    fn names_within_a_set_are_unique() {
        for set in variants() {
            let mut names: Vec<_> = set.rules.iter().map(|rule| rule.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), set.rules.len(), "{}", set.name);
        }
    }
}
