//! Finds in a query what is compared with its placeholders, and writes the queries that sample it.

use std::ops::ControlFlow;

use sqlparser::{
    ast::{
        BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, InTarget, Query,
        Select, Statement, Visit, Visitor, With, visit_expressions,
    },
    dialect::{self, Dialect as SqlDialect},
    parser::Parser,
};

use super::{Comparison, MARKER, ROWS, marker, named::Named};
use crate::config::{Bound, Dialect, Edge, Form, Template};

/// Longest query that is read. Its parts are visited one within the other: a longer one could take
/// more stack than there is.
const LONGEST: usize = 16 * 1024;

/// Most comparisons of one query that are looked at.
const MOST: usize = 16;

/// The query `template`, read; `None` where that is too hard.
pub fn read(template: &Template, dialect: Dialect) -> Option<Box<Query>> {
    let text = template.written(marker);
    if text.len() > LONGEST {
        return None;
    }
    let parser: Box<dyn SqlDialect> = match dialect {
        Dialect::Postgres => Box::new(dialect::PostgreSqlDialect {}),
        Dialect::Mysql => Box::new(dialect::MySqlDialect {}),
        Dialect::Sqlite => Box::new(dialect::SQLiteDialect {}),
    };
    match Parser::parse_sql(&*parser, &text).ok()?.pop()? {
        Statement::Query(query) => Some(query),
        _ => None,
    }
}

/// What `query` compares with its placeholders.
///
/// PostgreSQL refuses by itself to compare its instants with anything else; only numbers and texts
/// that stand for instants are of interest there.
pub fn of(query: &Query, dialect: Dialect) -> Vec<Comparison> {
    let mut finder = Finder {
        dialect,
        named: Named::of(query),
        withs: Vec::new(),
        froms: Vec::new(),
        found: Vec::new(),
    };
    let _ = query.visit(&mut finder);
    finder.found
}

struct Finder {
    dialect: Dialect,
    /// Columns that are nothing but placeholders.
    named: Named,
    /// The `WITH` of each query that encloses the place, outermost first.
    withs: Vec<Option<With>>,
    /// For each `SELECT` that encloses the place, outermost first: each of its tables, and its `FROM`.
    froms: Vec<Vec<String>>,
    found: Vec<Comparison>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.withs.push(query.with.clone());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.withs.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let whole: Vec<String> = select.from.iter().map(ToString::to_string).collect();
        // A table by itself first: what a join is on can leave nothing of it to look at.
        let mut froms: Vec<String> = select
            .from
            .iter()
            .filter(|from| !from.joins.is_empty())
            .flat_map(|from| {
                let joined = from.joins.iter().map(|join| &join.relation);
                std::iter::once(&from.relation).chain(joined)
            })
            .map(ToString::to_string)
            .collect();
        froms.push(whole.join(", "));
        self.froms.push(froms);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &Select) -> ControlFlow<()> {
        self.froms.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::BinaryOp { left, op, right } if compares(op) => {
                for (left, right) in pairs(left, right) {
                    self.consider(left, right);
                    self.consider(right, left);
                }
            }
            Expr::BinaryOp { left, op, right } if reckons(op) => {
                self.consider_sum(left, right);
                self.consider_sum(right, left);
            }
            Expr::Between {
                expr, low, high, ..
            } => {
                self.consider(expr, low);
                self.consider(expr, high);
            }
            Expr::In {
                expr,
                target: InTarget::List(list),
                ..
            } => {
                for item in list {
                    self.consider(expr, item);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Finder {
    /// Takes `value` as compared with `other`, if a placeholder is in `other` alone and a column in
    /// `value`.
    fn consider(&mut self, value: &Expr, other: &Expr) {
        let value = extreme_of(value);
        let other = self.named.put_into(other);
        let (value_text, other_text) = (value.to_string(), other.to_string());
        let bounds: Vec<Bound> = Bound::ALL
            .into_iter()
            .filter(|bound| other_text.contains(&marker(*bound)))
            .collect();
        let is_typed = self.dialect == Dialect::Postgres
            && bounds.iter().all(|bound| bound.form == Form::Instant);
        if bounds.is_empty()
            || is_typed
            || value_text.contains(MARKER)
            || !has_column(value)
            || self.found.len() == MOST
        {
            return;
        }
        let bare = bounds
            .iter()
            .find(|bound| other_text == marker(**bound))
            .map(|bound| bound.form);
        let comparison = Comparison {
            about: name(value),
            bare,
            is_arithmetic: false,
            samples: self.samples(&value_text, &other_text),
        };
        if !self.found.contains(&comparison) {
            self.found.push(comparison);
        }
    }

    /// Takes note of a placeholder that stands for an instant and is reckoned with as with a number.
    /// PostgreSQL refuses that by itself.
    fn consider_sum(&mut self, one: &Expr, other: &Expr) {
        let one = self.named.put_into(one).to_string();
        let is_instant = Bound::ALL
            .into_iter()
            .any(|bound| bound.form != Form::Unix && one == marker(bound));
        let is_step = matches!(other, Expr::Interval(_));
        if is_instant && !is_step && self.dialect != Dialect::Postgres {
            let comparison = Comparison {
                about: String::new(),
                bare: None,
                is_arithmetic: true,
                samples: Vec::new(),
            };
            if !self.found.contains(&comparison) {
                self.found.push(comparison);
            }
        }
    }

    fn samples(&self, value: &str, other: &str) -> Vec<Vec<Template>> {
        // The clauses of outer queries first: inner ones may use them.
        let with = self
            .withs
            .iter()
            .flatten()
            .fold(None::<With>, |all, with| {
                Some(match all {
                    Some(mut all) => {
                        all.recursive |= with.recursive;
                        all.cte_tables.extend(with.cte_tables.iter().cloned());
                        all
                    }
                    None => with.clone(),
                })
            })
            .map_or_else(String::new, |with| format!("{with} "));
        let early = at_edge(other, Edge::Start);
        let late = at_edge(other, Edge::End);
        let orders: &[&str] = match self.dialect {
            // A value's type is its own: the smallest and the largest are of different ones, if any.
            Dialect::Sqlite => &["", " ORDER BY 1", " ORDER BY 1 DESC"],
            Dialect::Postgres | Dialect::Mysql => &[""],
        };
        // Innermost first: there the value is at home, most of the time.
        self.froms
            .iter()
            .rev()
            .flatten()
            .filter(|from| !from.is_empty())
            .map(|from| {
                orders
                    .iter()
                    .map(|order| {
                        let text = format!(
                            "{with}SELECT {value}, {early}, {late}, \
                             CASE WHEN {value} >= {early} THEN 1 ELSE 0 END, \
                             CASE WHEN {value} < {late} THEN 1 ELSE 0 END \
                             FROM {from} WHERE {value} IS NOT NULL{order} LIMIT {ROWS}"
                        );
                        Template::sql(&with_placeholders(text), self.dialect)
                    })
                    .collect()
            })
            .collect()
    }
}

/// What is compared with what: row values part by part.
fn pairs<'e>(left: &'e Expr, right: &'e Expr) -> Vec<(&'e Expr, &'e Expr)> {
    if let (Expr::Tuple(left), Expr::Tuple(right)) = (left, right) {
        return left.iter().zip(right).collect();
    }
    vec![(left, right)]
}

/// The smallest or largest of values is one of them.
fn extreme_of(value: &Expr) -> &Expr {
    let Expr::Function(function) = value else {
        return value;
    };
    let name = function.name.to_string();
    let is_extreme = ["min", "max"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known));
    match &function.args {
        FunctionArguments::List(list) if is_extreme => match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))] => inner,
            _ => value,
        },
        _ => value,
    }
}

fn compares(operator: &BinaryOperator) -> bool {
    matches!(
        operator,
        BinaryOperator::Gt
            | BinaryOperator::Lt
            | BinaryOperator::GtEq
            | BinaryOperator::LtEq
            | BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Spaceship
    )
}

fn reckons(operator: &BinaryOperator) -> bool {
    matches!(
        operator,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
    )
}

fn has_column(expression: &Expr) -> bool {
    visit_expressions(expression, |part| match part {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

/// What an error calls it. Of an expression nothing is shown: it can hold a text.
fn name(value: &Expr) -> String {
    match value {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => format!("`{value}`"),
        Expr::Nested(inner) => name(inner),
        _ => "an expression".to_owned(),
    }
}

/// `text` with each placeholder at the one end of the interval, in its form.
fn at_edge(text: &str, edge: Edge) -> String {
    Bound::ALL.into_iter().fold(text.to_owned(), |text, bound| {
        text.replace(&marker(bound), &marker(Bound { edge, ..bound }))
    })
}

fn with_placeholders(text: String) -> String {
    Bound::ALL.into_iter().fold(text, |text, bound| {
        text.replace(&marker(bound), &format!(":{}", bound.name()))
    })
}

#[cfg(test)]
mod tests;
