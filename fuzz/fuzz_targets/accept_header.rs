//! Any `Accept` and `Accept-Encoding`, of several lines: a format and an encoding come out, the same each time.
#![no_main]

use contact_rate_exporter::web;
use hyper::{
    HeaderMap,
    header::{ACCEPT, ACCEPT_ENCODING, HeaderValue},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|lines: Vec<Vec<u8>>| {
    let mut headers = HeaderMap::new();
    for line in &lines {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(ACCEPT, value.clone());
            headers.append(ACCEPT_ENCODING, value);
        }
    }
    assert_eq!(web::format(&headers), web::format(&headers.clone()));
    assert_eq!(web::encoding(&headers), web::encoding(&headers.clone()));
});
