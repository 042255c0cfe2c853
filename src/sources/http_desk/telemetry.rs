//! The metrics of an endpoint that counts.

use crate::sources::calls::telemetry::Families;

/// What they are called, and what their HELP says.
pub const FAMILIES: Families = Families {
    requests: (
        "contact_tickets_requests_total",
        "Requests sent to the endpoint that counts tickets, in the background, retries included, by \
         HTTP status; code \"error\" where no answer came.",
    ),
    duration: (
        "contact_tickets_request_duration_seconds",
        "Time from sending a request to the endpoint that counts tickets to the end of its answer, \
         each try by itself, waits for the rate limit left out.",
    ),
    limit: (
        "contact_tickets_rate_limit_requests",
        "Requests that the endpoint that counts tickets grants, in the period of its own choice. \
         From the X-Rate-Limit header of the last answer or the like; read in the background.",
    ),
    remaining: (
        "contact_tickets_rate_limit_remaining_requests",
        "Requests left of those that the endpoint that counts tickets grants. From the \
         X-Rate-Limit-Remaining header of the last answer or the like; read in the background.",
    ),
    by_endpoint: false,
};
