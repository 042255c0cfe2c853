//! Any text as query, in every dialect: put together again, it is the same, whatever is quoted in it.
#![no_main]

use contact_rate_exporter::config::{Dialect, Piece, Template, misfit};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        let _ = misfit(text, dialect);
        let template = Template::sql(text, dialect);
        let again = template.written(|bound| format!(":{}", bound.name()));
        assert_eq!(again, text, "{dialect:?}");
        assert!(!template.pieces().contains(&Piece::Text(String::new())));
        // The same text within quotes has no placeholder.
        let quoted = format!("'{}'", text.replace('\\', "").replace('\'', "''"));
        assert_eq!(Template::sql(&quoted, dialect).bounds().count(), 0, "{dialect:?}");
    }
    let _ = Template::url(text).written(|bound| format!("{{{}}}", bound.name()));
});
