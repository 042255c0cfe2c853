//! Any label value, printed in both formats, reads back as it was: by a reader written from the specifications.
#![no_main]

use contact_rate_exporter::exposition::{
    Format,
    catalogue::Kind,
    text::{Header, Line, Writer},
};
use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "tests use more of it")]
#[path = "../../tests/common/text_parser.rs"]
mod text_parser;

fuzz_target!(|input: (String, String, f64)| {
    let (label, help, value) = input;
    for format in Format::ALL {
        let mut writer = Writer::new(format);
        writer.family(&Header { name: "family", kind: Kind::Gauge, unit: None, help: &help });
        writer.sample(Line::Value, [("label", label.as_str())], value, None);
        writer.end();
        let page = writer.into_string();
        let samples = text_parser::parse(format, &page).unwrap_or_else(|line| panic!("{line}\n{page}"));
        assert_eq!(samples.len(), 1, "{page}");
        assert_eq!(samples[0].labels, [("label".to_owned(), label.clone())]);
        assert!(samples[0].value == value || (samples[0].value.is_nan() && value.is_nan()), "{page}");
    }
});
