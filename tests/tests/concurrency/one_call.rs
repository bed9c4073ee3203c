//! One call, many voices: whatever is said of one uniqueid at the same moment, it has one slot, one answer and one
//! record.

use std::sync::Arc;

use capconduit_tests::{Calls, Link, Scenario, Strategy, Target, TestDb, Watch, assert_invariants, rounds};
use jiff::SignedDuration;
use tokio::sync::Barrier;
use tokio_postgres::Client;

use super::{assert_no_deadlock, close_quickly, crew, drain, together};

#[tokio::test]
async fn sixteen_times_the_same_route_takes_one_slot() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let calls = rounds(40, 500);
        let links = [
            Link::cap(calls as i32),
            Link::cap(calls as i32),
            Link::cap(calls as i32),
        ];
        let scenario = Scenario::new(&db.admin().await, strategy, &links).await;
        let start = Arc::new(Barrier::new(16));
        let did = scenario.did.clone();
        let answers: Vec<Vec<Target>> = together(crew(&db, 16).await, move |_, switch| {
            let (did, start) = (did.clone(), start.clone());
            async move {
                let mut answers = Vec::new();
                for call in 0..calls {
                    start.wait().await;
                    answers.push(switch.route(&did, &format!("call-{call}")).await.unwrap());
                }
                answers
            }
        })
        .await;
        for theirs in &answers {
            assert_eq!(theirs, &answers[0], "{strategy:?}");
        }
        let held: i64 = db
            .superuser()
            .await
            .query_one("select sum(active) from link_counters", &[])
            .await
            .unwrap()
            .get(0);
        assert_eq!(held, calls as i64, "{strategy:?}");
        assert_invariants(&db).await;
    }
}

#[tokio::test]
async fn sixteen_times_the_same_failure_moves_once() {
    let db = TestDb::new().await;
    let calls = rounds(40, 500);
    let scenario = Scenario::new(&db.admin().await, Strategy::Weighted, &[Link::cap(1000); 4]).await;
    let switch = db.asterisk().await;
    for call in 0..calls {
        switch
            .route(&scenario.did, &format!("call-{call}"))
            .await
            .unwrap();
    }
    let start = Arc::new(Barrier::new(16));
    let answers: Vec<Vec<Target>> = together(crew(&db, 16).await, move |_, switch| {
        let start = start.clone();
        async move {
            let mut answers = Vec::new();
            for call in 0..calls {
                start.wait().await;
                answers.push(switch.next(&format!("call-{call}"), 1, "BUSY").await.unwrap());
            }
            answers
        }
    })
    .await;
    for theirs in &answers {
        assert_eq!(theirs, &answers[0]);
    }
    assert!(answers[0].iter().all(|answer| answer.attempt == Some(2)));
    assert_invariants(&db).await;
}

/// Sixteen records of one call, without a reservation: one is written.
#[tokio::test]
async fn sixteen_times_the_same_record_is_one() {
    let db = TestDb::new().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(1)]).await;
    let calls = rounds(40, 500);
    let start = Arc::new(Barrier::new(16));
    let did = scenario.did.clone();
    let answers = together(crew(&db, 16).await, move |_, switch| {
        let (did, start) = (did.clone(), start.clone());
        async move {
            let mut logged = 0;
            for call in 0..calls {
                start.wait().await;
                let answer = switch
                    .log(&format!("call-{call}"), &did, "NOANSWER")
                    .await
                    .unwrap();
                logged += usize::from(answer.status == "logged");
            }
            logged
        }
    })
    .await;
    assert_eq!(answers.iter().sum::<usize>(), calls);
    assert_invariants(&db).await;
}

/// What can be said of a call at the same moment, by its switch, another one, its node, an operator.
#[derive(Debug, Clone, Copy)]
enum Voice {
    Route,
    Next,
    Answer,
    Log,
    LogAgain,
    Heartbeat,
    NodeStarted,
    Release,
}

const VOICES: [Voice; 8] = [
    Voice::Route,
    Voice::Next,
    Voice::Answer,
    Voice::Log,
    Voice::LogAgain,
    Voice::Heartbeat,
    Voice::NodeStarted,
    Voice::Release,
];

#[tokio::test]
async fn everything_at_once_leaves_one_record() {
    let calls = rounds(1000, 20_000);
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        close_quickly(&db).await;
        let links = [Link::cap(2), Link::cap(2), Link::cap(2)];
        let scenario = Scenario::new(&db.admin().await, strategy, &links).await;
        let watch = Watch::start(&db, std::time::Duration::from_millis(100)).await;
        let start = Arc::new(Barrier::new(VOICES.len()));
        let mut speakers = crew(&db, VOICES.len() - 1).await;
        // Release by hand is an administrator's.
        speakers.push(db.admin().await);
        let did = scenario.did.clone();
        let written: Vec<usize> = together(speakers, move |number, speaker| {
            let (did, start) = (did.clone(), start.clone());
            async move {
                let mut written = 0;
                for call in 0..calls {
                    start.wait().await;
                    written += usize::from(speak(VOICES[number], &speaker, &did, call).await);
                }
                written
            }
        })
        .await;
        watch.finish().await;
        assert_invariants(&db).await;
        // Two switches say how the call ended: one of them writes, the other hears that it was written.
        assert_eq!(written.iter().sum::<usize>(), calls, "{strategy:?}: {written:?}");
        drain(&db).await;
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

/// `true`: this voice wrote the true record.
async fn speak(voice: Voice, speaker: &Client, did: &str, call: usize) -> bool {
    let id = format!("call-{call}");
    // A node of its own, so that its lists concern nobody else.
    let node = format!("pbx-{call}");
    match voice {
        Voice::Route => {
            let target = speaker.route_on(did, &id, "+15550001111", &node).await.unwrap();
            let reason = target.reason.as_deref();
            assert!(
                target.is_ok() || reason == Some("call_ended"),
                "room for every call: {target:?}"
            );
        }
        Voice::Next => {
            speaker.next(&id, 1, "BUSY").await.unwrap();
        }
        Voice::Answer => {
            speaker.answered(&id).await.unwrap();
        }
        Voice::Log | Voice::LogAgain => {
            let logged = speaker.log(&id, did, "ANSWERED").await.unwrap();
            return logged.status != "duplicate";
        }
        Voice::Heartbeat => {
            let now = speaker.database_time().await.unwrap();
            // Two lists without the call; a list may be dated a few seconds ahead, which spares the grace time.
            for taken_at in [now, now + SignedDuration::from_millis(1500)] {
                speaker.heartbeat(&node, "one", taken_at, &[]).await.unwrap();
            }
        }
        Voice::NodeStarted => {
            let now = speaker.database_time().await.unwrap();
            speaker.node_started(&node, now, "one").await.unwrap();
        }
        Voice::Release => {
            speaker.release(&id, "by hand").await.unwrap();
        }
    }
    false
}
