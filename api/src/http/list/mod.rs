//! Lists as they are declared: which filters and sortings each has. What is read of a request, the statements and the description
//! are made of that one declaration.

mod declared;
mod described;

use std::marker::PhantomData;

use declared::Value;
pub use declared::{Filter, Kind, List, Sorting, filter, sorting};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::page::{DEFAULT_PER_PAGE, Page, PageRequest, pages};
use super::params::Params;
use super::period::Period;
use crate::error::{ApiError, ApiResult};
use crate::store::tx::{PLAN_FOR_VALUES, Tx};

/// The statements of a list, made once.
#[derive(Debug)]
pub struct Statements {
    list: &'static List,
    count: String,
    /// By the values of `sort`.
    sorted: Vec<(String, String)>,
}

impl Statements {
    pub fn of(list: &'static List) -> Self {
        let condition = list.condition();
        let (limit, offset) = (list.width() + 1, list.width() + 2);
        let statement = |sorting: &Sorting, direction: &str| {
            let tie = if sorting.tie.is_empty() { "" } else { ", " };
            format!(
                "select {} from {} {} where {condition} order by {}{direction}{tie}{} limit ${limit} offset ${offset}",
                list.columns, list.from, list.joins, sorting.key, sorting.tie
            )
        };
        Statements {
            list,
            count: format!("select count(*) from {} where {condition}", list.from),
            sorted: list
                .sorts()
                .map(|(name, sorting, direction)| (name, statement(sorting, direction)))
                .collect(),
        }
    }

    /// For whoever wants to see every statement of the service.
    pub fn all(&'static self) -> impl Iterator<Item = &'static str> {
        let sorted = self.sorted.iter().map(|(_, sql)| sql.as_str());
        sorted.chain([self.count.as_str()])
    }
}

/// A type that stands for a declared list: `list!` makes it.
pub trait Listed: IntoParams {
    type Item: for<'a> From<&'a Row>;

    fn list() -> &'static List;
    fn statements() -> &'static Statements;
}

/// Declares a list: `list! { pub Dids of Did = List { … }; }`. Its name in the description of a route is its parameters.
macro_rules! list {
    ($(#[$doc:meta])* $visible:vis $name:ident of $item:ty = $list:expr;) => {
        $(#[$doc])*
        #[derive(Debug)]
        $visible struct $name;

        impl $crate::http::list::Listed for $name {
            type Item = $item;

            fn list() -> &'static $crate::http::list::List {
                const LIST: &$crate::http::list::List = &$list;
                LIST
            }

            fn statements() -> &'static $crate::http::list::Statements {
                static STATEMENTS: std::sync::LazyLock<$crate::http::list::Statements> = std::sync::LazyLock::new(
                    || $crate::http::list::Statements::of(<$name as $crate::http::list::Listed>::list()));
                &STATEMENTS
            }
        }

        impl utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                $crate::http::list::described::<$name>()
            }
        }
    };
}
pub(crate) use list;

pub fn described<L: Listed>() -> Vec<Parameter> {
    described::all(L::list())
}

/// The parameters of a list's filters alone, for a route that shows its beginning.
#[derive(Debug)]
pub struct FiltersOf<L>(PhantomData<L>);

impl<L: Listed> IntoParams for FiltersOf<L> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        described::filters(L::list())
    }
}

/// What a request asks of a list: which rows, in which order, which page.
pub struct Request<L> {
    values: Vec<Value>,
    statement: &'static str,
    page: PageRequest,
    list: PhantomData<L>,
}

impl<L: Listed> Request<L> {
    pub fn read(params: &Params) -> ApiResult<Self> {
        let statements = L::statements();
        let list = statements.list;
        let mut values = Vec::with_capacity(list.width());
        for filter in list.filters() {
            values.push(filter.kind.read(params, filter.name)?);
        }
        if list.days.is_some() {
            let days = Period::read(params)?;
            values.push(Box::new(days.from));
            values.push(Box::new(days.until));
        }
        let wanted = params.raw("sort").unwrap_or(list.default);
        let found = statements.sorted.iter().find(|(name, _)| name == wanted);
        let (_, statement) = found.ok_or_else(|| {
            let names: Vec<&str> = statements.sorted.iter().map(|(name, _)| name.as_str()).collect();
            ApiError::field(&["sort"], format!("Must be one of: {}.", names.join(", ")))
        })?;
        Ok(Request {
            values,
            statement,
            page: PageRequest::read(params, DEFAULT_PER_PAGE),
            list: PhantomData,
        })
    }

    fn args(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| value.as_ref() as _).collect()
    }

    async fn rows(&self, tx: &Tx, limit: i64, offset: i64) -> ApiResult<Vec<L::Item>> {
        let mut args = self.args();
        args.extend([&limit as &(dyn ToSql + Sync), &offset]);
        let rows = tx.rows(self.statement, &args).await?;
        Ok(rows.iter().map(L::Item::from).collect())
    }

    /// The first rows, so many at most, without their number.
    pub async fn first(&self, tx: &Tx, most: i64) -> ApiResult<Vec<L::Item>> {
        self.rows(tx, most, 0).await
    }

    pub async fn page(&self, tx: &Tx) -> ApiResult<Page<L::Item>> {
        tx.set(PLAN_FOR_VALUES).await?;
        let count = &L::statements().count;
        let total = tx.row(count, &self.args()).await?.get(0);
        Ok(Page {
            items: self.rows(tx, self.page.per_page, self.page.offset()).await?,
            page: self.page.page,
            per_page: self.page.per_page,
            total,
            pages: pages(total, self.page.per_page),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &List = &List {
        columns: "a, b",
        from: "t",
        joins: "join u on true",
        filters: &[
            &[filter("a", Kind::Id, "a = $v", "")],
            &[filter("b", Kind::Title(5), "(b >= $v and b < $v || ':')", "")],
        ],
        days: Some("at"),
        sortings: &[sorting("b", "lower(b)", "a"), sorting("a", "a", "")],
        default: "-b",
    };

    #[test]
    fn statements_are_made_of_the_declaration() {
        let statements = Statements::of(LIST);
        let condition = "($1::bigint is null or a = $1) and ($2::text is null or (b >= $2 and b < $2 || ':')) \
                         and ($3::timestamptz is null or at >= $3) and ($4::timestamptz is null or at < $4)";
        assert_eq!(
            statements.count,
            format!("select count(*) from t where {condition}")
        );
        let all = format!("select a, b from t join u on true where {condition} order by ");
        let expected = [
            ("b", "lower(b), a"),
            ("-b", "lower(b) desc, a"),
            ("a", "a"),
            ("-a", "a desc"),
        ]
        .map(|(name, order)| (name.to_owned(), format!("{all}{order} limit $5 offset $6")));
        assert_eq!(statements.sorted, expected);
    }
}
