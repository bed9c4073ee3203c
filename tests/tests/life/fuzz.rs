//! Nonsense from many sides at once: ugly values in every argument, some from a list and some made by chance, on the same
//! few calls, links and nodes. Every answer is a documented one, nothing deadlocks, and the books are right afterwards.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use capconduit_tests::{Random, rounds};

use crate::concurrency::{assert_no_deadlock, together};
use crate::sql::hostile::{FUNCTIONS, ask, good, still_well, target, ugly};

const CONNECTIONS: usize = 6;

/// Where characters are taken from: plain ones, controls, marks that combine or turn the direction, other planes.
const CHARACTERS: [(u32, u32); 7] = [
    (0x20, 0x7e),
    (0x01, 0x1f),
    (0x80, 0x24f),
    (0x300, 0x36f),
    (0x200b, 0x202e),
    (0x4e00, 0x9fff),
    (0x1f300, 0x1faff),
];

fn text(random: &mut Random) -> String {
    // Any length, or one beside the longest that some column takes.
    let length = match random.below(2) {
        0 => {
            let longest = [4, 60, 400, 3000][random.below(4)];
            random.below(longest)
        }
        _ => [24, 50, 100, 150, 255][random.below(5)] + random.below(4) - 1,
    };
    let (first, last) = CHARACTERS[random.below(CHARACTERS.len())];
    let mut character = || {
        let (first, last) = if random.chance(70) {
            (first, last)
        } else {
            CHARACTERS[0]
        };
        char::from_u32(first + random.below((last - first + 1) as usize) as u32).expect("no surrogate")
    };
    let text: String = (0..length).map(|_| character()).collect();
    format!("'{}'", text.replace('\'', "''"))
}

/// Of any size, as often small as large, and often beside a power of two.
fn number(random: &mut Random, bits: usize) -> i64 {
    let size = random.below(bits);
    let number = match random.below(3) {
        0 => (1_i64 << size).wrapping_sub(1),
        1 => 1_i64 << size,
        _ => random.number() as i64 & ((1_i64 << size) - 1),
    };
    if random.chance(30) { -number } else { number }
}

/// SQL for a value of this type that nobody thought of.
fn made(kind: &str, random: &mut Random) -> String {
    match kind {
        "text" => text(random),
        "integer" => number(random, 31).to_string(),
        "bigint" => number(random, 63).to_string(),
        // Up to some ten thousand years from now, in both directions (the calendar begins 4714 BC).
        "timestamptz" => format!("now() + {} * interval '1 second'", number(random, 37)),
        "text[]" => {
            let texts: Vec<String> = (0..random.below(20)).map(|_| text(random)).collect();
            format!("array[{}]::text[]", texts.join(", "))
        }
        other => panic!("nothing is made of type {other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ugly_values_from_many_connections() {
    let db = target().await;
    let mut crew = Vec::new();
    for _ in 0..CONNECTIONS {
        crew.push(db.superuser().await);
    }
    let number = Arc::new(AtomicUsize::new(0));
    let each = rounds(250, 20_000);
    // One seed for all: it draws for each connection what that one draws. How they interleave is chance all the same.
    let seed = Mutex::new(Random::seeded());
    let faults = together(crew, |_, client| {
        let number = number.clone();
        let mut random = seed.lock().expect("no panic").fork();
        async move {
            let mut faults = Vec::new();
            for _ in 0..each {
                let function = &FUNCTIONS[random.below(FUNCTIONS.len())];
                // Few numbers, so that the connections meet on the same calls.
                let mut values = good(function, number.fetch_add(1, Ordering::Relaxed) / 8);
                // Often one alone: among many, the first to be refused hides the others.
                let alone = random.chance(60).then(|| random.below(function.arguments.len()));
                for (place, (kind, _)) in function.arguments.iter().enumerate() {
                    if !alone.map_or_else(|| random.chance(30), |alone| alone == place) {
                        continue;
                    }
                    values[place] = if random.chance(50) {
                        made(kind, &mut random)
                    } else {
                        let choices = &ugly(kind)[..ugly(kind).len() - usize::from(*kind == "text[]")];
                        choices[random.below(choices.len())].to_owned()
                    };
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
