//! What Asterisk reads of call centers: how often it asks, what it keeps, and that no call uses what was kept from before
//! its decision.

mod crowd;
mod kept;
mod lost;
mod questions;
mod registered;

use std::sync::Arc;

use capconduit_tests::{Caller, Center, Link, Scenario, Seen, Site, TestAsterisk, TestDb};

use super::traffic::Traffic;

/// A switch of its own on a database that writes down what it is asked.
struct Stage {
    traffic: Traffic,
    line: Scenario,
    center: Center,
}

impl Stage {
    async fn new() -> Self {
        let (site, db) = Self::database().await;
        let switch = TestAsterisk::start(&site, &db, "pbx1").await;
        Self::on(site, db, switch).await
    }

    async fn database() -> (Arc<Site>, TestDb) {
        let site = Site::start().await;
        let settings = ["log_statement = 'all'", "log_line_prefix = '%a '"];
        let db = site
            .database_with("host", settings.map(str::to_owned).to_vec())
            .await;
        (site, db)
    }

    async fn on(site: Arc<Site>, db: TestDb, switch: TestAsterisk) -> Self {
        let traffic = Traffic::on(site, db, switch).await;
        let center = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
        let line = traffic.number(&[Link::cap(10)], &[center.contact()]).await;
        Self {
            traffic,
            line,
            center,
        }
    }

    fn client(&self) -> i64 {
        self.line.client_ids[0]
    }

    async fn identifier(&self) -> String {
        let sql = "select client_identifier from clients where id = $1";
        let row = self.traffic.admin.query_one(sql, &[&self.client()]).await;
        row.expect("the client").get(0)
    }

    async fn set_endpoint(&self, settings: &str) {
        let sql = format!(
            "update pjsip_endpoints set {settings} where client_id = {}",
            self.client()
        );
        assert_eq!(
            self.traffic.admin.execute(&sql, &[]).await.expect("the endpoint"),
            1
        );
    }

    async fn call(&self) -> Seen {
        self.call_through(&self.traffic.switch).await
    }

    async fn call_through(&self, switch: &TestAsterisk) -> Seen {
        Caller::new(&self.traffic.site, switch, &self.line.did)
            .call()
            .await
    }

    /// What the call center got last.
    fn offered(&self) -> Offer {
        offered(&self.center)
    }

    /// What the switch asked since the database's log was this long, without the driver's own questions about columns.
    fn asked_since(&self, length: usize) -> Vec<String> {
        self.traffic.db.cluster().log()[length..]
            .lines()
            .filter_map(|line| line.strip_prefix("asterisk LOG:  statement: SELECT * FROM "))
            .map(str::to_owned)
            .collect()
    }
}

/// Of an INVITE: From, and the formats of its audio.
#[derive(Debug, PartialEq, Eq)]
struct Offer {
    from: String,
    formats: String,
}

fn offered(center: &Center) -> Offer {
    let seen = center.seen();
    let invite = *seen.requests("INVITE").last().expect("an INVITE");
    let media = invite.text.lines().find_map(|line| line.strip_prefix("m=audio "));
    let formats = media.and_then(|media| media.split_once(" RTP/AVP "));
    Offer {
        from: invite
            .header("From")
            .split(['<', '>'])
            .nth(1)
            .expect("an address")
            .to_owned(),
        formats: formats.expect("SDP").1.trim().to_owned(),
    }
}
