//! What these tests share: SQLSTATEs as values, single values, moving a call's clock.

use tokio_postgres::types::FromSqlOwned;
use tokio_postgres::{Client, Error};

/// The SQLSTATE and the message that the server refused with; anything else is a failure of the test.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> (String, String) {
    let error = result.expect_err("it must be refused");
    let error = error
        .as_db_error()
        .unwrap_or_else(|| panic!("the server must answer: {error:?}"));
    (error.code().code().to_owned(), error.message().to_owned())
}

pub fn sqlstate<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    refusal(result).0
}

/// The one value of a query without parameters.
pub async fn value<T: FromSqlOwned>(client: &Client, sql: &str) -> T {
    let row = client
        .query_one(sql, &[])
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    row.get(0)
}

/// The first column of every row.
pub async fn values<T: FromSqlOwned>(client: &Client, sql: &str) -> Vec<T> {
    let rows = client
        .query(sql, &[])
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

pub async fn run(client: &Client, sql: &str) {
    client
        .batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}
