//! What these tests share: the sample data's people, logged in, and a look into the database beside the service.

use capconduit_tests::{TestApi, TestDb, Visitor};
use serde_json::Value;
use tokio_postgres::Client;

/// A database with the sample data, its service, and a session of everybody.
pub struct World {
    /// Before its database in this list, so that it ends first.
    pub api: TestApi,
    pub db: TestDb,
    pub admin: Visitor,
    pub staff: Visitor,
    pub alice: Visitor,
    pub bob: Visitor,
}

impl World {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(TestDb::sample().await, settings).await
    }

    /// Without the sample's caps and schedules, in UTC.
    pub async fn uncapped() -> Self {
        Self::on(TestDb::sample_uncapped().await, &[]).await
    }

    async fn on(db: TestDb, settings: &[(&str, &str)]) -> Self {
        let api = TestApi::start_with(&db, settings).await;
        Self {
            admin: api.login("platform_admin", "password").await,
            staff: api.login("ops_staff", "password").await,
            alice: api.login("seller_alice", "password").await,
            bob: api.login("seller_bob", "password").await,
            api,
            db,
        }
    }
}

/// One value as JSON out of the database: `select …` of one column and one row.
pub async fn json_of(client: &Client, sql: &str) -> Value {
    client
        .query_one(&format!("select to_jsonb(({sql}))"), &[])
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
        .get::<_, Option<Value>>(0)
        .unwrap_or_default()
}

pub async fn number_of(client: &Client, sql: &str) -> i64 {
    json_of(client, sql)
        .await
        .as_i64()
        .unwrap_or_else(|| panic!("{sql}: no number"))
}

pub async fn run(client: &Client, sql: &str) {
    client
        .batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

/// The first text of a field error, by its path: `pjsip.aor.contact`.
pub fn field_error(problem: &Value, path: &str) -> String {
    let found = path.split('.').fold(&problem["errors"], |value, key| &value[key]);
    found[0]
        .as_str()
        .unwrap_or_else(|| panic!("no error for {path} in {problem}"))
        .to_owned()
}

/// The values of one key over a list of objects.
pub fn column<'a>(items: &'a Value, key: &str) -> Vec<&'a Value> {
    items
        .as_array()
        .unwrap_or_else(|| panic!("no list: {items}"))
        .iter()
        .map(|item| &item[key])
        .collect()
}

/// The keys of an object, in the order of the alphabet.
pub fn keys(object: &Value) -> Vec<&str> {
    let object = object
        .as_object()
        .unwrap_or_else(|| panic!("no object: {object}"));
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}
