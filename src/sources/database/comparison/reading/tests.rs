use super::*;

fn comparisons(text: &str, dialect: Dialect) -> Vec<Comparison> {
    read(&Template::sql(text, dialect), dialect)
        .map(|query| of(&query, dialect))
        .unwrap_or_default()
}

fn found(text: &str, dialect: Dialect) -> Vec<(String, Option<Form>)> {
    comparisons(text, dialect)
        .into_iter()
        .map(|comparison| (comparison.about, comparison.bare))
        .collect()
}

fn first_sample(text: &str) -> String {
    let comparisons = comparisons(text, Dialect::Sqlite);
    comparisons[0].samples[0][0].written(|bound| format!(":{}", bound.name()))
}

#[test]
fn what_stands_beside_a_placeholder_is_found() {
    let created = ("`created`".to_owned(), Some(Form::Instant));
    for text in [
        "SELECT count(*) FROM t WHERE created >= :start AND created < :end",
        "SELECT count(*) FROM t WHERE :start <= created AND NOT created >= :end",
        "SELECT count(*) FROM t WHERE created BETWEEN :start AND :end",
        "SELECT sum(CASE WHEN created < :end THEN 1 ELSE 0 END) FROM t",
        "SELECT count(*) FILTER (WHERE (created) < :end) FROM t",
        "WITH n AS (SELECT * FROM t WHERE created < :end) SELECT count(*) FROM n",
        "SELECT (SELECT count(*) FROM t WHERE created < :end) + 1",
        "SELECT count(*) FROM t JOIN u ON t.id = u.id AND created < :end",
        "SELECT 1 UNION ALL SELECT count(*) FROM t WHERE created < :end;",
    ] {
        assert_eq!(
            found(text, Dialect::Sqlite),
            std::slice::from_ref(&created),
            "{text}"
        );
    }
    assert_eq!(
        found(
            "SELECT count(*) FROM t WHERE t.a < date(:end) AND f(b) = :end_unix AND 1 < :end",
            Dialect::Mysql
        ),
        [
            ("`t.a`".to_owned(), None),
            ("an expression".to_owned(), Some(Form::Unix))
        ]
    );
    assert!(
        found(
            "SELECT count(*) FROM t WHERE created < :end",
            Dialect::Postgres
        )
        .is_empty()
    );
    assert_eq!(
        found(
            "SELECT count(*) FROM t WHERE created < :end_iso",
            Dialect::Postgres
        ),
        [("`created`".to_owned(), Some(Form::Iso))]
    );
    for text in [
        "SELECT count(*) FROM t",
        "SELEC :end",
        "",
        "SELECT :end > 1",
    ] {
        assert!(found(text, Dialect::Sqlite).is_empty(), "{text}");
    }
}

#[test]
fn placeholders_are_found_behind_names_and_values_behind_extremes() {
    for (text, about, bare) in [
        (
            "WITH p AS (SELECT :start AS s, :end AS e) SELECT count(*) FROM t, p WHERE t.x >= p.s AND x < e",
            ["`t.x`", "`x`"],
            Some(Form::Instant),
        ),
        (
            "WITH p(s, e) AS (VALUES (:start, :end)) SELECT count(*) FROM t JOIN p ON x >= s AND x < p.e",
            ["`x`", "`x`"],
            Some(Form::Instant),
        ),
        (
            "SELECT count(*) FROM t, (SELECT :start_unix, :end_unix) AS p(s, e) WHERE x >= s AND x < e",
            ["`x`", "`x`"],
            Some(Form::Unix),
        ),
        (
            "WITH p AS (SELECT :start AS s, :end AS e) SELECT count(*) FROM t, p WHERE x >= date(s) AND x < date(e)",
            ["`x`", "`x`"],
            None,
        ),
        (
            "SELECT count(*) FROM (SELECT y FROM t GROUP BY y HAVING max(x) >= :start AND min(x) < :end) z",
            ["`x`", "`x`"],
            Some(Form::Instant),
        ),
    ] {
        let mut expected: Vec<_> = about
            .map(|about| (about.to_owned(), bare))
            .into_iter()
            .collect();
        let mut found = found(text, Dialect::Sqlite);
        expected.dedup();
        found.dedup();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_joined_table_is_looked_at_by_itself() {
    let comparisons = comparisons(
        "SELECT count(*) FROM u LEFT JOIN v ON v.u = u.id AND v.x >= :start",
        Dialect::Mysql,
    );
    let froms: Vec<String> = comparisons[0]
        .samples
        .iter()
        .map(|samples| {
            let text = samples[0].written(|bound| format!(":{}", bound.name()));
            let (_, from) = text.rsplit_once(" FROM ").unwrap();
            from.split(" WHERE ").next().unwrap().to_owned()
        })
        .collect();
    let whole = "u LEFT JOIN v ON v.u = u.id AND v.x >= :start";
    assert_eq!(froms, ["u", "v", whole]);
}

#[test]
fn a_sample_asks_where_the_query_does() {
    assert_eq!(
        first_sample(
            "WITH n AS (SELECT x FROM t) SELECT count(*) FROM n, u AS v WHERE x >= date(:end) AND y = 1"
        ),
        "WITH n AS (SELECT x FROM t) SELECT x, date(:start), date(:end), \
         CASE WHEN x >= date(:start) THEN 1 ELSE 0 END, \
         CASE WHEN x < date(:end) THEN 1 ELSE 0 END \
         FROM n, u AS v WHERE x IS NOT NULL LIMIT 100"
    );
}

#[test]
fn a_query_of_any_length_is_survived() {
    let text = format!("SELECT {} :end", "(".repeat(10_000));
    assert!(found(&text, Dialect::Sqlite).is_empty());
    let text = format!(
        "SELECT count(*) FROM t WHERE a < :end {}",
        "AND b ".repeat(2500)
    );
    assert_eq!(found(&text, Dialect::Sqlite).len(), 1);
}
