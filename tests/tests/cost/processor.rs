//! Processor time of a call in its own backend, to the nanosecond as the kernel accounts it, beside a plain
//! join of the same tables that the same backend answers at the same time. `SELECT 1` is no measure here: it fits into the
//! first cache, which a call does not. Other tests take the processor away meanwhile, which is not counted; but they take
//! its caches too. So all are measured in many short turns, and the cheapest turns are compared: what each costs when
//! nobody disturbs it.
//!
//! Nothing waits for the disk here (synchronous_commit is off): how long a flush takes is not the call's own cost.

use tokio_postgres::{Client, Statement};

use super::{Account, hold_the_full_campaign, platform};

const TURNS: usize = 80;
const CALLS: usize = 20;

/// A machine may be busy through all turns of one try. A call that has become dearer is so in every one.
const TRIES: usize = 4;

/// A call, and how many joins it may cost: what was measured (0.22, 0.37, 0.33, 0.56, 0.56) and a fifth of it.
const BOUNDS: [(&str, f64); 5] = [
    ("preview_route", 0.27),
    ("explain_route", 0.45),
    ("reject", 0.40),
    ("route_call", 0.68),
    ("log_call", 0.68),
];

/// What is measured, `n` being the number of the call: first PostgreSQL's own, the links of a number by a plain join.
const MEASURED: [(&str, &str); 1 + BOUNDS.len()] = [
    (
        "plain_join",
        "capconduit.dids d
           join capconduit.users u on u.id = d.user_id
           join capconduit.campaign_dids a on a.did_id = d.id
           join capconduit.campaigns c on c.id = a.campaign_id
           join capconduit.campaign_client_settings s on s.campaign_id = c.id
           join capconduit.clients k on k.id = s.client_id
           join capconduit.link_counters r on r.link_id = s.id
          where d.number = '+1777' || lpad((n * 7 % 1000 + 1)::text, 7, '0')
          order by s.forwarding_priority, s.id",
    ),
    (
        "preview_route",
        "capconduit.preview_route('+1777' || lpad((n * 7 % 1000 + 1)::text, 7, '0'))",
    ),
    (
        "explain_route",
        "capconduit.explain_route('+1777' || lpad((n * 7 % 1000 + 1)::text, 7, '0'))",
    ),
    ("reject", "capconduit.route_call('+17779000001', 'pbx2-1.' || n)"),
    (
        "route_call",
        "capconduit.route_call('+1777' || lpad((n * 7 % 1000 + 1)::text, 7, '0'), 'pbx1-1.' || n)",
    ),
    (
        "log_call",
        "capconduit.log_call('pbx1-1.' || n, '+1777' || lpad((n * 7 % 1000 + 1)::text, 7, '0'), 'ANSWERED')",
    ),
];

struct Backend {
    client: Client,
    account: Account,
}

impl Backend {
    /// A function for each, which makes CALLS calls: the backend works on for a millisecond, and does not wait for the
    /// next question while others take the processor and its caches.
    async fn prepare(&self) -> Vec<Statement> {
        let mut turns = Vec::new();
        for (name, call) in MEASURED {
            let sql = format!(
                "create function bench.{name}(first integer) returns void language plpgsql
                    set plan_cache_mode = force_generic_plan
                 as $$ begin for n in first .. first + {CALLS} - 1 loop perform * from {call}; end loop; end $$"
            );
            self.client.batch_execute(&sql).await.unwrap();
            let turn = self.client.prepare(&format!("select bench.{name}($1)")).await;
            turns.push(turn.unwrap());
        }
        turns
    }

    /// How many times the join each call costs, by the cheapest turn of each.
    async fn measure(&self, turns: &[Statement], first: usize) -> [f64; BOUNDS.len()] {
        let mut cheapest = [f64::INFINITY; 1 + BOUNDS.len()];
        for turn in first..first + TURNS {
            for (cheapest, statement) in cheapest.iter_mut().zip(turns) {
                let before = self.account.used();
                self.client
                    .query(statement, &[&((turn * CALLS) as i32)])
                    .await
                    .expect("calls that are measured");
                *cheapest = cheapest.min((self.account.used() - before) as f64);
            }
        }
        let [join, calls @ ..] = cheapest;
        calls.map(|spent| spent / join)
    }
}

#[tokio::test]
async fn a_call_takes_no_more_processor_time_than_it_must() {
    let db = platform().await;
    hold_the_full_campaign(&db).await;
    let client = db.superuser().await;
    client
        .batch_execute("set synchronous_commit = off")
        .await
        .unwrap();
    let account = Account::of(&client).await;
    let backend = Backend { client, account };
    let turns = backend.prepare().await;
    let mut least = [f64::INFINITY; BOUNDS.len()];
    for run in 0..TRIES {
        let costs = backend.measure(&turns, run * TURNS).await;
        for (least, cost) in least.iter_mut().zip(costs) {
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
