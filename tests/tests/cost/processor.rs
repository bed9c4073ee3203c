//! Processor time of a call in its own backend, to the nanosecond as the kernel accounts it, beside a plain
//! join of the same tables that the same backend answers at the same time. `SELECT 1` is no measure here: it fits into the
//! first cache, which a call does not. Other tests take the processor away meanwhile, which is not counted; but they take
//! its caches too. So all are measured in many short turns, and the cheapest turns are compared: what each costs when
//! nobody disturbs it.
//!
//! Nothing waits for the disk here (synchronous_commit is off): how long a flush takes is not the call's own cost.

use std::fs;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::{FULL, hold_the_full_campaign, number, platform};

const TURNS: usize = 80;
const CALLS: usize = 20;

/// A machine may be busy through all turns of one try. A call that has become dearer is so in every one.
const TRIES: usize = 4;

/// A call, and how many times the join it may cost.
const BOUNDS: [(&str, f64); 4] = [
    ("explain_route", 1.38),
    ("reject", 1.28),
    ("route_call", 1.95),
    ("log_call", 1.83),
];

/// PostgreSQL's own: the links of a number by a plain join, its plan kept.
const JOIN: &str = "select s.id, k.client_identifier, s.max_concurrency, n.active, n.total
      from dids d
      join users u on u.id = d.user_id
      join campaign_dids a on a.did_id = d.id
      join campaigns c on c.id = a.campaign_id
      join campaign_client_settings s on s.campaign_id = c.id
      join clients k on k.id = s.client_id
      join link_counters n on n.link_id = s.id
     where d.number = $1
     order by s.forwarding_priority, s.id";
struct Backend {
    client: Client,
    account: String,
}

impl Backend {
    /// Nanoseconds on a processor so far.
    fn used(&self) -> f64 {
        let text = fs::read_to_string(&self.account).expect("the kernel's account of the backend");
        text.split(' ')
            .next()
            .and_then(|first| first.parse().ok())
            .expect("nanoseconds")
    }

    /// Nanoseconds of one of these calls.
    async fn turn(&self, statement: &Statement, parameters: impl Fn(usize) -> Vec<String>) -> f64 {
        let before = self.used();
        for call in 0..CALLS {
            let parameters = parameters(call);
            let parameters: Vec<_> = parameters
                .iter()
                .map(|text| text as &(dyn ToSql + Sync))
                .collect();
            self.client
                .query(statement, &parameters)
                .await
                .expect("a statement that is measured");
        }
        (self.used() - before) / CALLS as f64
    }
}

/// How many times the join each call costs, by the cheapest turn of each.
async fn measure(backend: &Backend, run: usize) -> [f64; BOUNDS.len()] {
    let client = &backend.client;
    let join = client.prepare(JOIN).await.unwrap();
    let explain = client.prepare("select * from explain_route($1)").await.unwrap();
    let route = client.prepare("select * from route_call($1, $2)").await.unwrap();
    let log = client
        .prepare("select * from log_call($1, $2, 'ANSWERED')")
        .await
        .unwrap();
    let mut cheapest = [f64::INFINITY; 1 + BOUNDS.len()];
    for turn in 0..TURNS {
        let did = |call| number(turn * CALLS + call);
        let id = |call| format!("pbx1-{run}.{}", turn * CALLS + call);
        let spent = [
            backend.turn(&join, |call| vec![did(call)]).await,
            backend.turn(&explain, |call| vec![did(call)]).await,
            backend.turn(&route, |call| vec![FULL.to_owned(), id(call)]).await,
            backend.turn(&route, |call| vec![did(call), id(call)]).await,
            backend.turn(&log, |call| vec![id(call), did(call)]).await,
        ];
        for (cheapest, spent) in cheapest.iter_mut().zip(spent) {
            *cheapest = cheapest.min(spent);
        }
    }
    let [join, calls @ ..] = cheapest;
    calls.map(|spent| spent / join)
}

#[tokio::test]
async fn a_call_takes_no_more_processor_time_than_it_must() {
    let db = platform().await;
    hold_the_full_campaign(&db).await;
    let client = db.superuser().await;
    client
        .batch_execute("set synchronous_commit = off; set plan_cache_mode = force_generic_plan")
        .await
        .unwrap();
    let pid: i32 = client
        .query_one("select pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let backend = Backend {
        client,
        account: format!("/proc/{pid}/schedstat"),
    };
    let mut least = [f64::INFINITY; BOUNDS.len()];
    for run in 0..TRIES {
        for (least, cost) in least.iter_mut().zip(measure(&backend, run).await) {
            *least = least.min(cost);
        }
        if BOUNDS.iter().zip(least).all(|((_, bound), cost)| cost <= *bound) {
            return;
        }
    }
    panic!(
        "a call has become dearer (is the extension built for release?): {least:.2?} joins, {BOUNDS:?} are allowed"
    );
}
