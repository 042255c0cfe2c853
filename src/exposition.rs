//! From a snapshot to the bytes of `/metrics` and to the landing page.
//!
//! [`catalogue`] names every metric family once. [`series`] walks a snapshot and names its samples,
//! `gathered` does the same for a registry, [`text`] writes them. `head` and `gzip` make the part of
//! a body that shows the snapshot, [`page`] keeps the finished bodies and hands them out.
//! [`self_metrics`] holds the exporter's metrics about itself, `landing` is the page for people.

pub mod catalogue;
mod gathered;
mod gzip;
mod head;
mod landing;
pub mod page;
pub mod self_metrics;
pub mod series;
pub mod text;

pub use head::Encoding;
pub use landing::CONTENT_SECURITY_POLICY as LANDING_POLICY;
pub use page::{Exposition, Rendered};
pub use self_metrics::SelfMetrics;
pub use text::Format;
