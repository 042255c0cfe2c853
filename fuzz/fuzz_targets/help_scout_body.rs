//! Any body as answer of Help Scout, of every kind.
#![no_main]

use contact_rate_exporter::sources::helpscout;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| helpscout::survive(body));
