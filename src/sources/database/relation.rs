//! What a query reads, as the database sees it: for `check`, since a name can mean another table
//! than was thought, and a view can leave out rows.

use std::{collections::BTreeSet, fmt, ops::ControlFlow};

use sqlparser::ast::{ObjectName, Query, Visit, Visitor};

/// A table or view that a query reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relation {
    /// Its name, with the schema that it was found in.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
}

/// What holds rows, or seems to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RelationKind {
    /// A table, of whatever kind.
    Table,
    /// A view: what it leaves out is not counted.
    View,
    /// A view whose rows are as old as its last refresh.
    MaterializedView,
}

impl fmt::Display for Relation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        match self.kind {
            RelationKind::Table => Ok(()),
            RelationKind::View => {
                formatter.write_str(" (a view: rows that it leaves out are not counted)")
            }
            RelationKind::MaterializedView => formatter
                .write_str(" (a materialized view: its rows are as old as its last REFRESH)"),
        }
    }
}

/// A table as a query names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    /// As it is written, quotes included.
    pub(super) written: String,
    pub(super) schema: Option<String>,
    pub(super) table: String,
}

/// The tables that `query` names, without its own `WITH`.
pub(super) fn named(query: &Query) -> Vec<Named> {
    let mut finder = Finder::default();
    let _ = query.visit(&mut finder);
    let Finder { found, own } = finder;
    found
        .into_iter()
        .filter(|named| named.schema.is_some() || !own.contains(&named.table.to_lowercase()))
        .collect()
}

#[derive(Default)]
struct Finder {
    found: BTreeSet<Named>,
    own: BTreeSet<String>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.own
            .extend(tables.map(|table| table.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        let parts: Option<Vec<&str>> = name
            .0
            .iter()
            .map(|part| part.as_ident().map(|ident| ident.value.as_str()))
            .collect();
        if let Some([before @ .., table]) = parts.as_deref() {
            self.found.insert(Named {
                written: name.to_string(),
                schema: before.last().map(|schema| (*schema).to_owned()),
                table: (*table).to_owned(),
            });
        }
        ControlFlow::Continue(())
    }
}
