//! When Prometheus lets a rule fire.

use crate::observe::Observation;
use crate::rules::Rule;

/// One rule's alert, as Prometheus keeps it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alert {
    active_since: Option<usize>,
    absent_since: Option<usize>,
    firing: bool,
}

impl Alert {
    /// Evaluates `rule` at minute `now`. Whether the alert turned to firing.
    pub fn evaluate(
        &mut self,
        rule: &Rule,
        observation: &Observation,
        truth: f64,
        now: usize,
    ) -> bool {
        self.step(rule, rule.condition.holds(observation, truth), now)
    }

    /// After `rules/alerting.go` of Prometheus 2.42: an alert fires once its expression has had a
    /// result for `hold` without a gap, and ends once it had none for `keep`.
    fn step(&mut self, rule: &Rule, holds: bool, now: usize) -> bool {
        if holds {
            let since = *self.active_since.get_or_insert(now);
            self.absent_since = None;
            let turned = !self.firing && now - since >= rule.hold;
            self.firing |= turned;
            return turned;
        }
        let absent_since = *self.absent_since.get_or_insert(now);
        if !self.firing || now - absent_since >= rule.keep {
            *self = Self::default();
        }
        false
    }

    /// Whether it is firing.
    pub const fn is_firing(&self) -> bool {
        self.firing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Condition, HOUR};
    use crate::simulate::DAY;

    const RULE: Rule = Rule {
        name: "test",
        condition: Condition::AboveTruth(1.0),
        hold: 6 * HOUR,
        keep: DAY,
    };

    /// Minutes at which the alert turned to firing, for hours in which its expression held.
    fn turns(rule: &Rule, step: usize, holds: impl Fn(usize) -> bool, to: usize) -> Vec<usize> {
        let mut alert = Alert::default();
        (0..to)
            .step_by(step)
            .filter(|&minute| alert.step(rule, holds(minute), minute))
            .map(|minute| minute / HOUR)
            .collect()
    }

    #[test]
    fn fires_once_it_held_long_enough() {
        for step in [5, HOUR] {
            assert_eq!(turns(&RULE, step, |_| true, 100 * HOUR), [6]);
            let without_hold = Rule { hold: 0, ..RULE };
            assert_eq!(turns(&without_hold, step, |_| true, 100 * HOUR), [0]);
        }
    }

    #[test]
    fn a_gap_starts_the_wait_again() {
        let gap = |minute| minute != 5 * HOUR;
        assert_eq!(turns(&RULE, HOUR, gap, 100 * HOUR), [12]);
        // One step short of long enough, again and again.
        let short = |minute| minute % (6 * HOUR) != 0;
        assert!(turns(&RULE, HOUR, short, 999 * HOUR).is_empty());
    }

    #[test]
    fn keeps_firing_over_gaps_shorter_than_asked() {
        let held = |minute: usize, gap: usize| !(10 * HOUR..(10 + gap) * HOUR).contains(&minute);
        // Absent from hour 10: resolved at hour 34.
        assert_eq!(
            turns(&RULE, HOUR, |minute| held(minute, 24), 99 * HOUR),
            [6]
        );
        assert_eq!(
            turns(&RULE, HOUR, |minute| held(minute, 25), 99 * HOUR),
            [6, 41]
        );
        let without_keep = Rule { keep: 0, ..RULE };
        assert_eq!(
            turns(&without_keep, HOUR, |minute| held(minute, 1), 99 * HOUR),
            [6, 17]
        );
    }

    /// An alert that fires and is kept does not count its waiting from the gap.
    #[test]
    fn a_kept_alert_forgets_its_gap() {
        let flapping = |minute: usize| (minute / HOUR).is_multiple_of(20) || minute < 10 * HOUR;
        assert_eq!(turns(&RULE, HOUR, flapping, 500 * HOUR), [6]);
    }
}
