//! The database goes away, comes back, refuses for a while: records wait, none is lost or doubled.

use capconduit_tests::{
    ASTERISK, Calls, ClusterOptions, StopMode, TestCluster, TestDb, TestNode, assert_invariants,
};

use super::support::{DID, Folder, eventually, has_ended, logged, record, signal};

const RECORDS: usize = 400;

fn fill(spool: &Folder, prefix: &str) {
    for n in 0..RECORDS {
        spool.put(
            &format!("{prefix}-{n}.sql"),
            record(&format!("{prefix}-{n}"), "BUSY"),
        );
    }
}

#[tokio::test]
async fn records_outlive_a_database_that_stops_crashes_or_starts_later() {
    let db = TestDb::sample_on(TestCluster::start_with(ClusterOptions::default()).await).await;
    let spool = Folder::new();
    db.cluster().stop(StopMode::Fast).await;
    fill(&spool, "before");
    // The agent starts first.
    let node = TestNode::start(&db, spool.path()).await;
    for name in ["replay", "database"] {
        eventually("the agent says so", || async {
            node.problem(name).await.is_some()
        })
        .await;
    }
    assert_eq!(spool.waiting().len(), RECORDS);
    db.cluster().start().await;
    spool.is_empty().await;
    for mode in [StopMode::Fast, StopMode::Immediate, StopMode::Kill] {
        let prefix = format!("{mode:?}");
        fill(&spool, &prefix);
        eventually("the replay is under way", || async {
            spool.waiting().len() < RECORDS
        })
        .await;
        db.cluster().stop(mode).await;
        let left = spool.waiting().len();
        db.cluster().start().await;
        spool.is_empty().await;
        assert_eq!(
            logged(&db, &format!("{prefix}-%")).await.len(),
            RECORDS,
            "{left} were left"
        );
    }
    assert_eq!(logged(&db, "before-%").await.len(), RECORDS);
    assert_eq!(spool.refused(), [""; 0]);
    for name in ["replay", "database"] {
        eventually("it is over", || async { node.problem(name).await.is_none() }).await;
    }
    assert!(!has_ended(node.pid()));
    assert_invariants(&db).await;
}

#[tokio::test]
async fn connections_that_the_server_ends_are_replaced() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let node = TestNode::start(&db, spool.path()).await;
    let superuser = db.superuser().await;
    for round in 0..2 {
        fill(&spool, &format!("round-{round}"));
        while !spool.waiting().is_empty() {
            superuser
                .execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity
                      where datname = current_database() and application_name like 'capconduit node%'",
                    &[],
                )
                .await
                .expect("backends can be ended");
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    }
    assert_eq!(logged(&db, "round-%").await.len(), 2 * RECORDS);
    assert_eq!(spool.refused(), [""; 0], "{}", node.log());
    assert_invariants(&db).await;
}

/// One call's row is held by somebody: its record waits, the others pass it.
#[tokio::test]
async fn a_record_that_cannot_be_taken_now_is_in_nobodys_way() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    db.asterisk().await.route(DID, "held").await.unwrap().link();
    let holder = db.superuser().await;
    holder
        .batch_execute("begin; select from live_calls where uniqueid = 'held' for update")
        .await
        .expect("a lock");
    spool.put_aged("held", "ANSWERED", 10);
    spool.put("free.sql", record("free", "BUSY"));
    let node = TestNode::start(&db, spool.path()).await;
    eventually("the other one is replayed", || async {
        spool.waiting() == ["held.sql"]
    })
    .await;
    eventually("the agent says so", || async { node.log().contains("55P03") }).await;
    holder
        .batch_execute("rollback")
        .await
        .expect("the lock is given back");
    spool.is_empty().await;
    assert_eq!(logged(&db, "held").await, ["held ANSWERED"]);
    assert_eq!(spool.refused(), [""; 0]);
    assert_invariants(&db).await;
}

/// Rights that an administrator took away by mistake: the server's fault, not the record's.
#[tokio::test]
async fn what_an_administrator_must_mend_is_waited_for() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let superuser = db.superuser().await;
    let rights = async |sql: &str| {
        let each = format!(
            "do $$ declare f regprocedure; begin
               for f in select oid from pg_proc where proname = 'log_call' loop execute format('{sql}', f); end loop;
             end $$"
        );
        superuser.batch_execute(&each).await.expect("rights");
    };
    rights("revoke execute on function %s from capconduit_asterisk").await;
    spool.put("call.sql", record("call", "BUSY"));
    let node = TestNode::start(&db, spool.path()).await;
    eventually("the agent says so", || async { node.log().contains("42501") }).await;
    assert_eq!(spool.waiting(), ["call.sql"]);
    rights("grant execute on function %s to capconduit_asterisk").await;
    spool.is_empty().await;
    assert_eq!(logged(&db, "call").await, ["call BUSY"]);
}

#[tokio::test]
async fn a_frozen_server_holds_nobody_for_ever() {
    let db = TestDb::sample_on(TestCluster::start_with(ClusterOptions::default()).await).await;
    let spool = Folder::new();
    let node = TestNode::start(&db, spool.path()).await;
    spool.put("warm.sql", record("warm", "BUSY"));
    spool.is_empty().await;
    let postmaster = std::fs::read_to_string(db.cluster().state_folder().join("server/data/postmaster.pid"));
    let postmaster: u32 = postmaster
        .expect("the postmaster's file")
        .lines()
        .next()
        .and_then(|line| line.parse().ok())
        .expect("a process id");
    let frozen = Frozen::freeze(postmaster);
    spool.put("call.sql", record("call", "BUSY"));
    for name in ["replay", "database"] {
        eventually("the agent says so", || async {
            node.problem(name).await.is_some()
        })
        .await;
    }
    drop(frozen);
    spool.is_empty().await;
    assert_eq!(logged(&db, "call").await, ["call BUSY"]);
    assert_invariants(&db).await;
}

/// Thaws in every case: a frozen server could not be stopped.
struct Frozen(Vec<u32>);

impl Frozen {
    fn freeze(postmaster: u32) -> Self {
        signal("STOP", postmaster);
        // It makes no more children now.
        let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
        let mut pids = vec![postmaster];
        for child in children.expect("the kernel lists children").split_whitespace() {
            let child = child.parse().expect("a process id");
            signal("STOP", child);
            pids.push(child);
        }
        Frozen(pids)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for &pid in &self.0 {
            signal("CONT", pid);
        }
    }
}

/// Its calls' leases end whether or not Asterisk answers.
#[tokio::test]
async fn the_agent_gives_expired_slots_back() {
    let db = TestDb::sample().await;
    db.asterisk().await.route(DID, "expired").await.unwrap().link();
    db.superuser()
        .await
        .batch_execute("update live_calls set lease_until = now() - interval '1 s'")
        .await
        .expect("an expired lease");
    let spool = Folder::new();
    let node = TestNode::start(&db, spool.path()).await;
    eventually("the call is closed", || async {
        logged(&db, "expired").await == ["expired LOST"]
    })
    .await;
    eventually("it is counted", || async {
        node.metric("capconduit_node_released_total").await == 1.0
    })
    .await;
    assert_invariants(&db).await;
}

/// The first host is down, and what answers cannot be written for a while, as before a standby is promoted.
#[tokio::test]
async fn of_several_hosts_the_one_that_can_be_written_is_used() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let superuser = db.superuser().await;
    let name = db.name();
    superuser
        .batch_execute(&format!(
            "alter database {name} set default_transaction_read_only = on"
        ))
        .await
        .expect("read-only");
    let url = db.url(ASTERISK).replace("@127.0.0.1:", "@127.0.0.1:1,127.0.0.1:");
    spool.put("call.sql", record("call", "BUSY"));
    let node = TestNode::start_with(&db, spool.path(), &[("DATABASE_URL", &url)]).await;
    for problem in ["replay", "database"] {
        eventually("the agent says so", || async {
            node.problem(problem).await.is_some()
        })
        .await;
    }
    assert_eq!(spool.waiting(), ["call.sql"]);
    superuser
        .batch_execute(&format!(
            "alter database {name} reset default_transaction_read_only"
        ))
        .await
        .expect("promoted");
    spool.is_empty().await;
    assert_eq!(logged(&db, "call").await, ["call BUSY"]);
    assert_eq!(spool.refused(), [""; 0]);
    assert!(!node.log().contains(&url), "no password in the log");
}
