//! Tests of the desk: who is let in next, and who waits.

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::access::throttle::{Source, key};

fn stranger(n: u32) -> Who {
    let address = IpAddr::V4(Ipv4Addr::from(0x0b00_0000 + (n << 16)));
    Who::new(key("account", &n.to_be_bytes()), Source::Stranger(address))
}

fn known(n: u32) -> Who {
    Who::new(stranger(n).account, Source::Known(key("known", &n.to_be_bytes())))
}

/// Asks for a place; the answer comes later.
fn ask(desk: &Arc<Desk>, who: Who) -> tokio::task::JoinHandle<Answer> {
    let desk = desk.clone();
    tokio::spawn(async move { desk.enter(Some(who), None).await })
}

async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

fn turn(answer: Answer) -> Turn {
    match answer {
        Ok(Place::Turn(turn)) => turn,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn right_passwords_wait_and_are_never_refused_for_being_many() {
    let desk = Desk::new(3);
    let asked: Vec<_> = (0..100).map(|_| ask(&desk, stranger(1))).collect();
    for one in asked {
        turn(one.await.unwrap()).settle(true);
    }
    assert!(desk.lock().known.waiting.is_empty() && desk.lock().tickets == 0);
}

#[tokio::test]
async fn wrong_ones_at_once_get_no_more_than_one_after_another() {
    let desk = Desk::new(7);
    let asked: Vec<_> = (0..100).map(|_| ask(&desk, stranger(1))).collect();
    let mut looked_at = 0;
    for one in asked {
        if let Ok(place) = one.await.unwrap() {
            looked_at += 1;
            turn(Ok(place)).settle(false);
        }
    }
    assert_eq!(looked_at, 5);
}

#[tokio::test]
async fn who_sends_many_waits_behind_itself_alone() {
    let desk = Desk::new(1);
    let first = turn(desk.enter(None, None).await);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut asked = Vec::new();
    // Forty of one stranger, then one of another, then one of somebody known.
    for who in (0..40).map(|_| stranger(1)).chain([stranger(2), known(3)]) {
        let (desk, order) = (desk.clone(), order.clone());
        asked.push(tokio::spawn(async move {
            let turn = turn(desk.enter(Some(who), None).await);
            order.lock().unwrap().push(who.account);
            turn.settle(true);
        }));
        settle().await;
    }
    drop(first);
    for one in asked {
        one.await.unwrap();
    }
    let order = order.lock().unwrap();
    let place = |who: Who| order.iter().position(|account| *account == who.account);
    // The turn before was no stranger's, so one of the forty comes first.
    assert_eq!(place(known(3)), Some(1));
    assert_eq!(place(stranger(2)), Some(2));
}

#[tokio::test]
async fn equal_logins_are_let_in_by_one_hash() {
    let desk = Desk::new(1);
    let proof = secret::hash("stored and given");
    let first = turn(desk.enter(Some(stranger(1)), Some(proof)).await);
    let others: Vec<_> = (0..50)
        .map(|n| {
            let desk = desk.clone();
            let proof = secret::hash(if n % 2 == 0 { "stored and given" } else { "another" });
            tokio::spawn(async move { desk.enter(Some(stranger(1)), Some(proof)).await })
        })
        .collect();
    settle().await;
    first.settle(true);
    let mut hashed = 0;
    for one in others {
        if let Place::Turn(turn) = one.await.unwrap().unwrap() {
            hashed += 1;
            turn.settle(true);
        }
    }
    // The first of the others lets the rest of them in.
    assert_eq!(hashed, 1);
}

#[tokio::test]
async fn whoever_goes_away_leaves_nothing() {
    let desk = Desk::new(1);
    let held = turn(desk.enter(None, None).await);
    for n in 0..10_000 {
        let gone = ask(&desk, stranger(n % 50));
        tokio::task::yield_now().await;
        gone.abort();
        let _ = gone.await;
    }
    assert!(desk.lock().tickets <= SWEEP_AT, "{}", desk.lock().tickets);
    drop(held);
    settle().await;
    assert_eq!(desk.lock().free, 1);
    turn(desk.enter(Some(stranger(1)), None).await).settle(true);
    // Gone in the moment in which the place was given.
    let given = ask(&desk, stranger(2));
    settle().await;
    assert_eq!(desk.lock().free, 0);
    drop(given.await);
    assert_eq!(desk.lock().free, 1);
}
