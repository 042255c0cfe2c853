//! What each scenario expects to happen in each hour.

use super::{Scenario, calendar::Rhythm};

/// Hours of the story before the anchor: three years.
pub(super) const PAST_HOURS: i64 = 3 * 365 * 24;
/// Hours of the story after the anchor.
pub(super) const FUTURE_HOURS: i64 = 60 * 24;
/// The incident begins this many hours before the anchor.
const INCIDENT_HOURS: i64 = 48;
/// By how much the incident multiplies the contact rate.
///
/// Two days that stand out also raise the dispersion φ of the 56 daily counts, so that the
/// p-value of the 7d window falls but slowly with the factor. This one keeps it under 0.002 even
/// when the two days are a quiet week-end.
const INCIDENT_FACTOR: f64 = 5.0;
/// The release that made the service easier to use, in hours before the anchor.
const RELEASE_HOURS: f64 = 21.0 * 24.0;
/// How long it takes until everybody has the release.
const ROLL_OUT_HOURS: f64 = 4.0 * 24.0;
/// What the release leaves of the contact rate.
const RELEASE_FACTOR: f64 = 0.65;
/// Growth by 60 % of the start is spread over this many hours before the anchor, and goes on.
const GROWTH_HOURS: f64 = 26.0 * 168.0;

/// The busy season of each year, in days after the day of the anchor, and what it adds at its height:
/// far enough from the anchor to leave the story's last weeks alone, near enough to be forecast.
const SEASON_DAYS: (f64, f64) = (50.0, 130.0);
const SEASON_HEIGHT: f64 = 0.25;

const USERS: f64 = 60_000.0;
const DOSSIERS_PER_WEEK: f64 = 5_500.0;
const TICKETS_PER_DOSSIER: f64 = 0.055;
const HELP_VISITS_PER_WEEK: f64 = 9_000.0;
const HOURS_PER_YEAR: f64 = 365.25 * 24.0;

/// Shares of the help centre's visits.
pub(super) struct HelpMoods {
    /// Begun with a search.
    pub(super) searched: f64,
    /// Ended with a search that failed.
    pub(super) failed: f64,
    /// Ended with a message.
    pub(super) contacted: f64,
}

/// Expected arrivals per hour. Hours are counted from the anchor: −1 is the hour before it.
pub(super) struct Plot {
    scenario: Scenario,
    /// Hours from 1970 to the anchor.
    anchor_hour: i64,
    ticket_rhythm: Rhythm,
    dossier_rhythm: Rhythm,
}

impl Plot {
    pub(super) fn new(scenario: Scenario, anchor_hour: i64) -> Self {
        Self {
            scenario,
            anchor_hour,
            ticket_rhythm: Rhythm::tickets(),
            dossier_rhythm: Rhythm::dossiers(),
        }
    }

    pub(super) fn scenario(&self) -> Scenario {
        self.scenario
    }

    /// Hours from 1970 to an hour of the story.
    pub(super) fn unix_hour(&self, hour: i64) -> i64 {
        self.anchor_hour + hour
    }

    /// Tickets created in an hour, spam left out.
    pub(super) fn tickets(&self, hour: i64) -> f64 {
        self.size(hour_as_float(hour))
            * DOSSIERS_PER_WEEK
            * TICKETS_PER_DOSSIER
            * season(hour)
            * self.contact_factor(hour)
            * self.ticket_rhythm.share(self.unix_hour(hour))
    }

    /// Dossiers filed in an hour.
    pub(super) fn dossiers(&self, hour: i64) -> f64 {
        self.size(hour_as_float(hour))
            * DOSSIERS_PER_WEEK
            * season(hour)
            * self.dossier_rhythm.share(self.unix_hour(hour))
    }

    /// Users who register in an hour: as many as keep them in step with the service's size.
    pub(super) fn registrations(&self, hour: i64) -> f64 {
        let middle = hour_as_float(hour);
        let week = (self.size(middle + 84.0) - self.size(middle - 84.0)) * USERS;
        week.max(0.0) * self.dossier_rhythm.share(self.unix_hour(hour))
    }

    /// Visits of the help centre in an hour.
    pub(super) fn help_visits(&self, hour: i64) -> f64 {
        let drawn = match self.scenario {
            Scenario::Incident if self.in_incident(hour) => 1.8,
            // What works needs no help.
            _ => 1.0 - 0.15 * self.rolled_out(hour),
        };
        self.size(hour_as_float(hour))
            * HELP_VISITS_PER_WEEK
            * drawn
            * self.dossier_rhythm.share(self.unix_hour(hour))
    }

    /// How visits of the help centre begin and end in an hour.
    pub(super) fn help_moods(&self, hour: i64) -> HelpMoods {
        if self.in_incident(hour) {
            return HelpMoods {
                searched: 0.30,
                failed: 0.42,
                contacted: 0.05,
            };
        }
        let rolled_out = self.rolled_out(hour);
        HelpMoods {
            searched: 0.19,
            failed: 0.24 - 0.09 * rolled_out,
            contacted: 0.020 - 0.007 * rolled_out,
        }
    }

    /// How far everybody has the release that made contact less often needed: 0 to 1.
    fn rolled_out(&self, hour: i64) -> f64 {
        if self.scenario == Scenario::Improvement {
            ((hour_as_float(hour) + RELEASE_HOURS) / ROLL_OUT_HOURS).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// By how much the contact rate differs from its usual level.
    pub(super) fn contact_factor(&self, hour: i64) -> f64 {
        match self.scenario {
            Scenario::Incident if self.in_incident(hour) => INCIDENT_FACTOR,
            Scenario::Steady | Scenario::Growth | Scenario::Incident => 1.0,
            Scenario::Improvement => 1.0 - (1.0 - RELEASE_FACTOR) * self.rolled_out(hour),
        }
    }

    /// Whether the incident is on.
    pub(super) fn in_incident(&self, hour: i64) -> bool {
        self.scenario == Scenario::Incident && hour >= -INCIDENT_HOURS
    }

    /// The share of tickets that the incident alone brought.
    pub(super) fn incident_share(&self, hour: i64) -> f64 {
        if self.in_incident(hour) {
            1.0 - 1.0 / INCIDENT_FACTOR
        } else {
            0.0
        }
    }

    /// Size of the service, 1 at the anchor in a story without growth: nothing at launch, a first
    /// year in which it is taken up, then 8 % more each year.
    fn size(&self, hour: f64) -> f64 {
        let taken_up = ((hour + hour_as_float(PAST_HOURS)) / HOURS_PER_YEAR).clamp(0.0, 1.0);
        let usual =
            taken_up * taken_up * (3.0 - 2.0 * taken_up) * (1.0 + 0.08 * hour / HOURS_PER_YEAR);
        let growth = if self.scenario == Scenario::Growth {
            1.0 + 0.6 * (hour / GROWTH_HOURS + 1.0).max(0.0)
        } else {
            1.0
        };
        usual * growth
    }
}

/// By how much the time of the year lifts dossiers, and tickets with them.
fn season(hour: i64) -> f64 {
    let day = (hour_as_float(hour) / 24.0).rem_euclid(HOURS_PER_YEAR / 24.0);
    let (begin, end) = SEASON_DAYS;
    let gone = ((day - begin) / (end - begin)).clamp(0.0, 1.0);
    1.0 + SEASON_HEIGHT * (gone * std::f64::consts::PI).sin().powi(2)
}

fn hour_as_float(hour: i64) -> f64 {
    hour as f64
}
