//! Weighted shares are exactly proportional: chi-square at 0.1 %, on draws of many connections. A correct draw
//! fails once in a thousand runs, so a failure counts only when an independent repetition fails as well.

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, rounds};

use super::{crew, together};

/// Above this, chance explains the deviation once in a thousand times. By the degrees of freedom.
fn critical(degrees: usize) -> f64 {
    match degrees {
        1 => 10.828,
        2 => 13.816,
        25 => 52.620,
        _ => unreachable!("look up the value for {degrees} degrees of freedom"),
    }
}

#[tokio::test]
async fn shares_follow_the_weights() {
    for weights in [vec![1, 1], vec![1, 2], vec![5, 1, 1], vec![70, 30], vec![100; 26]] {
        let links: Vec<Link> = weights
            .iter()
            .map(|&weight| Link::cap(1_000_000).weight(weight))
            .collect();
        assert_shares(&links, &weights).await;
    }
}

#[tokio::test]
async fn the_share_of_a_full_link_goes_to_the_others_in_proportion() {
    let open = Link::cap(1_000_000);
    // Closed by its total, which every draw meets as a full link.
    let links = [
        open.weight(50).allowed(0),
        open.weight(20),
        open.weight(40),
        open.weight(30),
    ];
    assert_shares(&links, &[0, 20, 40, 30]).await;
}

#[tokio::test]
async fn a_failover_draws_among_the_rest() {
    let open = Link::cap(1_000_000);
    let deviation = |counts: &[i64]| chi_square(&counts[1..], &[1, 2]);
    let mut last = Vec::new();
    for _ in 0..2 {
        let db = TestDb::new().await;
        let admin = db.admin().await;
        let links = [open.weight(1000), open.weight(10), open.weight(20)];
        let scenario = Scenario::new(&admin, Strategy::Weighted, &links).await;
        let first = scenario.link_ids[0];
        let did = scenario.did.clone();
        let calls = rounds(1500, 20_000) / 16;
        together(crew(&db, 16).await, move |number, switch| {
            let did = did.clone();
            async move {
                for call in 0..calls {
                    let id = format!("{number}-{call}");
                    if switch.route(&did, &id).await.unwrap().link() == first {
                        switch.next(&id, 1, "BUSY").await.unwrap().link();
                    } else {
                        // Its second draw would be another one.
                        switch.log(&id, &did, "CANCEL").await.unwrap();
                    }
                }
            }
        })
        .await;
        last = held(&db).await;
        if deviation(&last) <= critical(1) {
            return;
        }
    }
    panic!("twice not 1 : 2 after a failover: {last:?}");
}

async fn assert_shares(links: &[Link], weights: &[i32]) {
    let degrees = weights.iter().filter(|&&weight| weight > 0).count() - 1;
    let mut deviations = Vec::new();
    for _ in 0..2 {
        let counts = draw(links).await;
        let deviation = chi_square(&counts, weights);
        println!(
            "{weights:?}: {counts:?}, chi-square {deviation:.2} of {}",
            critical(degrees)
        );
        if deviation <= critical(degrees) {
            return;
        }
        deviations.push(deviation);
    }
    panic!(
        "{weights:?}: chi-square {deviations:?}, twice above {}",
        critical(degrees)
    );
}

/// Offers per link, drawn by sixteen connections at once.
async fn draw(links: &[Link]) -> Vec<i64> {
    let db = TestDb::new().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Weighted, links).await;
    let calls = rounds(3000, 50_000) / 16;
    let did = scenario.did.clone();
    together(crew(&db, 16).await, move |number, switch| {
        let did = did.clone();
        async move {
            for call in 0..calls {
                switch
                    .route(&did, &format!("{number}-{call}"))
                    .await
                    .unwrap()
                    .link();
            }
        }
    })
    .await;
    held(&db).await
}

async fn held(db: &TestDb) -> Vec<i64> {
    let superuser = db.superuser().await;
    let sql = "select active::bigint from link_counters order by link_id";
    superuser
        .query(sql, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// A link of weight 0 must have got nothing; it adds nothing.
fn chi_square(counts: &[i64], weights: &[i32]) -> f64 {
    let calls: i64 = counts.iter().sum();
    let all: i32 = weights.iter().sum();
    counts
        .iter()
        .zip(weights)
        .map(|(&count, &weight)| {
            if weight == 0 {
                assert_eq!(count, 0, "a full link got calls");
                return 0.0;
            }
            let expected = calls as f64 * f64::from(weight) / f64::from(all);
            (count as f64 - expected).powi(2) / expected
        })
        .sum()
}
