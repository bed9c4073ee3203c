//! People of the sample data in front of a console.

use capconduit_tests::{ADMIN, ASTERISK, Answer, TestApi, TestDb, Visitor};
use tokio_postgres::Client;

pub struct World {
    /// Before its database in this list, so that it ends first.
    pub api: TestApi,
    pub db: TestDb,
    pub switch: Client,
}

impl World {
    pub async fn new() -> Self {
        Self::on(TestDb::sample().await).await
    }

    /// Without the sample's caps and schedules, in UTC.
    pub async fn uncapped() -> Self {
        Self::on(TestDb::sample_uncapped().await).await
    }

    /// With an admin, as `capconduit create-admin` makes it, and nothing else.
    pub async fn empty() -> Self {
        let db = TestDb::new().await;
        let sql = "insert into capconduit.users (username, email, password_hash, role, status)
                   values ('admin', 'admin@example.com',
                           '$argon2id$v=19$m=19456,t=2,p=1$RUxNTjZzT0xNSEx2SFht$4qOYFq8bwsuTxL71OjHBc0v206vUNMs6FDY2DCW6ons',
                           'admin', 'active')";
        db.superuser().await.execute(sql, &[]).await.expect("an admin");
        Self::on(db).await
    }

    async fn on(db: TestDb) -> Self {
        Self {
            api: TestApi::start(&db).await,
            switch: db.connect_as(ASTERISK).await,
            db,
        }
    }

    /// Caps beyond the sample's: 101 of a number, 102 of a client, 103 of a seller.
    pub async fn more_caps(&self) {
        let sql =
            "insert into capconduit.caps (id, did_id, client_id, user_id, counts, span, set_by, max_calls)
                   overriding system value
                   values (101, 1, null, null, 'offered', 'day', 'seller', 40),
                          (102, null, 1, null, 'answered', 'week', 'platform', 300),
                          (103, null, null, 3, 'answered', 'month', 'platform', 9000)";
        let owner = self.db.connect_as(ADMIN).await;
        owner.batch_execute(sql).await.expect("caps");
    }

    /// Marks of callers: 101 of a campaign of seller_alice, 102 of the platform.
    pub async fn marks(&self) {
        let sql = "insert into capconduit.caller_marks (id, campaign_id, caller, kind, note) overriding system value
                   values (101, 1, '+4930123456', 'blocked', 'Robot'), (102, null, '+4930123457', 'blocked', null)";
        let owner = self.db.connect_as(ADMIN).await;
        owner.batch_execute(sql).await.expect("marks");
    }

    /// A browser, logged in by the form.
    pub async fn logged_in(&self, username: &str) -> Visitor {
        let form = format!("username={username}&password=password");
        let answer = post(&self.stranger(), "/console/login", &form).await;
        let cookie = answer.expect_status(303).session_cookie();
        self.stranger().with("cookie", &cookie)
    }

    pub fn stranger(&self) -> Visitor {
        self.api.nobody().with("sec-fetch-site", "same-origin")
    }

    /// The status that the switch is told, and the link.
    pub async fn route(&self, did: &str, uniqueid: &str) -> (String, Option<i64>) {
        let sql = "select status, link_id from capconduit.route_call($1, $2)";
        let row = self
            .switch
            .query_one(sql, &[&did, &uniqueid])
            .await
            .expect("route_call");
        (row.get(0), row.get(1))
    }
}

pub async fn post(visitor: &Visitor, path: &str, form: &str) -> Answer {
    let kind = "application/x-www-form-urlencoded";
    visitor
        .raw("POST", path, Some(kind), form.to_owned().into())
        .await
}

pub async fn page(visitor: &Visitor, path: &str) -> String {
    let answer = visitor.get(path).await.expect_status(200);
    assert!(answer.content_type().starts_with("text/html"), "{path}");
    answer.text()
}

/// The values of the hidden fields, as a browser would send them back.
pub fn hidden(page: &str) -> String {
    let value = |name: &str| {
        let (_, rest) = page
            .split_once(&format!("name=\"{name}\" value=\""))
            .expect("a hidden field");
        rest.split('"').next().expect("its value").to_owned()
    };
    format!("_key={}&_version={}", value("_key"), value("_version"))
}

pub fn form_urlencoded(text: &str) -> String {
    let encoded = text.bytes().map(|byte| format!("%{byte:02X}"));
    encoded.collect()
}
