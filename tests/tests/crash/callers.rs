//! Callers that call again, over a crash: who was told that a call is recorded as answered finds its caller refused afterwards, and whose call
//! was in flight is in flight for the rule.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capconduit_tests::{Calls, Link, Random, Scenario, Strategy, TestDb, assert_invariants, rounds};
use tokio_postgres::Client;

use super::{Crashable, soon};

/// What the switch knows of a call of a caller that calls once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Told {
    /// It has asked, and heard nothing.
    Nothing,
    InFlight,
    Answered,
    NotAnswered,
}

struct Load {
    did: String,
    /// By the caller.
    told: Mutex<BTreeMap<String, Told>>,
}

impl Load {
    fn note(&self, caller: &str, told: Told) {
        self.told.lock().unwrap().insert(caller.to_owned(), told);
    }

    /// Until the server is gone.
    async fn work(self: Arc<Self>, round: usize, number: usize, switch: Client, mut random: Random) {
        for call in 0.. {
            let caller = format!("+49{round:02}{number:02}{call:06}");
            self.note(&caller, Told::Nothing);
            let Ok(target) = switch.route_on(&self.did, &caller, &caller, "pbx1").await else {
                return;
            };
            target.link();
            self.note(&caller, Told::InFlight);
            let (status, told) = match random.below(3) {
                0 => continue,
                1 => ("ANSWERED", Told::Answered),
                _ => ("NOANSWER", Told::NotAnswered),
            };
            self.note(&caller, Told::Nothing);
            if switch.log(&caller, &self.did, status).await.is_err() {
                return;
            }
            self.note(&caller, told);
        }
    }
}

#[tokio::test]
async fn whom_a_rule_remembers_is_remembered_after_kill_9() {
    const WORKERS: usize = 8;
    let mut random = Random::seeded();
    let server = Crashable::start(&[]).await;
    let db = server.database().await;
    let links = [Link::cap(100_000), Link::cap(100_000)];
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &links).await;
    let rules = r#"update campaigns set caller_rules = '[{"after": "answered", "action": "reject"}]'"#;
    db.superuser().await.batch_execute(rules).await.unwrap();
    let load = Arc::new(Load {
        did: scenario.did.clone(),
        told: Mutex::default(),
    });
    for round in 0..rounds(3, 20) {
        let mut tasks = Vec::new();
        for number in 0..WORKERS {
            let work = load
                .clone()
                .work(round, number, db.asterisk().await, random.fork());
            tasks.push(tokio::spawn(work));
        }
        tokio::time::sleep(Duration::from_millis(500 + random.below(500) as u64)).await;
        let stall = server.stall(&db).await;
        tokio::time::sleep(Duration::from_millis(random.below(400) as u64)).await;
        server.crash(stall).await;
        for task in tasks {
            soon(task).await.expect("a worker ends with its server");
        }
        assert_remembered(&db, &load).await;
    }
}

async fn assert_remembered(db: &TestDb, load: &Load) {
    assert_invariants(db).await;
    let told = load.told.lock().unwrap().clone();
    let callers: Vec<&str> = told.keys().map(String::as_str).collect();
    // What each caller's next call would hear, and what there is of the first one.
    let sql = "
        select c,
               (select concat_ws(' ', min(e.reason), min(e.detail -> 'stopped_by' ->> 'in_flight'))
                  from explain_call($1, caller => c) e),
               coalesce((select g.call_status from call_logs g where g.asterisk_uniqueid = c),
                        (select 'in flight' from live_calls l where l.uniqueid = c), 'never came')
          from unnest($2::text[]) c";
    let rows = db
        .superuser()
        .await
        .query(sql, &[&load.did, &callers])
        .await
        .unwrap();
    let mut seen: HashMap<Told, usize> = HashMap::new();
    for row in rows {
        let (caller, next, first): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let told = told[&caller];
        let expected = match told {
            Told::Nothing => first.as_str(),
            Told::InFlight => "in flight",
            Told::Answered => "ANSWERED",
            Told::NotAnswered => "NOANSWER",
        };
        assert_eq!(first, expected, "{caller}: {told:?}");
        let expected = match first.as_str() {
            "ANSWERED" => "duplicate_caller",
            "in flight" => "duplicate_caller 1",
            _ => "eligible",
        };
        assert_eq!(next, expected, "{caller}: {told:?}, {first}");
        *seen.entry(told).or_default() += 1;
    }
    println!("{seen:?}");
    assert_eq!(seen.len(), 4, "{seen:?}");
    // And whoever calls hears it.
    let switch = db.asterisk().await;
    for kind in [Told::InFlight, Told::Answered] {
        let (caller, _) = told
            .iter()
            .rfind(|(_, told)| **told == kind)
            .expect("one of each");
        let again = switch.route_on(&load.did, "again", caller, "pbx1").await.unwrap();
        assert_eq!(again.reject_reason(), "duplicate_caller", "{caller}: {kind:?}");
    }
}
