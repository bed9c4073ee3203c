//! Many calls on a site of their own, and what must be true of all of them afterwards.

use std::sync::Arc;
use std::time::Duration;

use capconduit_tests::{
    ASTERISK, CallRecord, Link, Scenario, Seen, Site, Strategy, TestAsterisk, TestDb, TestNode,
    assert_invariants_at,
};
use tokio_postgres::Client;

pub struct Traffic {
    pub site: Arc<Site>,
    pub db: TestDb,
    pub switch: TestAsterisk,
    pub admin: Client,
}

impl Traffic {
    pub async fn new() -> Self {
        let site = Site::start().await;
        let db = site.database().await;
        let switch = TestAsterisk::start(&site, &db, "pbx1").await;
        Self::on(site, db, switch).await
    }

    pub async fn on(site: Arc<Site>, db: TestDb, switch: TestAsterisk) -> Self {
        let admin = db.admin().await;
        Self {
            site,
            db,
            switch,
            admin,
        }
    }

    /// A number whose links lead to these addresses.
    pub async fn number(&self, links: &[Link], contacts: &[String]) -> Scenario {
        let scenario = Scenario::new(&self.admin, Strategy::Priority, links).await;
        for (client, contact) in scenario.client_ids.iter().zip(contacts) {
            let sql = "update pjsip_aors set contact = $2, qualify_frequency = 0 where client_id = $1";
            self.admin
                .execute(sql, &[client, contact])
                .await
                .expect("the contact");
        }
        scenario
    }

    /// The agent beside this switch, in its network: what the switch cannot reach, it cannot reach either.
    pub async fn agent(&self, switch: &TestAsterisk) -> TestNode {
        self.agent_to(switch, &[Site::DATABASE]).await
    }

    /// The same with these addresses of the database; in a URL each has its own port.
    pub async fn agent_to(&self, switch: &TestAsterisk, hosts: &[&str]) -> TestNode {
        self.agent_with(switch, hosts, &[]).await
    }

    /// The same with further settings.
    pub async fn agent_with(
        &self,
        switch: &TestAsterisk,
        hosts: &[&str],
        further: &[(&str, &str)],
    ) -> TestNode {
        let command = switch.command();
        let mut settings = vec![
            ("CAPCONDUIT_ASTERISK_COMMAND", command.as_str()),
            ("CAPCONDUIT_NODE", switch.node()),
        ];
        settings.extend(further);
        let hosts = hosts.join(&format!(":{},", self.db.cluster().port()));
        let url = self.db.url_at(ASTERISK, &hosts);
        TestNode::start_inside(Some(self.site.name()), &url, &switch.spool_folder(), &settings).await
    }

    /// Waits until the agent has sent what the switch had spooled; how many records that were.
    pub async fn replayed(&self, switch: &TestAsterisk, agent: &TestNode) -> usize {
        for _ in 0..900 {
            if switch.spooled().is_empty() {
                assert_eq!(agent.metric("capconduit_node_refused_total").await, 0.0);
                return agent.metric("capconduit_node_replayed_total").await as usize;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!(
            "{} records wait for ever:\n{}",
            switch.spooled().len(),
            agent.log()
        );
    }

    /// Every call that SIPp saw has its one equal record, there is no other, and every slot is free.
    pub async fn assert_accounted(&self, seen: &[Seen], late_ms: u64) -> Vec<CallRecord> {
        // Not the connection that a fault may have cut.
        assert_accounted_at(&self.db.superuser().await, seen, late_ms).await
    }
}

/// The same by a superuser of whichever server is the primary.
pub async fn assert_accounted_at(superuser: &Client, seen: &[Seen], late_ms: u64) -> Vec<CallRecord> {
    let mut records = Vec::new();
    for call in seen.iter().flat_map(Seen::calls) {
        let record = CallRecord::at(superuser, &call).await;
        record.assert_equals_but_late(&call, late_ms);
        records.push(record);
    }
    let count = async |sql: &'static str| superuser.query_one(sql, &[]).await.expect(sql).get::<_, i64>(0);
    assert_eq!(
        count("select count(*) from call_logs").await,
        records.len() as i64
    );
    assert_eq!(count("select count(*) from live_calls").await, 0);
    assert_eq!(
        count("select coalesce(sum(active), 0) from link_counters").await,
        0
    );
    assert_invariants_at(superuser).await;
    records
}

/// From the INVITE until the caller hears anything that matters: ringing, or a refusal.
pub fn waited(call: &Seen) -> Duration {
    let heard = call
        .messages
        .iter()
        .find(|message| message.status().is_some_and(|status| status > 100));
    let heard = heard
        .unwrap_or_else(|| panic!("the caller heard nothing: {call:#?}"))
        .at;
    Duration::try_from(heard.duration_since(call.invited_at())).expect("afterwards")
}
