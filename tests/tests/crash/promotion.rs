//! The primary dies where a window ends, and its synchronous standby takes over: what was told counts there, in the window that it belongs
//! to, and no cap lets more through than on one server.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capconduit_tests::{
    ASTERISK, Calls, Link, SUPERUSER, Scenario, Standby, StopMode, Strategy, TestDb, assert_invariants_at,
    clear_of_the_hour, eventually, link,
};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

use super::until;

/// Of each subject: calls offered in an hour.
const HOUR: usize = 12;
/// Calls of each subject that are up all along.
const LONG: usize = 2;

/// Something with caps, and the numbers whose calls count for it.
struct Capped {
    kind: &'static str,
    dids: Vec<String>,
    /// Calls that callers were told a target for.
    told: Arc<Mutex<HashSet<String>>>,
}

impl Capped {
    fn told(&self) -> usize {
        self.told.lock().unwrap().len()
    }
}

struct Pair {
    // In the order in which they end.
    standby: Standby,
    db: TestDb,
    switches: Vec<Config>,
    subjects: Vec<Capped>,
    over: Arc<AtomicBool>,
    callers: Vec<JoinHandle<()>>,
}

impl Pair {
    /// Callers of five subjects, one of each kind, who have filled its hour.
    async fn with_full_hours(day: usize) -> Self {
        // It lasts a minute on a busy machine.
        clear_of_the_hour(60).await;
        let db = TestDb::on_own_server(Default::default()).await;
        let standby = Standby::of(db.cluster(), "standby1").await;
        let superuser = db.superuser().await;
        for sql in [
            "alter system set synchronous_standby_names = 'standby1'",
            "select pg_reload_conf()",
        ] {
            superuser.batch_execute(sql).await.unwrap();
        }
        let sync = "select exists (select from pg_stat_replication where sync_state = 'sync')";
        until(&db, sync).await;
        let switches = standby.either(&db, ASTERISK);
        let subjects = subjects(&db, day).await;
        let mut pair = Self {
            standby,
            db,
            switches,
            subjects,
            over: Arc::default(),
            callers: Vec::new(),
        };
        let switch = pair.db.asterisk().await;
        for subject in &pair.subjects {
            for n in 0..LONG {
                let id = format!("{}-long-{n}", subject.kind);
                switch.route(&subject.dids[0], &id).await.unwrap().link();
                switch.answered(&id).await.unwrap();
                subject.told.lock().unwrap().insert(id);
            }
        }
        // No real boundary comes in between.
        pair.moves_windows("true", "now() - interval '100 days'", "now() + interval '1 day'")
            .await;
        pair.callers = pair
            .subjects
            .iter()
            .flat_map(|subject| pair.call(subject))
            .collect();
        pair.have_been_told(HOUR).await;
        pair
    }

    /// Four who ask for each subject, and are answered before they go on.
    fn call(&self, subject: &Capped) -> Vec<JoinHandle<()>> {
        let caller = |n: usize| {
            let (switches, over, told) = (self.switches.clone(), self.over.clone(), subject.told.clone());
            let (did, name) = (
                subject.dids[n % subject.dids.len()].clone(),
                format!("{}-{n}", subject.kind),
            );
            tokio::spawn(async move {
                let mut switch = Switch::new(switches);
                for n in 0.. {
                    let id = format!("{name}-{n}");
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    if switch.routes(&did, &id).await {
                        told.lock().unwrap().insert(id.clone());
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        switch.logs(&did, &id).await;
                    } else {
                        tokio::time::sleep(Duration::from_millis(30)).await;
                    }
                }
            })
        };
        (0..4).map(caller).collect()
    }

    async fn have_been_told(&self, calls: usize) {
        for subject in &self.subjects {
            eventually(&format!("{} has {calls} calls", subject.kind), async || {
                subject.told() >= calls
            })
            .await;
        }
    }

    /// As if these windows of what has caps had begun and would end so. Nothing of before is theirs where they begin later than now.
    async fn moves_windows(&self, which: &str, start: &str, end: &str) {
        let superuser = self.db.superuser().await;
        for (counters, key, windows, of, capped) in [
            (
                "link_counters",
                "link_id",
                "link_windows",
                "link_id",
                "select link_id from caps",
            ),
            (
                "meters",
                "id",
                "meter_windows",
                "meter_id",
                "select id from meters",
            ),
        ] {
            let sql = format!(
                "begin;
                 select from {counters} for no key update;
                 update {windows} w
                    set starts_at = {start}, ends_at = {end},
                        active = case when {start} > now() then n.active else w.active end,
                        offered = case when {start} > now() then n.offered else w.offered end,
                        answered = case when {start} > now() then n.answered else w.answered end,
                        qualified = case when {start} > now() then n.qualified else w.qualified end
                   from {counters} n
                  where n.{key} = w.{of} and n.{key} in ({capped}) and {which};
                 update {counters} n set windows_from = w.starts, windows_until = w.ends
                   from (select {of} as id, max(starts_at) as starts, min(ends_at) as ends from {windows} group by 1) w
                  where n.{key} = w.id;
                 commit"
            );
            superuser.batch_execute(&sql).await.unwrap();
        }
    }

    /// Of the server that is the primary by now.
    async fn at_standby(&self) -> Client {
        connect(&self.standby.config(&self.db, SUPERUSER)).await.unwrap()
    }

    /// Callers hang up, the long calls, too. Whoever was told something has it here, each subject has its hour's calls before and these
    /// since, and all counters are what the rows come to.
    async fn ends_with(&mut self, start: &str, since: usize) {
        self.have_been_told(HOUR + since).await;
        // Some more are refused.
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.over.store(true, Ordering::Relaxed);
        for caller in self.callers.drain(..) {
            caller.await.expect("a caller is answered");
        }
        let superuser = self.at_standby().await;
        assert_invariants_at(&superuser).await;
        let mut switch = Switch::new(self.switches.clone());
        for subject in &self.subjects {
            for n in 0..LONG {
                switch
                    .logs(&subject.dids[0], &format!("{}-long-{n}", subject.kind))
                    .await;
            }
        }
        for subject in &self.subjects {
            let sql = "select asterisk_uniqueid from call_logs where incoming_did_number = any ($1)";
            let rows = superuser.query(sql, &[&subject.dids]).await.unwrap();
            let kept: HashSet<String> = rows.iter().map(|row| row.get(0)).collect();
            assert_eq!(kept, *subject.told.lock().unwrap(), "{}", subject.kind);
            let sql = "select count(*) filter (where reserved_at < $2::text::timestamptz),
                              count(*) filter (where reserved_at >= $2::text::timestamptz)
                         from call_logs where incoming_did_number = any ($1) and counted";
            let row = superuser.query_one(sql, &[&subject.dids, &start]).await.unwrap();
            let recount: (i64, i64) = (row.get(0), row.get(1));
            assert_eq!(recount, (HOUR as i64, since as i64), "{}", subject.kind);
            let sql =
                "select span, used::bigint, coalesce(in_flight, 0)::bigint from caps_view where subject_type = $1 and span <> 'concurrent'
                        order by span";
            let rows = superuser.query(sql, &[&subject.kind]).await.unwrap();
            let used: Vec<(String, i64, i64)> = rows
                .iter()
                .map(|row| (row.get(0), row.get(1), row.get(2)))
                .collect();
            let day = ("day".to_owned(), (HOUR + since) as i64, 0);
            assert_eq!(
                used,
                [day, ("hour".to_owned(), since as i64, 0)],
                "{}",
                subject.kind
            );
        }
        assert_invariants_at(&superuser).await;
        let wrong = superuser
            .query("select from verify_counters()", &[])
            .await
            .unwrap();
        assert_eq!(wrong.len(), 0);
    }
}

/// One of each kind. The client is shared by two sellers.
async fn subjects(db: &TestDb, day: usize) -> Vec<Capped> {
    let (admin, superuser) = (db.admin().await, db.superuser().await);
    let mut subjects = Vec::new();
    for kind in ["link", "client", "campaign", "seller", "did"] {
        let line = Scenario::new(&admin, Strategy::Priority, &[Link::cap(50)]).await;
        let mut dids = vec![line.did];
        let (column, id) = match kind {
            "link" => ("link_id", line.link_ids[0]),
            "client" => {
                let other = Scenario::new(&admin, Strategy::Priority, &[]).await;
                link(&admin, other.campaign_id, line.client_ids[0], Link::cap(50)).await;
                dids.push(other.did);
                ("client_id", line.client_ids[0])
            }
            "campaign" => ("campaign_id", line.campaign_id),
            "seller" => ("user_id", line.user_id),
            _ => ("did_id", line.did_id),
        };
        let sql = format!(
            "insert into caps ({column}, counts, span, set_by, max_calls)
             values ({id}, 'offered', 'hour', 'platform', {HOUR}), ({id}, 'answered', 'day', 'platform', {day}),
                    ({id}, 'offered', 'concurrent', 'platform', 4)"
        );
        superuser.batch_execute(&sql).await.unwrap();
        let told = Arc::default();
        subjects.push(Capped { kind, dids, told });
    }
    subjects
}

/// Asks whichever of both servers takes writes, until it is answered.
struct Switch {
    servers: Vec<Config>,
    connection: Option<Client>,
}

impl Switch {
    fn new(servers: Vec<Config>) -> Self {
        Self {
            servers,
            connection: None,
        }
    }

    /// A connection to the server that takes writes.
    async fn connected(&mut self) -> Client {
        loop {
            if let Some(connection) = self.connection.take() {
                return connection;
            }
            for server in &self.servers {
                if let Ok(connection) = connect(server).await {
                    return connection;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn routes(&mut self, did: &str, id: &str) -> bool {
        loop {
            let connection = self.connected().await;
            if let Some(target) = told(connection.route(did, id).await) {
                self.connection = Some(connection);
                return target.is_ok();
            }
        }
    }

    async fn logs(&mut self, did: &str, id: &str) {
        loop {
            let connection = self.connected().await;
            if told(connection.log(id, did, "ANSWERED").await).is_some() {
                self.connection = Some(connection);
                return;
            }
        }
    }
}

/// None: the server ended before it had answered.
fn told<T>(answer: Result<T, tokio_postgres::Error>) -> Option<T> {
    match answer {
        Err(error) if error.as_db_error().is_some_and(|error| !is_no_answer(error)) => panic!("{error:?}"),
        answer => answer.ok(),
    }
}

/// What a server says that ends, or a statement that has waited for too long: the switch asks again.
fn is_no_answer(error: &tokio_postgres::error::DbError) -> bool {
    error.code().code().starts_with("57")
}

async fn connect(server: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = server.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Sooner than most calls would be routed after it, later than what is written now.
async fn soon(superuser: &Client) -> String {
    let sql = "select (clock_timestamp() + interval '1.5 s')::text";
    superuser.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_ends_between_two_primaries() {
    let mut pair = Pair::with_full_hours(HOUR + 6).await;
    let boundary = soon(&pair.db.superuser().await).await;
    pair.moves_windows("w.span = 'hour'", "w.starts_at", &format!("'{boundary}'"))
        .await;
    pair.db.cluster().stop(StopMode::Kill).await;
    for subject in &pair.subjects {
        assert_eq!(subject.told(), HOUR, "{}", subject.kind);
    }
    let standby = pair.at_standby().await;
    eventually("the window is over", async || {
        let sql = "select clock_timestamp() > $1::text::timestamptz";
        standby.query_one(sql, &[&boundary]).await.unwrap().get(0)
    })
    .await;
    pair.standby.promote().await;
    pair.ends_with(&boundary, 6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_one_primary_began_goes_on_at_the_next() {
    let mut pair = Pair::with_full_hours(HOUR + 6).await;
    let boundary = soon(&pair.db.superuser().await).await;
    pair.moves_windows("w.span = 'hour'", "w.starts_at", &format!("'{boundary}'"))
        .await;
    eventually("the next hour has calls", async || {
        let told: usize = pair.subjects.iter().map(Capped::told).sum();
        told > pair.subjects.len() * HOUR + 3
    })
    .await;
    pair.db.cluster().stop(StopMode::Kill).await;
    pair.standby.promote().await;
    pair.ends_with(&boundary, 6).await;
}

/// The dead one's clock was ahead: its hour has not begun by the clock of the new one. Calls are taken, they count for that hour, and it is
/// not left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_whose_clock_is_behind_goes_on_with_the_window_that_it_finds() {
    let mut pair = Pair::with_full_hours(HOUR * 4).await;
    let superuser = pair.db.superuser().await;
    let sql = "select (clock_timestamp() + interval '20 minutes')::text";
    let start: String = superuser.query_one(sql, &[]).await.unwrap().get(0);
    let end = format!("'{start}'::timestamptz + interval '1 hour'");
    pair.moves_windows("w.span = 'hour'", &format!("'{start}'::timestamptz"), &end)
        .await;
    pair.db.cluster().stop(StopMode::Kill).await;
    pair.standby.promote().await;
    pair.ends_with(&start, HOUR).await;
    let sql = "select count(*) from caps_view
                where span = 'hour' and starts_at is distinct from $1::text::timestamptz";
    let left: i64 = pair
        .at_standby()
        .await
        .query_one(sql, &[&start])
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 0, "windows never go back");
}
