//! What a help centre (self-service pages with a search) tells of an interval.

/// Visits of a help centre in an interval. What is unknown is `None`; shares are ratios, never
/// percentages, and exist only where there was a visitor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HelpCenter {
    /// Visitors.
    pub visitors: u64,
    /// Share of visits that began by browsing.
    pub browse: Option<f64>,
    /// Share of visits that began with a search.
    pub search: Option<f64>,
    /// Share of visits that ended with an answer found.
    pub found: Option<f64>,
    /// Share of visits that ended with a search that found nothing.
    pub failed: Option<f64>,
    /// Share of visits that ended with a message to the team.
    pub contacted: Option<f64>,
    /// Articles read per visit, on average.
    pub articles_per_visit: Option<f64>,
}

impl HelpCenter {
    /// How visits began: the label value and the share.
    pub const fn actions(&self) -> [(&'static str, Option<f64>); 2] {
        [("browse", self.browse), ("search", self.search)]
    }

    /// How visits ended: the label value and the share.
    pub const fn results(&self) -> [(&'static str, Option<f64>); 3] {
        [
            ("found", self.found),
            ("failed", self.failed),
            ("contacted", self.contacted),
        ]
    }
}
