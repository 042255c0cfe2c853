//! Contact rates, their confidence bounds, and how they change.

/// 95 % confidence bounds of a contact rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Lower bound; 0 when no ticket was counted.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
}

/// Why the number of tickets changed against the previous window. The two parts sum to the change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Tickets more (or fewer) because the population grew (or shrank).
    pub population: f64,
    /// Tickets more (or fewer) because the rate rose (or fell).
    pub rate: f64,
}
