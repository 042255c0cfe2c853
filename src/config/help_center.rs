//! `helpscout.help_center`: which sites of the help centre are counted.

use super::{
    decode::{Decoder, Field, Section},
    document::Value,
};

/// Most sites that can be named.
const MOST_SITES: usize = 20;
const MOST_ID_CHARACTERS: usize = 64;

/// The help centre whose visits are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelpCenterSites {
    /// Ids of sites; empty: all of them.
    pub sites: Vec<String>,
}

/// `true`, `false` or `{sites: […]}`. `None` without the key or where it is `false`; the outer `None`
/// where it has a problem.
#[expect(
    clippy::option_option,
    reason = "whether it is usable, and whether it is wanted"
)]
pub(super) fn help_center(
    decoder: &mut Decoder<'_>,
    helpscout: &mut Section<'_>,
) -> Option<Option<HelpCenterSites>> {
    let Some(field) = helpscout.take("help_center") else {
        return Some(None);
    };
    match &field.node.value {
        Value::Mapping(_) => {
            let mut section = decoder.section(&field)?;
            let sites = section.take("sites");
            if sites.is_none() {
                decoder.missing(&section, "sites");
            }
            decoder.finish(section);
            let sites = ids(decoder, &sites?)?;
            Some(Some(HelpCenterSites { sites }))
        }
        Value::Scalar { .. } if !field.node.is_null() => {
            let wanted = decoder.choice(&field, &[("true", true), ("false", false)])?;
            Some(wanted.then(HelpCenterSites::default))
        }
        _ => {
            decoder.problem(
                &field,
                format!(
                    "expected true, false or {{sites: [id, …]}}, found {}",
                    field.node.kind()
                ),
            );
            None
        }
    }
}

/// Ids of sites, which are letters and digits.
fn ids(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    let items = decoder.items(field);
    if items.is_empty() {
        if matches!(field.node.value, Value::Sequence(_)) {
            decoder.problem(field, "expected at least one site; true counts all of them");
        }
        return None;
    }
    if items.len() > MOST_SITES {
        decoder.problem(
            field,
            format!("at most {MOST_SITES} sites, found {}", items.len()),
        );
        return None;
    }
    let count = items.len();
    let mut ids: Vec<String> = Vec::new();
    for item in items {
        let expected = "the id of a site: letters and digits";
        let id = decoder.parsed(&item, expected, |text| {
            let id = text.value.trim();
            let good = !id.is_empty()
                && id.len() <= MOST_ID_CHARACTERS
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            good.then(|| id.to_owned())
        });
        match id {
            Some(id) if ids.contains(&id) => decoder.problem(&item, "is given twice"),
            Some(id) => ids.push(id),
            None => {}
        }
    }
    (ids.len() == count).then_some(ids)
}
