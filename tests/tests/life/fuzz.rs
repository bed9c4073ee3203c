//! Nonsense from many sides at once: ugly values in every argument, on the same few calls, links and nodes. Every answer is
//! a documented one, nothing deadlocks, and the books are right afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use capconduit_tests::{Random, rounds};

use crate::concurrency::{assert_no_deadlock, together};
use crate::sql::hostile::{FUNCTIONS, ask, good, still_well, target, ugly};

const CONNECTIONS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ugly_values_from_many_connections() {
    let db = target().await;
    let mut crew = Vec::new();
    for _ in 0..CONNECTIONS {
        crew.push(db.superuser().await);
    }
    let number = Arc::new(AtomicUsize::new(0));
    let each = rounds(250, 20_000);
    let faults = together(crew, |_, client| {
        let number = number.clone();
        async move {
            let mut random = Random::seeded();
            let mut faults = Vec::new();
            for _ in 0..each {
                let function = &FUNCTIONS[random.below(FUNCTIONS.len())];
                // Few numbers, so that the connections meet on the same calls.
                let mut values = good(function, number.fetch_add(1, Ordering::Relaxed) / 8);
                for (place, (kind, _)) in function.arguments.iter().enumerate() {
                    if random.chance(30) {
                        let choices = &ugly(kind)[..ugly(kind).len() - usize::from(*kind == "text[]")];
                        values[place] = choices[random.below(choices.len())].to_owned();
                    }
                }
                faults.extend(ask(&client, function, &values).await.err());
            }
            faults
        }
    })
    .await
    .concat();
    assert!(faults.is_empty(), "{} faults: {faults:#?}", faults.len());
    assert_no_deadlock(&db).await;
    still_well(&db).await;
}
