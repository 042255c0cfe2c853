//! The first part of a body: the snapshot, rendered and packed.

use bytes::Bytes;

use super::{
    catalogue::Family,
    gzip,
    series::{self, Sink},
    text::{Format, SnapshotWriter, Writer},
};
use crate::snapshot::Snapshot;

/// How much text is collected before it is compressed.
const CHUNK: usize = 64 * 1024;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// With gzip.
    Gzip,
}

impl Encoding {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Identity, Self::Gzip];
}

/// A snapshot's part of a body. Any text may follow it, in the same format.
pub enum Head {
    /// Text.
    Identity(Bytes),
    /// The first piece of a gzip file.
    Gzip(gzip::Head),
}

impl Head {
    /// Renders `snapshot`.
    pub fn render(snapshot: &Snapshot, format: Format, encoding: Encoding) -> Self {
        match encoding {
            Encoding::Identity => {
                let mut writer = SnapshotWriter::new(Writer::new(format));
                series::visit(snapshot, &mut writer);
                let mut text = writer.into_string();
                text.shrink_to_fit();
                Self::Identity(text.into())
            }
            Encoding::Gzip => {
                let mut packer = Packer {
                    writer: SnapshotWriter::new(Writer::with_capacity(format, CHUNK + CHUNK / 8)),
                    head: gzip::HeadWriter::new(),
                };
                series::visit(snapshot, &mut packer);
                packer.pack();
                Self::Gzip(packer.head.finish())
            }
        }
    }

    /// The parts of a body whose text goes on with `tail`.
    pub fn join(&self, tail: String) -> [Bytes; 2] {
        match self {
            Self::Identity(text) => [text.clone(), tail.into()],
            Self::Gzip(head) => [head.bytes(), head.tail(&tail)],
        }
    }
}

/// Compresses text as it is written, so that the whole of it is never held.
struct Packer {
    writer: SnapshotWriter,
    head: gzip::HeadWriter,
}

impl Packer {
    fn pack(&mut self) {
        let writer = self.writer.writer();
        self.head.write(writer.as_str());
        writer.clear();
    }
}

impl Sink for Packer {
    fn sample(&mut self, family: &Family, labels: &[(&str, &str)], value: f64) {
        self.writer.sample(family, labels, value);
        if self.writer.writer().as_str().len() >= CHUNK {
            self.pack();
        }
    }
}
