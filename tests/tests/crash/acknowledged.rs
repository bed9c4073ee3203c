//! Load, a disk that stalls, switches that ask again elsewhere, and a crash: whatever anybody was told is there
//! afterwards, and every counter agrees with its rows.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use capconduit_tests::{Calls, Link, Random, Scenario, Strategy, TestDb, assert_invariants, rounds};
use tokio_postgres::{Client, Error};

use super::{Crashable, soon};

/// What somebody was told.
#[derive(Debug)]
enum Told {
    /// The call is known, at this attempt or a later one.
    Attempt(String, i32),
    /// There is a record of the call.
    Recorded(String),
}

struct Load {
    did: String,
    /// What each worker is asking just now, for those who ask again.
    asking: Mutex<Vec<Option<(String, Question)>>>,
    told: Mutex<Vec<Told>>,
}

#[derive(Debug, Clone, Copy)]
enum Question {
    Route,
    Next,
    Log,
}

impl Load {
    fn note(&self, told: Told) {
        self.told.lock().unwrap().push(told);
    }

    async fn ask(&self, switch: &Client, id: &str, question: Question) -> Result<(), Error> {
        match question {
            Question::Route => {
                let target = switch.route(&self.did, id).await?;
                self.note_target(id, target.is_ok(), target.reason.as_deref(), 1);
            }
            Question::Next => {
                let target = switch.next(id, 1, "BUSY").await?;
                self.note_target(id, target.is_ok(), target.reason.as_deref(), 2);
            }
            Question::Log => {
                switch.log(id, &self.did, "ANSWERED").await?;
                self.note(Told::Recorded(id.to_owned()));
            }
        }
        Ok(())
    }

    fn note_target(&self, id: &str, ok: bool, reason: Option<&str>, attempt: i32) {
        if ok {
            self.note(Told::Attempt(id.to_owned(), attempt));
        } else if reason == Some("call_ended") {
            self.note(Told::Recorded(id.to_owned()));
        }
    }
}

/// Until the server is gone.
async fn work(load: Arc<Load>, round: usize, number: usize, switch: Client, mut random: Random) {
    for call in 0.. {
        let id = format!("{round}-{number}-{call}");
        for question in [Question::Route, Question::Next, Question::Log] {
            // Some calls are never heard of again, some never move.
            if (matches!(question, Question::Next) && random.chance(50))
                || (matches!(question, Question::Log) && random.chance(10))
            {
                continue;
            }
            load.asking.lock().unwrap()[number] = Some((id.clone(), question));
            if load.ask(&switch, &id, question).await.is_err() {
                return;
            }
        }
    }
}

/// The switch asks again what was not answered, on connections of its own, and asks for more than it was told.
async fn ask_again(load: Arc<Load>, number: usize, switch: Client) {
    let asked = load.asking.lock().unwrap()[number].clone();
    let Some((id, question)) = asked else { return };
    for again in [question, Question::Route] {
        if load.ask(&switch, &id, again).await.is_err() {
            return;
        }
    }
}

/// As if the present hours had begun long before the first call, and their last instant were now.
const END_HOURS: &str = "\
    begin;
    update link_windows set starts_at = now() - interval '100 days', ends_at = clock_timestamp(), active = 0, unsettled = 0,
           offered = 0, answered = 0, qualified = 0
     where span = 'hour';
    update link_counters n set windows_until = w.ends_at from link_windows w where w.link_id = n.link_id and w.span = 'hour';
    update meter_windows set starts_at = now() - interval '100 days', ends_at = clock_timestamp(), active = 0, unsettled = 0,
           offered = 0, answered = 0, qualified = 0
     where span = 'hour';
    update meters n set windows_until = w.ends_at from meter_windows w where w.meter_id = n.id and w.span = 'hour';
    commit";

#[tokio::test]
async fn what_was_answered_survives_kill_9() {
    const WORKERS: usize = 12;
    let mut random = Random::seeded();
    let server = Crashable::start(&[]).await;
    let db = server.database().await;
    let links = [Link::cap(100_000), Link::cap(100_000), Link::cap(100_000)];
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &links).await;
    // The first client's caps are met in each round, the others' are there, and those of what else a call is counted by.
    let caps = format!(
        "insert into caps (client_id, counts, span, set_by, max_calls)
         select id, 'answered', 'hour', 'platform', case id when {} then 40 else 1000000 end from clients;
         insert into caps (did_id, counts, span, set_by, max_calls)
         select id, 'offered', 'hour', 'seller', 1000000 from dids;
         insert into caps (campaign_id, counts, span, set_by, max_calls)
         select id, 'qualified', 'day', 'seller', 1000000 from campaigns;
         insert into caps (user_id, counts, span, set_by, max_calls)
         select distinct user_id, 'answered', 'total', 'platform', 1000000 from campaigns",
        scenario.client_ids[0]
    );
    db.superuser().await.batch_execute(&caps).await.unwrap();
    let load = Arc::new(Load {
        did: scenario.did.clone(),
        asking: Mutex::new(vec![None; WORKERS]),
        told: Mutex::default(),
    });
    for round in 0..rounds(4, 40) {
        // Windows begin anew while calls come, and the server dies in the middle of them.
        db.superuser().await.batch_execute(END_HOURS).await.unwrap();
        let mut tasks = Vec::new();
        let mut repeaters = Vec::new();
        for number in 0..WORKERS {
            let switch = db.asterisk().await;
            tasks.push(tokio::spawn(work(
                load.clone(),
                round,
                number,
                switch,
                random.fork(),
            )));
            let repeater = db.asterisk().await;
            // Loads the library: a backend's first call reads much.
            repeater.answered("nobody").await.unwrap();
            repeaters.push(repeater);
        }
        tokio::time::sleep(Duration::from_millis(500 + random.below(500) as u64)).await;
        let stall = server.stall(&db).await;
        // Everybody's question is committed by now, or waits behind one that is.
        tokio::time::sleep(Duration::from_millis(200)).await;
        for (number, repeater) in repeaters.into_iter().enumerate() {
            tasks.push(tokio::spawn(ask_again(load.clone(), number, repeater)));
        }
        tokio::time::sleep(Duration::from_millis(random.below(400) as u64)).await;
        server.crash(stall).await;
        for task in tasks {
            soon(task).await.expect("a worker ends with its server");
        }
        assert_all_there(&db, &load).await;
    }
    println!("{} answers", load.told.lock().unwrap().len());
}

async fn assert_all_there(db: &TestDb, load: &Load) {
    assert_invariants(db).await;
    let superuser = db.superuser().await;
    let attempts = "select uniqueid, attempt from live_calls union all \
                    select asterisk_uniqueid, attempts from call_logs";
    let known: std::collections::HashMap<String, i32> = superuser
        .query(attempts, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let recorded: std::collections::HashSet<String> = superuser
        .query("select asterisk_uniqueid from call_logs", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let told = load.told.lock().unwrap();
    assert!(!told.is_empty(), "nobody was told anything");
    let lost: Vec<&Told> = told
        .iter()
        .filter(|told| match told {
            Told::Attempt(id, attempt) => known.get(id).is_none_or(|known| known < attempt),
            Told::Recorded(id) => !recorded.contains(id),
        })
        .collect();
    assert!(lost.is_empty(), "told, and lost in the crash: {lost:?}");
}
