//! A number whose calls go to real call centers.

use std::sync::Arc;
use std::time::Duration;

use capconduit_tests::{
    Caller, Center, Link, Running, Scenario, Site, Strategy, TestAsterisk, TestDb, unique,
};
use tokio_postgres::Client;

pub struct Line {
    pub site: &'static Arc<Site>,
    pub db: &'static TestDb,
    pub switch: &'static TestAsterisk,
    pub admin: Client,
    pub scenario: Scenario,
}

impl Line {
    /// On the site that tests of single calls share.
    pub async fn new(strategy: Strategy, links: &[Link]) -> Self {
        let (site, db, switch) = Site::shared().await;
        let admin = db.admin().await;
        let scenario = Scenario::new(&admin, strategy, links).await;
        let line = Self {
            site,
            db,
            switch,
            admin,
            scenario,
        };
        // An address at which nobody is, until a call center is put there.
        for n in 0..links.len() {
            line.contact(n, &format!("sip:10.77.127.{}:5060", unique() % 250 + 1))
                .await;
        }
        line
    }

    /// One call center that rings shortly and answers.
    pub async fn answering() -> (Self, Center) {
        let line = Self::new(Strategy::Priority, &[Link::cap(5)]).await;
        let center = line.center(0, "answers", &[("RING", "300")]).await;
        (line, center)
    }

    /// Puts a call center behind the n-th link.
    pub async fn center(&self, n: usize, scenario: &str, values: &[(&str, &str)]) -> Center {
        let center = Center::start(self.site, scenario, values).await;
        self.contact(n, &center.contact()).await;
        center
    }

    /// Where the n-th link's client is. Qualifying is off: SIPp's scenarios expect calls only.
    pub async fn contact(&self, n: usize, contact: &str) {
        let sql = "update pjsip_aors set contact = $2, qualify_frequency = 0 where client_id = $1";
        let client = self.scenario.client_ids[n];
        assert_eq!(
            self.admin
                .execute(sql, &[&client, &contact])
                .await
                .expect("the contact"),
            1
        );
    }

    pub async fn set_campaign(&self, settings: &str) {
        let sql = format!(
            "update campaigns set {settings} where id = {}",
            self.scenario.campaign_id
        );
        assert_eq!(self.admin.execute(&sql, &[]).await.expect("the campaign"), 1);
    }

    pub fn caller(&self) -> Caller {
        Caller::new(self.site, self.switch, &self.scenario.did)
    }

    /// Calls in flight and counted calls of the n-th link.
    pub async fn counters(&self, n: usize) -> (i32, i64) {
        let sql = "select active, total from link_counters where link_id = $1";
        let row = self
            .admin
            .query_one(sql, &[&self.scenario.link_ids[n]])
            .await
            .expect("the counter");
        (row.get(0), row.get(1))
    }

    pub async fn identifier(&self, n: usize) -> String {
        let sql = "select client_identifier from clients where id = $1";
        self.admin
            .query_one(sql, &[&self.scenario.client_ids[n]])
            .await
            .expect("the client")
            .get(0)
    }

    /// Name and password of the n-th client; which way they are used is the endpoint's setting.
    pub async fn credentials(&self, n: usize, username: &str, password: &str) {
        let sql = "insert into pjsip_auths (client_id, id, username, password)
                   select id, client_identifier || '-auth', $2, $3 from clients where id = $1";
        let client = self.scenario.client_ids[n];
        assert_eq!(
            self.admin
                .execute(sql, &[&client, &username, &password])
                .await
                .expect("credentials"),
            1
        );
    }

    pub async fn set_endpoint(&self, n: usize, settings: &str) {
        let sql = format!(
            "update pjsip_endpoints set {settings} where client_id = {}",
            self.scenario.client_ids[n]
        );
        assert_eq!(self.admin.execute(&sql, &[]).await.expect("the endpoint"), 1);
    }

    /// From an address at which a call center will listen then.
    pub async fn register(&self, address: &str, identifier: &str, password: &str) {
        let caller = self
            .caller()
            .from_address(address)
            .plays("registers")
            .named(identifier);
        let seen = caller
            .start_with(&["-m", "1", "-au", identifier, "-ap", password])
            .finish()
            .await;
        assert!(
            seen.messages.iter().any(|message| message.status() == Some(200)),
            "{seen:#?}"
        );
    }

    pub async fn until_answered(&self, caller: &Running) {
        for _ in 0..300 {
            if caller.seen().answered_at().is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("nobody answers: {:#?}", caller.seen());
    }
}

/// Bounded, generous: asks again until the answer is the wanted one.
pub async fn becomes<T: PartialEq + std::fmt::Debug>(what: &str, wanted: T, mut ask: impl AsyncFnMut() -> T) {
    let mut last = ask().await;
    for _ in 0..600 {
        if last == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        last = ask().await;
    }
    panic!("{what}: {last:?} and not {wanted:?}");
}
