//! A gzip file in two pieces, of which only the second is compressed again.
//!
//! The first piece ends with a sync flush, on a byte boundary and without marking a last block
//! ([RFC 1951](https://www.rfc-editor.org/rfc/rfc1951), 3.2.3 and 3.2.4), so that any deflate blocks may
//! follow it. The second piece brings the last block and the trailer of
//! [RFC 1952](https://www.rfc-editor.org/rfc/rfc1952). Together they are one member: some clients
//! stop reading after the first member of a file that has several.

use std::{io::Write as _, mem};

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::{Compression, write::DeflateEncoder};

/// Deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Writes the first piece.
pub struct HeadWriter {
    encoder: DeflateEncoder<Vec<u8>>,
    checksum: Hasher,
    length: u32,
}

/// The first piece.
pub struct Head {
    bytes: Bytes,
    checksum: Hasher,
    /// Length of the text, modulo 2³².
    length: u32,
}

impl HeadWriter {
    /// A writer of an empty text.
    pub fn new() -> Self {
        Self {
            encoder: DeflateEncoder::new(HEADER.to_vec(), Compression::default()),
            checksum: Hasher::new(),
            length: 0,
        }
    }

    /// Adds to the text.
    pub fn write(&mut self, text: &str) {
        self.checksum.update(text.as_bytes());
        self.length = self.length.wrapping_add(length(text));
        // The encoder only passes on what its `Vec` says, which never fails; were it to, the
        // checksum would tell the client.
        let _ = self.encoder.write_all(text.as_bytes());
    }

    /// Ends the piece.
    pub fn finish(mut self) -> Head {
        let _ = self.encoder.flush();
        // Dropped, the encoder writes a last block, into a `Vec` that nobody reads any more.
        let mut bytes = mem::take(self.encoder.get_mut());
        bytes.shrink_to_fit();
        Head {
            bytes: bytes.into(),
            checksum: self.checksum,
            length: self.length,
        }
    }
}

impl Head {
    /// The bytes of the first piece.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The second piece, for a text that goes on with `text`.
    pub fn tail(&self, text: &str) -> Bytes {
        // Made for a second's scrapes, most often one: time matters more than a few hundred bytes.
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        let mut bytes = match encoder.write_all(text.as_bytes()) {
            Ok(()) => encoder.finish().unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let mut checksum = Hasher::new();
        checksum.update(text.as_bytes());
        let mut whole = self.checksum.clone();
        whole.combine(&checksum);
        bytes.extend_from_slice(&whole.finalize().to_le_bytes());
        let length = self.length.wrapping_add(length(text));
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.into()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the trailer counts modulo 2^32"
)]
fn length(text: &str) -> u32 {
    text.len() as u32
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    /// Reads one member, checksum and length included, and what is left after it.
    fn read(bytes: &[u8]) -> (String, usize) {
        let mut text = String::new();
        let mut decoder = GzDecoder::new(bytes);
        decoder.read_to_string(&mut text).unwrap();
        (text, decoder.into_inner().len())
    }

    fn join(pieces: &[&str], tail: &str) -> Vec<u8> {
        let mut writer = HeadWriter::new();
        for piece in pieces {
            writer.write(piece);
        }
        let head = writer.finish();
        [head.bytes(), head.tail(tail)].concat()
    }

    proptest! {
        #[test]
        fn two_pieces_are_one_member(pieces in prop::collection::vec(".{0,300}", 0..4), tail in ".{0,300}") {
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let bytes = join(&pieces, &tail);
            prop_assert_eq!(read(&bytes), (pieces.concat() + &tail, 0));
        }
    }

    #[test]
    fn one_head_takes_many_tails() {
        let text = "contact_rate_ratio{segment=\"all\"} 0.05\n".repeat(100_000);
        let mut writer = HeadWriter::new();
        writer.write(&text);
        let head = writer.finish();
        assert!(head.bytes().len() < text.len() / 50);
        for tail in ["", "# EOF\n", "process_threads 3\n# EOF\n"] {
            let bytes = [head.bytes(), head.tail(tail)].concat();
            assert_eq!(read(&bytes), (format!("{text}{tail}"), 0));
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let mut bytes = join(&["contact_source_up 1\n"], "# EOF\n");
        let checksum = bytes.len() - 8;
        bytes[checksum] ^= 1;
        let mut text = String::new();
        assert!(GzDecoder::new(&*bytes).read_to_string(&mut text).is_err());
    }
}
