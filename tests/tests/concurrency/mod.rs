//! Many callers at once, on real connections: what a call sees is right at every instant, and nobody ever gets an
//! error for it. A module per question; here: how a crew of connections works together.

mod admin;
mod callers;
mod deletes;
mod facts;
mod gate;
pub mod held;
mod lock_order;
mod one_call;
mod overflow;
mod pauses;
mod reconcile;
mod rejects;
mod room;
mod round_robin;
mod seats;
mod settings;
mod spacing;
mod traffic;
mod weighted;

use std::future::Future;

use capconduit_tests::{Calls, SUPERUSER, TestDb};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;
use tokio_postgres::Client;

/// That many connections, as switches have them.
pub async fn crew(db: &TestDb, size: usize) -> Vec<Client> {
    let mut crew = Vec::with_capacity(size);
    for _ in 0..size {
        crew.push(db.asterisk().await);
    }
    crew
}

/// A role has a limit of connections, and tests run beside each other: one large crew at a time.
pub async fn crowd(size: usize) -> Option<MutexGuard<'static, ()>> {
    static CROWD: Mutex<()> = Mutex::const_new(());
    if size > 16 { Some(CROWD.lock().await) } else { None }
}

/// Everybody works at once; a failure of one is a failure of the test, and ends the others. Results come in no order.
pub async fn together<Worker, Work, Task>(crew: Vec<Worker>, work: Work) -> Vec<Task::Output>
where
    Work: Fn(usize, Worker) -> Task,
    Task: Future<Output: Send + 'static> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for (number, worker) in crew.into_iter().enumerate() {
        tasks.spawn(work(number, worker));
    }
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = tasks.join_next().await {
        results.push(result.unwrap_or_else(|failure| panic!("a worker failed: {failure}")));
    }
    results
}

/// Lists close a call a second after its first absence, not thirty. For connections made afterwards.
pub async fn close_quickly(db: &TestDb) {
    let sql = format!(
        "alter database {} set capconduit.absence_grace_seconds = 1",
        db.name()
    );
    db.superuser().await.batch_execute(&sql).await.unwrap();
}

/// A victim of a deadlock gets an error, which fails its worker; this finds those that nobody looked at.
pub async fn assert_no_deadlock(db: &TestDb) {
    let deadlocks: i64 = db
        .connect_as(SUPERUSER)
        .await
        .query_one(
            "select deadlocks from pg_stat_database where datname = current_database()",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(deadlocks, 0, "deadlocks");
}

/// Ends every call that is still in flight, as switches do in the end; then no link holds a slot.
pub async fn drain(db: &TestDb) {
    let superuser = db.superuser().await;
    let switch = db.asterisk().await;
    for row in superuser
        .query("select uniqueid, did_number from live_calls", &[])
        .await
        .unwrap()
    {
        let (uniqueid, did): (&str, &str) = (row.get(0), row.get(1));
        assert_eq!(
            switch.log(uniqueid, did, "CANCEL").await.unwrap().status,
            "logged"
        );
    }
    let busy: i64 = superuser
        .query_one("select count(*) from link_counters where active <> 0", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(busy, 0, "links hold slots without calls");
}
