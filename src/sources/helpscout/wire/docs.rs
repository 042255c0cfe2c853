//! The report on the help centre, of which search words and articles are not decoded: what somebody
//! searched for can be personal.

use serde::Deserialize;

use super::lenient::{Count, Number};
use crate::domain::HelpCenter;

/// Shares in percent sum to 100, shares as ratios to 1. Rounding moves either a little.
const PERCENT_AT_MOST: f64 = 101.0;
const RATIO_AT_MOST: f64 = 1.02;
const RATIO_AT_LEAST: f64 = 0.98;

/// `/v2/reports/docs`.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a report")]
pub(in crate::sources::helpscout) struct Docs {
    current: Visits,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "the totals of a report")]
struct Visits {
    visitors: Option<Count>,
    browse_action: Option<Number>,
    search_action: Option<Number>,
    found_an_answer_result: Option<Number>,
    failed_result: Option<Number>,
    sent_an_email_result: Option<Number>,
    docs_viewed_per_visit: Option<Number>,
}

impl Docs {
    /// Visits of the range asked for. Shares of no visit are unknown.
    pub(in crate::sources::helpscout) fn visits(&self) -> Result<HelpCenter, String> {
        let current = &self.current;
        let Some(Count(visitors)) = current.visitors else {
            return Err("visitors is missing".to_owned());
        };
        let [browse, search] = shares([current.browse_action, current.search_action])
            .ok_or("browseAction and searchAction are more than all visits")?;
        let [found, failed, contacted] = shares([
            current.found_an_answer_result,
            current.failed_result,
            current.sent_an_email_result,
        ])
        .ok_or(
            "foundAnAnswerResult, failedResult and sentAnEmailResult are more than all visits",
        )?;
        if visitors == 0 {
            return Ok(HelpCenter::default());
        }
        Ok(HelpCenter {
            visitors,
            browse,
            search,
            found,
            failed,
            contacted,
            articles_per_visit: current.docs_viewed_per_visit.map(|Number(mean)| mean),
        })
    }
}

/// Parts of a whole as ratios; `None` when they are more than the whole.
///
/// They come in percent as far as is known. Another report of this API has a share as a ratio in one
/// sample and in percent in another, so the unit is read off their sum; where it does not tell, they
/// are unknown.
fn shares<const N: usize>(parts: [Option<Number>; N]) -> Option<[Option<f64>; N]> {
    let sum: f64 = parts.iter().flatten().map(|Number(part)| part).sum();
    if sum > PERCENT_AT_MOST {
        return None;
    }
    let is_whole = parts.iter().all(Option::is_some);
    let whole = if sum > RATIO_AT_MOST {
        100.0
    } else if is_whole && sum >= RATIO_AT_LEAST {
        1.0
    } else {
        return Some([None; N]);
    };
    Some(parts.map(|part| part.map(|Number(part)| (part / whole).min(1.0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(current: &str) -> Result<HelpCenter, String> {
        let body = format!(r#"{{"current":{current}}}"#);
        super::super::decode::<Docs>(body.as_bytes())?.visits()
    }

    /// The numbers of the official sample.
    #[test]
    fn shares_are_ratios() {
        let official = r#"{"visitors":10723,"browseAction":88.95,"searchAction":11.05,
            "foundAnAnswerResult":72.94,"failedResult":26.72,"sentAnEmailResult":0.345,
            "docsViewedPerVisit":0.933}"#;
        let read = read(official).unwrap();
        assert_eq!(read.visitors, 10_723);
        let shares = [
            (read.browse, 0.889_5),
            (read.search, 0.110_5),
            (read.found, 0.729_4),
            (read.failed, 0.267_2),
            (read.contacted, 0.003_45),
            (read.articles_per_visit, 0.933),
        ];
        for (share, expected) in shares {
            assert!((share.unwrap() - expected).abs() < 1e-12, "{read:?}");
        }
    }

    #[test]
    fn the_unit_is_read_off_the_sum() {
        let both = |parts: [f64; 2]| shares(parts.map(|part| Some(Number(part))));
        assert_eq!(both([60.0, 40.0]), Some([Some(0.6), Some(0.4)]));
        assert_eq!(both([0.6, 0.4]), Some([Some(0.6), Some(0.4)]));
        assert_eq!(both([100.2, 0.0]), Some([Some(1.0), Some(0.0)]));
        assert_eq!(both([0.0, 0.0]), Some([None, None]));
        assert_eq!(both([0.3, 0.2]), Some([None, None]), "either unit");
        assert_eq!(both([80.0, 40.0]), None);
        let one = [None, Some(Number(1.0))];
        assert_eq!(shares(one), Some([None, None]), "1 % or all of it");
        let one = [None, Some(Number(50.0))];
        assert_eq!(shares(one), Some([None, Some(0.5)]));
    }

    #[test]
    fn no_visitor_no_share_and_no_visitors_no_answer() {
        let none = r#"{"visitors":0,"browseAction":0,"searchAction":0,"docsViewedPerVisit":0}"#;
        assert_eq!(read(none).unwrap(), HelpCenter::default());
        let sparse = read(r#"{"visitors":3,"browseAction":null}"#).unwrap();
        assert_eq!((sparse.visitors, sparse.browse), (3, None));
        assert_eq!(sparse.articles_per_visit, None);
        assert_eq!(read("{}").unwrap_err(), "visitors is missing");
        for wrong in [
            r#"{"visitors":-1}"#,
            r#"{"visitors":1.5}"#,
            r#"{"visitors":"planted"}"#,
            r#"{"visitors":3,"browseAction":-1}"#,
            r#"{"visitors":3,"browseAction":90,"searchAction":20}"#,
            r#"{"visitors":3,"foundAnAnswerResult":90,"failedResult":20}"#,
        ] {
            let told = read(wrong).unwrap_err();
            assert!(!told.contains("planted"), "{told}");
        }
    }
}
