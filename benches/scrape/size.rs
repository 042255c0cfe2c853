//! Configurations that make pages of about so many series.

use std::fmt::{self, Display, Formatter, Write as _};

use super::upstream::Upstream;

/// How much is configured.
pub struct Size {
    name: &'static str,
    /// Besides `all`.
    segments: usize,
    windows: &'static [&'static str],
    populations: usize,
}

/// From the smallest config there is to near the largest.
pub const SIZES: [Size; 4] = [
    Size {
        name: "100",
        segments: 0,
        windows: &["7d"],
        populations: 1,
    },
    Size {
        name: "1 000",
        segments: 3,
        windows: &["1d", "7d", "28d"],
        populations: 2,
    },
    Size {
        name: "10 000",
        segments: 14,
        windows: &["1d", "7d", "14d", "28d"],
        populations: 6,
    },
    Size {
        name: "100 000",
        segments: 50,
        windows: &["1d", "2d", "3d", "4d", "7d", "14d", "21d", "28d"],
        populations: 10,
    },
];

impl Size {
    /// Whether everything takes long.
    pub fn is_large(&self) -> bool {
        self.segments > 10
    }

    /// The config file.
    pub fn config(&self, upstream: &Upstream, interval: &str) -> String {
        let mut text = format!(
            "interval: {interval}\n\
             windows: [{}]\n\
             helpscout:\n  \
               app_id: demo\n  \
               app_secret: demo\n  \
               base_url: {}\n  \
               requests_per_minute: 1000000\n\
             databases:\n  \
               app:\n    url: {}\n",
            self.windows.join(", "),
            upstream.help_scout(),
            upstream.database(),
        );
        if self.segments > 0 {
            text.push_str("segments:\n");
        }
        for segment in 0..self.segments {
            let mailbox = ["Usagers", "Administrations", "Partenaires"][segment % 3];
            let _ = writeln!(
                text,
                "  - {{name: segment-{segment}, mailboxes: [\"{mailbox}\"]}}"
            );
        }
        text.push_str("populations:\n");
        for population in 0..self.populations {
            let _ = writeln!(
                text,
                "  dossiers_{population}:\n    window:\n      database: app\n      \
                 query: SELECT count(*) FROM dossiers WHERE depose_at >= :start AND depose_at < :end"
            );
        }
        text
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
