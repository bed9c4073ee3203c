//! What a list is declared with: filters, each with what it takes and its condition, and sortings.

use std::fmt::Write;

use tokio_postgres::types::ToSql;

use crate::error::ApiResult;
use crate::http::params::Params;

/// A list as it is declared.
#[derive(Debug)]
pub struct List {
    pub columns: &'static str,
    /// What is counted.
    pub from: &'static str,
    /// What is shown of it besides.
    pub joins: &'static str,
    /// Groups, since what staff may ask is what a seller may, and whose.
    pub filters: &'static [&'static [Filter]],
    /// The column of `start_date` and `end_date`, where there are such filters.
    pub days: Option<&'static str>,
    pub sortings: &'static [Sorting],
    /// A value of `sort`.
    pub default: &'static str,
}

#[derive(Debug)]
pub struct Filter {
    pub name: &'static str,
    pub kind: Kind,
    sql: &'static str,
    pub text: &'static str,
}

/// What a filter takes.
#[derive(Debug)]
pub enum Kind {
    Id,
    Flag,
    Choice(&'static [&'static str]),
    /// A phone number, or how it begins.
    Number,
    /// A name that people give, or how it begins; so many characters at most.
    Title(usize),
    Text(usize),
    /// The API's word for what tables name otherwise, by one name or by several.
    Words(usize, fn(String) -> Vec<String>),
}

#[derive(Debug)]
pub struct Sorting {
    pub name: &'static str,
    pub key: &'static str,
    pub tie: &'static str,
}

/// A filter: its name, what it takes, its condition with `$v` for the value, and what it means.
pub const fn filter(name: &'static str, kind: Kind, sql: &'static str, text: &'static str) -> Filter {
    Filter {
        name,
        kind,
        sql,
        text,
    }
}

/// A sorting: its name, its key, and the order among equals.
pub const fn sorting(name: &'static str, key: &'static str, tie: &'static str) -> Sorting {
    Sorting { name, key, tie }
}

pub type Value = Box<dyn ToSql + Sync + Send>;

impl Kind {
    fn sql_type(&self) -> &'static str {
        match self {
            Kind::Id => "bigint",
            Kind::Flag => "boolean",
            Kind::Words(..) => "text[]",
            _ => "text",
        }
    }

    pub fn read(&self, params: &Params, name: &str) -> ApiResult<Value> {
        Ok(match *self {
            Kind::Id => Box::new(params.id(name)?),
            Kind::Flag => Box::new(params.flag(name)?),
            Kind::Choice(choices) => Box::new(params.choice(name, choices)?),
            Kind::Number => Box::new(params.number(name)?),
            Kind::Title(max) => Box::new(params.title(name, max)?),
            Kind::Text(max) => Box::new(params.text(name, max)?),
            Kind::Words(max, words) => Box::new(params.text(name, max)?.map(words)),
        })
    }
}

impl List {
    pub fn filters(&self) -> impl Iterator<Item = &'static Filter> {
        self.filters.iter().flat_map(|group| group.iter())
    }

    /// Of `sort`: each sorting and the same downwards.
    pub fn sorts(&self) -> impl Iterator<Item = (String, &'static Sorting, &'static str)> {
        self.sortings.iter().flat_map(|sorting| {
            [
                (sorting.name.to_owned(), sorting, ""),
                (format!("-{}", sorting.name), sorting, " desc"),
            ]
        })
    }

    pub fn condition(&self) -> String {
        let mut sql = String::new();
        let mut number = 0;
        let mut and = |kind: &str, condition: &str| {
            number += 1;
            let joint = if number == 1 { "" } else { " and " };
            let condition = condition.replace("$v", &format!("${number}"));
            let _ = write!(sql, "{joint}(${number}::{kind} is null or {condition})");
        };
        for filter in self.filters() {
            and(filter.kind.sql_type(), filter.sql);
        }
        if let Some(column) = self.days {
            and("timestamptz", &format!("{column} >= $v"));
            and("timestamptz", &format!("{column} < $v"));
        }
        if sql.is_empty() { "true".into() } else { sql }
    }

    /// How many values its condition takes.
    pub fn width(&self) -> usize {
        self.filters().count() + if self.days.is_some() { 2 } else { 0 }
    }
}
