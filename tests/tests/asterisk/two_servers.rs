//! Two database servers behind a real switch: one of them dies in mid-traffic. Who is told something keeps it, who comes
//! later is served, and nobody waits without a bound.

use std::time::Duration;

use capconduit_tests::{
    Caller, Center, Link, SUPERUSER, Scenario, Site, Standby, StopMode, TestAsterisk, TestNode,
};
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

use super::support::becomes;
use super::traffic::{Traffic, assert_accounted_at, waited};

struct Pair {
    // In the order in which they end.
    agent: TestNode,
    standby: Standby,
    traffic: Traffic,
    center: Center,
    line: Scenario,
}

impl Pair {
    /// A primary and a synchronous standby; switch and agent know both, as docs/HA.md says.
    async fn start() -> Self {
        let site = Site::start().await;
        let db = site.database().await;
        let both = [Site::DATABASE, Site::STANDBY];
        let hosts = both.join(",");
        let switch = TestAsterisk::configured(&site, &db, "pbx1");
        let file = switch.site_folder().join("odbc.ini");
        let text = std::fs::read_to_string(&file).expect("odbc.ini");
        let text = text
            .replace(
                &format!("Servername = {}", Site::DATABASE),
                &format!("Servername = {hosts}"),
            )
            .replace("Pqopt = ", "Pqopt = target_session_attrs=read-write ");
        assert!(text.contains(&hosts) && text.contains("read-write"), "{text}");
        std::fs::write(file, text).expect("odbc.ini");
        let standby = site.standby(&db, "standby1").await;
        switch.boot().await;
        let traffic = Traffic::on(site, db, switch).await;
        let center = Center::start(&traffic.site, "answers", &[("RING", "200")]).await;
        let line = traffic.number(&[Link::cap(500)], &[center.contact()]).await;
        let agent = traffic.agent_to(&traffic.switch, &both).await;
        let pair = Self {
            agent,
            standby,
            traffic,
            center,
            line,
        };
        pair.wait_for("standby1").await;
        let superuser = pair.traffic.db.superuser().await;
        becomes("the standby", "sync".to_owned(), async || {
            let sql = "select coalesce(max(sync_state), 'away') from pg_stat_replication";
            superuser.query_one(sql, &[]).await.expect("an answer").get(0)
        })
        .await;
        pair
    }

    /// Whom commits wait for.
    async fn wait_for(&self, standbys: &str) {
        let superuser = self.traffic.db.superuser().await;
        let set = format!("alter system set synchronous_standby_names = '{standbys}'");
        for sql in [&set, "select pg_reload_conf()"] {
            superuser.batch_execute(sql).await.expect("a setting");
        }
    }

    async fn at_standby(&self) -> Client {
        let config = self.standby.config(&self.traffic.db, SUPERUSER);
        let (client, connection) = config.connect(NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client
    }

    /// Ten calls a second; what happens among them; then each has its one record at this server, nobody was cut off, and
    /// whoever called late was served. The longest wait for a sign.
    async fn calls_survive(&self, calls: u32, fault: impl AsyncFnOnce() -> Client) -> Duration {
        let _answers = &self.center;
        let caller = Caller::new(&self.traffic.site, &self.traffic.switch, &self.line.did).talks_for(3000);
        let callers = caller.start_with(&["-m", &calls.to_string(), "-r", "10"]);
        sleep(Duration::from_secs(3)).await;
        let superuser = fault().await;
        let seen = callers.finish().await;
        let replayed = self.traffic.replayed(&self.traffic.switch, &self.agent).await;
        let records = assert_accounted_at(&superuser, std::slice::from_ref(&seen), 6000).await;
        let with = |status: &str| records.iter().filter(|record| record.status == status).count();
        let (answered, refused) = (with("ANSWERED"), with("FAILED_DATABASE"));
        let all = seen.calls();
        let longest = all.iter().map(waited).max().expect("calls");
        println!(
            "{calls} calls: {answered} answered, {refused} refused, {replayed} records replayed; the longest wait was {longest:?}"
        );
        assert_eq!(
            (all.len(), answered + refused),
            (calls as usize, calls as usize),
            "{records:#?}"
        );
        for call in &all {
            assert!([200, 503].contains(&call.final_status()), "{call:#?}");
            // Whoever talked hung up by themselves.
            assert!(
                call.answered_at().is_none() || call.requests("BYE")[0].sent,
                "{call:#?}"
            );
        }
        let late = &all[all.len() - 20..];
        let served = late.iter().filter(|call| call.answered_at().is_some()).count();
        assert_eq!(
            served,
            late.len(),
            "later calls are routed:\n{}",
            self.traffic.switch.log()
        );
        longest
    }
}

fn at_most(seconds: f64, longest: Duration) {
    assert!(longest.as_secs_f64() <= seconds, "a caller waited {longest:?}");
}

#[tokio::test]
async fn the_primary_dies_and_the_switch_follows() {
    let pair = Pair::start().await;
    let longest = pair
        .calls_survive(150, async || {
            pair.traffic.db.cluster().stop(StopMode::Kill).await;
            sleep(Duration::from_secs(1)).await;
            pair.standby.promote().await;
            pair.at_standby().await
        })
        .await;
    at_most(4.0, longest);
}

/// The machine is gone with its server: nothing refuses a connection, each new one waits for the first host in vain.
#[tokio::test]
async fn the_primary_s_machine_dies_and_the_switch_follows() {
    let pair = Pair::start().await;
    let longest = pair
        .calls_survive(250, async || {
            pair.traffic.site.drop_packets(true);
            pair.traffic.db.cluster().stop(StopMode::Kill).await;
            sleep(Duration::from_secs(1)).await;
            pair.standby.promote().await;
            pair.at_standby().await
        })
        .await;
    at_most(5.0, longest);
}

/// Commits wait for it. An operator lets them go on without.
#[tokio::test]
async fn the_synchronous_standby_dies_and_nobody_waits_without_a_bound() {
    let pair = Pair::start().await;
    let longest = pair
        .calls_survive(150, async || {
            pair.standby.dies().await;
            sleep(Duration::from_secs(6)).await;
            pair.wait_for("").await;
            pair.traffic.db.superuser().await
        })
        .await;
    at_most(4.0, longest);
}
