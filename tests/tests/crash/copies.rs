//! Whoever copies records by REST while calls come and the server dies: the copy is what the database has, no more and no less.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capconduit_tests::{
    API, Calls, ClusterOptions, Link, Random, SUPERUSER, Scenario, Standby, StopMode, Strategy, TestApi,
    TestCluster, TestDb, Visitor, assert_invariants, eventually, rounds,
};
use tokio_postgres::{Client, NoTls};

use super::Crashable;

/// What was copied, by the record's number: its status, and how often it came.
#[derive(Default)]
struct Copied {
    cursor: String,
    records: HashMap<i64, (String, u32)>,
}

async fn read(visitor: &Visitor, copied: &Mutex<Copied>) -> Result<usize, String> {
    let cursor = copied.lock().unwrap().cursor.clone();
    let address = format!("/api/admin/logs?per_page=20&changed_after={cursor}");
    let answer = visitor.try_send("GET", &address, None).await?;
    if answer.status == 503 {
        return Err(answer.text());
    }
    let page = answer.ok();
    let mut copied = copied.lock().unwrap();
    page["nextCursor"]
        .as_str()
        .unwrap()
        .clone_into(&mut copied.cursor);
    let items = page["items"].as_array().unwrap();
    for item in items {
        let status = item["callStatus"].as_str().unwrap().to_owned();
        let (last, times) = copied.records.entry(item["id"].as_i64().unwrap()).or_default();
        *last = status;
        *times += 1;
    }
    Ok(items.len())
}

/// Calls that end, some of them twice: given up, and then told after all. Until the server is gone.
async fn work(db: Client, admin: Client, did: String, name: String, mut random: Random) {
    for call in 0.. {
        let id = format!("{name}-{call}");
        if db.route(&did, &id).await.is_err() {
            return;
        }
        let given_up = random.chance(40) && admin.release(&id, "a test").await.is_ok();
        if given_up && random.chance(30) {
            continue;
        }
        if db.log(&id, &did, "ANSWERED").await.is_err() {
            return;
        }
    }
}

/// Old records, so that a purge has some.
async fn purge(db: Client, name: String) {
    let made = "insert into capconduit.call_logs (asterisk_uniqueid, incoming_did_number, timestamp_start, call_status, counted)
                select $1 || n, '+15550000', now() - interval '9 days', 'OLD', false from generate_series(1, 50) n";
    while db.execute(made, &[&name]).await.is_ok() {
        let purged = "select capconduit.purge_call_logs(now() - interval '5 days', 0, 100000)";
        if db.query_one(purged, &[]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_by_rest_is_the_database_s_own() {
    let mut random = Random::seeded();
    let server = Crashable::start(&[]).await;
    let db = TestDb::sample_on(server.cluster.clone()).await;
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &[Link::cap(100_000); 3]).await;
    let api = TestApi::start_with(&db, &[("CAPCONDUIT_REQUEST_SECONDS", "4")]).await;
    let staff = api.login("ops_staff", "password").await;
    let copied = Arc::new(Mutex::new(Copied::default()));
    let over = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (staff, copied, over) = (staff.clone(), copied.clone(), over.clone());
        async move {
            while !over.load(Ordering::Relaxed) {
                if read(&staff, &copied).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    });
    for round in 0..rounds(3, 30) {
        let mut tasks = Vec::new();
        for number in 0..8 {
            let (switch, admin) = (db.asterisk().await, db.admin().await);
            let name = format!("{round}-{number}");
            tasks.push(tokio::spawn(work(
                switch,
                admin,
                scenario.did.clone(),
                name,
                random.fork(),
            )));
        }
        tasks.push(tokio::spawn(purge(db.superuser().await, format!("old-{round}-"))));
        tokio::time::sleep(Duration::from_millis(700 + random.below(500) as u64)).await;
        let stall = server.stall(&db).await;
        // Commits that nobody will have been told of, seen by whoever looks.
        tokio::time::sleep(Duration::from_millis(random.below(500) as u64)).await;
        server.crash(stall).await;
        for task in tasks {
            task.await.expect("a worker ends with its server");
        }
    }
    over.store(true, Ordering::Relaxed);
    reader.await.unwrap();
    while read(&staff, &copied).await != Ok(0) {}
    let copied = std::mem::take(&mut *copied.lock().unwrap());
    assert_same(&db, &copied).await;
    assert_invariants(&db).await;
}

async fn assert_same(db: &TestDb, copied: &Copied) {
    let superuser = db.superuser().await;
    let rows = superuser
        .query("select id, call_status from capconduit.call_logs", &[])
        .await
        .unwrap();
    let records: HashMap<i64, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    for (id, status) in &records {
        let (copy, _) = copied
            .records
            .get(id)
            .unwrap_or_else(|| panic!("record {id} was missed"));
        assert_eq!(copy, status, "record {id}");
    }
    let mut corrected = 0;
    for (id, (status, times)) in &copied.records {
        // Deletions are not told.
        assert!(
            records.contains_key(id) || status == "OLD",
            "record {id}, {status}, is not in the database"
        );
        assert!(*times <= 2, "record {id} came {times} times");
        corrected += u32::from(*times == 2);
    }
    println!("{} records, {corrected} came twice", copied.records.len());
    assert!(records.len() > 100 && corrected > 0);
}

/// It may not have had the last records: another past than that of the copy.
#[tokio::test]
async fn a_standby_that_has_taken_over_has_copies_begin_anew() {
    let db = TestDb::sample_on(TestCluster::start_with(ClusterOptions::default()).await).await;
    let standby = Standby::of(db.cluster(), "standby1").await;
    let url = standby.either_url(&db, API);
    let api = TestApi::start_with(&db, &[("DATABASE_URL", &url)]).await;
    let staff = api.login("ops_staff", "password").await;
    let copied = Mutex::new(Copied::default());
    while read(&staff, &copied).await != Ok(0) {}
    let superuser = db.superuser().await;
    let (config, everything) = (
        standby.config(&db, SUPERUSER),
        superuser
            .query_one("select pg_current_wal_lsn()::text", &[])
            .await,
    );
    let everything: String = everything.unwrap().get(0);
    let (follower, connection) = config.connect(NoTls).await.expect("the standby answers");
    tokio::spawn(connection);
    eventually("the standby has everything", async || {
        let has = format!("select pg_last_wal_replay_lsn() >= '{everything}'");
        follower.query_one(&has, &[]).await.unwrap().get(0)
    })
    .await;
    db.cluster().stop(StopMode::Kill).await;
    standby.promote().await;
    let address = format!("/api/admin/logs?changed_after={}", copied.lock().unwrap().cursor);
    eventually("the service has found the new primary", async || {
        staff.get(&address).await.status != 503
    })
    .await;
    staff.get(&address).await.problem(410, "start_anew");
    *copied.lock().unwrap() = Copied::default();
    assert!(read(&staff, &copied).await.unwrap() > 0);
}
