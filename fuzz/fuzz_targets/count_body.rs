//! Any body as answer of an HTTP endpoint and of a Prometheus: refused, or a count.
#![no_main]

use contact_rate_exporter::sources::count;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| count::survive(body));
