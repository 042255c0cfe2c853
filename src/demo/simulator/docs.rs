//! The report on the help centre. Search words in it are invented, some of them such as people type
//! by mistake: they are there so that a client can be seen not to read them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    super::story::{HELP_SITES, HelpVisits, Story},
    Answer,
    parameters::{Parameters, Range},
    problem::Refusal,
    reports::deltas,
};

/// `/v2/reports/docs`.
pub(super) fn docs(story: &Story, query: &str, now: Timestamp) -> Result<Answer, Refusal> {
    let mut parameters = Parameters::new(query);
    let (current, previous) = parameters.ranges();
    let sites = parameters.sites();
    parameters.finish()?;
    // Without a range there is no way past `finish`.
    let current = current.ok_or_else(|| Refusal::BadRequest(Vec::new()))?;
    let visits = |range: Range| story.help_visits(&sites, range.start, range.end(now));
    let current = visits(current);
    let fields = fields(current);
    let mut body = Map::new();
    if let Some(previous) = previous {
        let previous = self::fields(visits(previous));
        body.insert("deltas".to_owned(), deltas(&fields, &previous));
        body.insert("previous".to_owned(), Value::Object(previous));
    }
    body.insert("current".to_owned(), Value::Object(fields));
    let HelpVisits {
        searched, failed, ..
    } = current;
    for (key, value) in [
        (
            "popularSearches",
            json!([
                {"id": "mot de passe", "count": searched / 5, "results": 4},
                {"id": "dossier en construction", "count": searched / 9, "results": 7},
            ]),
        ),
        (
            "failedSearches",
            json!([
                {"id": "jane.doe@example.com", "count": failed / 40},
                {"id": "1 84 12 76 451 089 46", "count": failed / 90},
            ]),
        ),
        (
            "topArticles",
            json!([{
                "id": "524d00000000000000000001",
                "name": "Suivre son dossier",
                "siteId": HELP_SITES.first().map(|(id, _)| id),
                "collectionId": "524400000000000000000001",
                "count": current.articles / 8,
            }]),
        ),
        ("topCategories", json!([])),
    ] {
        body.insert(key.to_owned(), value);
    }
    Ok(Answer::Report(Value::Object(body)))
}

fn fields(visits: HelpVisits) -> Map<String, Value> {
    let HelpVisits {
        visitors,
        searched,
        failed,
        contacted,
        articles,
    } = visits;
    let per_visit = |part: u64| {
        if visitors == 0 {
            0.0
        } else {
            part as f64 / visitors as f64
        }
    };
    let percent = |part: u64| 100.0 * per_visit(part);
    let found = visitors - failed - contacted;
    let fields = [
        ("visitors", json!(visitors)),
        ("browseAction", json!(percent(visitors - searched))),
        ("searchAction", json!(percent(searched))),
        ("foundAnAnswerResult", json!(percent(found))),
        ("failedResult", json!(percent(failed))),
        ("sentAnEmailResult", json!(percent(contacted))),
        ("docsViewedPerVisit", json!(per_visit(articles))),
    ];
    fields
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
