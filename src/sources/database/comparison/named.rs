//! Columns that are nothing but placeholders: `WITH bounds AS (SELECT :start AS first, :end AS last)`.

use std::{collections::HashMap, ops::ControlFlow};

use sqlparser::ast::{
    Expr, Ident, Query, Select, SelectItem, SetExpr, TableFactor, Visit, Visitor,
    visit_expressions, visit_expressions_mut,
};

use super::MARKER;

/// What such columns are called, in lower case, and what they hold.
#[derive(Default)]
pub(super) struct Named(HashMap<String, Expr>);

impl Named {
    pub(super) fn of(query: &Query) -> Self {
        let mut named = Self::default();
        let _ = query.visit(&mut named);
        named
    }

    /// `expression` with what the columns hold in their place.
    pub(super) fn put_into(&self, expression: &Expr) -> Expr {
        let mut expression = expression.clone();
        if self.0.is_empty() {
            return expression;
        }
        let _ = visit_expressions_mut(&mut expression, |part| {
            let name = match part {
                Expr::Identifier(name) => Some(&*name),
                Expr::CompoundIdentifier(names) => names.last(),
                _ => None,
            };
            if let Some(held) = name.and_then(|name| self.0.get(&name.value.to_lowercase())) {
                *part = held.clone();
            }
            ControlFlow::<()>::Continue(())
        });
        expression
    }

    fn add(&mut self, name: &Ident, held: &Expr) {
        if held.to_string().contains(MARKER) && !has_column(held) {
            self.0.insert(name.value.to_lowercase(), held.clone());
        }
    }

    /// The columns of `query`, which are called `names` outside of it.
    fn add_columns<'n>(&mut self, query: &Query, names: impl Iterator<Item = &'n Ident>) {
        let held: Vec<&Expr> = match &*query.body {
            SetExpr::Select(select) => select.projection.iter().filter_map(held_by).collect(),
            SetExpr::Values(values) => values
                .rows
                .first()
                .into_iter()
                .flat_map(|row| row.iter())
                .collect(),
            _ => Vec::new(),
        };
        for (name, held) in names.zip(held) {
            self.add(name, held);
        }
    }
}

impl Visitor for Named {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let names = table.alias.columns.iter().map(|column| &column.name);
            self.add_columns(&table.query, names);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { expr, alias } = item {
                self.add(alias, expr);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Derived {
            subquery,
            alias: Some(alias),
            ..
        } = table
        {
            let names = alias.columns.iter().map(|column| &column.name);
            self.add_columns(subquery, names);
        }
        ControlFlow::Continue(())
    }
}

fn held_by(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// Whether a column is in it, other than a placeholder.
fn has_column(expression: &Expr) -> bool {
    visit_expressions(expression, |part| {
        let is_column = match part {
            Expr::Identifier(name) => !name.value.starts_with(MARKER),
            Expr::CompoundIdentifier(_) => true,
            _ => false,
        };
        if is_column {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .is_break()
}
