//! A switch that got no answer asks again, on another connection. The answer then rests on what the first one
//! committed, and must be as durable: it waits for the disk although it writes nothing itself.

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, assert_invariants};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::{A_WHILE, Crashable, Stall, soon, until};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Said {
    Route,
    Next,
    Answered,
    Log,
    Release,
}
use Said::*;

/// What was said and answered before, what is said when the disk stalls, what is asked on another connection then.
const CASES: [(&[Said], Said, Said); 10] = [
    (&[], Route, Route),
    (&[Route], Next, Next),
    (&[Route], Next, Route),
    (&[Route], Log, Log),
    (&[Route], Log, Route),
    (&[Route], Log, Next),
    (&[Route], Log, Answered),
    (&[Route], Log, Release),
    (&[Route], Release, Log),
    (&[], Log, Log),
];

/// The answer as text, to be compared.
async fn say(said: Said, client: &Client, did: &str, id: &str) -> String {
    match said {
        Route => format!("{:?}", client.route(did, id).await.unwrap()),
        Next => format!("{:?}", client.next(id, 1, "BUSY").await.unwrap()),
        Answered => client.answered(id).await.unwrap(),
        Log => format!("{:?}", client.log(id, did, "ANSWERED").await.unwrap()),
        Release => format!("{:?}", client.release(id, "by hand").await.unwrap()),
    }
}

/// All cases at once, each on connections of its own; nobody has an answer. Their firsts, and their seconds.
async fn ask_all(
    server: &Crashable,
    db: &TestDb,
) -> (Stall, Vec<JoinHandle<String>>, Vec<JoinHandle<String>>) {
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(99); 2]).await;
    let id = |case: usize| format!("call-{case}");

    let (mut first_speakers, mut second_speakers) = (Vec::new(), Vec::new());
    for (case, (before, ..)) in CASES.iter().enumerate() {
        let (first, second) = (db.superuser().await, db.superuser().await);
        for &said in *before {
            say(said, &first, &scenario.did, &id(case)).await;
        }
        // Loads the library: a backend's first call reads much.
        second.answered("nobody").await.unwrap();
        first_speakers.push(first);
        second_speakers.push(second);
    }
    let stall = server.stall(db).await;
    let ask = |speakers: Vec<Client>, said: fn(usize) -> Said| -> Vec<JoinHandle<String>> {
        let asking = speakers.into_iter().enumerate().map(|(case, speaker)| {
            let (did, id) = (scenario.did.clone(), id(case));
            tokio::spawn(async move { say(said(case), &speaker, &did, &id).await })
        });
        asking.collect()
    };
    let firsts = ask(first_speakers, |case| CASES[case].1);
    let waiting = format!(
        "select count(*) > {} from pg_stat_activity
          where lower(wait_event) in ('walsync', 'walwrite', 'walwritelock')",
        CASES.len()
    );
    until(db, &waiting).await;
    let seconds = ask(second_speakers, |case| CASES[case].2);
    tokio::time::sleep(A_WHILE).await;
    for (case, (first, second)) in firsts.iter().zip(&seconds).enumerate() {
        assert!(
            !first.is_finished(),
            "{:?}: the first was answered before it was durable",
            CASES[case]
        );
        assert!(
            !second.is_finished(),
            "{:?}: the second was answered before it was durable",
            CASES[case]
        );
    }
    (stall, firsts, seconds)
}

#[tokio::test]
async fn a_repetition_waits_for_what_it_saw() {
    let server = Crashable::start(&[]).await;
    the_disk_comes_back(&server).await;
    the_power_fails(&server).await;
}

async fn records(db: &TestDb) -> i64 {
    let sql = "select count(*) from call_logs";
    db.superuser().await.query_one(sql, &[]).await.unwrap().get(0)
}

/// How many cases have a record in the end.
const RECORDED: i64 = 7;

async fn the_disk_comes_back(server: &Crashable) {
    let db = server.database().await;
    let (stall, firsts, seconds) = ask_all(server, &db).await;
    drop(stall);
    for ((first, second), (_, said, asked)) in firsts.into_iter().zip(seconds).zip(CASES) {
        let (first, second) = (soon(first).await.unwrap(), soon(second).await.unwrap());
        let expected = match (said, asked) {
            (Log, Log) => "duplicate",
            (Release, Log) => "corrected",
            (Log, Answered | Release) => "not_in_flight",
            (Log, Route | Next) => "call_ended",
            _ => first.as_str(),
        };
        assert!(
            second.contains(expected),
            "{said:?}: {first}, {asked:?}: {second}"
        );
    }
    assert_eq!(records(&db).await, RECORDED);
    assert_invariants(&db).await;
}

async fn the_power_fails(server: &Crashable) {
    let db = server.database().await;
    let (stall, firsts, seconds) = ask_all(server, &db).await;
    // What was committed and is not yet durable is seen by others: its locks are gone.
    assert_eq!(records(&db).await, RECORDED);
    server.crash(stall).await;
    for asked in firsts.into_iter().chain(seconds) {
        assert!(
            soon(asked).await.is_err(),
            "the server went away without an answer"
        );
    }
    assert_invariants(&db).await;
    // Not an exercise: the crash did take what nobody had been told.
    assert_eq!(records(&db).await, 0);
    let moved = "select count(*) from live_calls where attempt > 1";
    let moved: i64 = db.superuser().await.query_one(moved, &[]).await.unwrap().get(0);
    assert_eq!(moved, 0);
}
