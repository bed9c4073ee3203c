//! `changed_after`: whoever copies records gets each change once, in the order of recording.

use std::time::{Duration, Instant};

use capconduit_tests::{Calls, Visitor};
use serde_json::Value;

use super::support::{World, column, field_error, run};

const LOGS: &str = "/api/seller/logs";
const ALL_LOGS: &str = "/api/admin/logs";

/// Whoever copies, as far as it has come.
struct Copier {
    visitor: Visitor,
    path: String,
    cursor: String,
}

impl Copier {
    fn of(visitor: &Visitor, path: &str) -> Self {
        Copier {
            visitor: visitor.clone(),
            path: path.to_owned(),
            cursor: String::new(),
        }
    }

    /// By so many, until there are no more for now.
    async fn read(&mut self, per_page: usize) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let address = format!("{}?per_page={per_page}&changed_after={}", self.path, self.cursor);
            let page = self.visitor.get(&address).await.ok();
            self.cursor = page["nextCursor"].as_str().expect("always a cursor").to_owned();
            let items = page["items"].as_array().expect("items");
            all.extend(items.iter().cloned());
            if items.len() < per_page {
                return all;
            }
        }
    }

    /// So many changes at least: others' transactions on the same server hold back what came after they had begun.
    async fn wait_for(&mut self, changes: usize) -> Vec<Value> {
        let started = Instant::now();
        let mut all = Vec::new();
        while all.len() < changes {
            assert!(started.elapsed() < Duration::from_secs(60), "only {all:?}");
            all.extend(self.read(50).await);
        }
        all
    }
}

fn names(items: &[Value]) -> Vec<&str> {
    items
        .iter()
        .map(|item| item["asteriskUniqueid"].as_str().unwrap())
        .collect()
}

fn sorted_ids(items: &[Value]) -> Vec<i64> {
    let mut ids: Vec<i64> = items.iter().map(|item| item["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn each_change_comes_once_and_to_its_owner_alone() {
    let world = World::new().await;
    let mut copies = [
        Copier::of(&world.alice, LOGS),
        Copier::of(&world.bob, LOGS),
        Copier::of(&world.staff, ALL_LOGS),
    ];
    for copier in &mut copies {
        let list = copier
            .visitor
            .get(&format!("{}?per_page=500", copier.path))
            .await
            .ok();
        let read = copier.read(3).await;
        assert_eq!(sorted_ids(&read), sorted_ids(list["items"].as_array().unwrap()));
        assert!(copier.read(3).await.is_empty(), "nothing has changed");
    }
    let [alice, bob, staff] = &mut copies;
    let switch = world.db.asterisk().await;
    let number = "+18005550101";
    switch.route(number, "call-1").await.unwrap().link();
    let admin = world.db.admin().await;
    admin.release("call-1", "a test").await.unwrap();
    let lost = alice.wait_for(1).await;
    assert_eq!((lost.len(), &lost[0]["callStatus"]), (1, &Value::from("LOST")));
    // Its true record comes late, and replaces it.
    assert_eq!(
        switch.log("call-1", number, "BUSY").await.unwrap().status,
        "corrected"
    );
    let corrected = alice.wait_for(1).await;
    assert_eq!(
        (corrected.len(), &corrected[0]["callStatus"]),
        (1, &Value::from("BUSY"))
    );
    assert_eq!(corrected[0]["id"], lost[0]["id"]);
    assert_eq!(
        names(&staff.wait_for(1).await),
        ["call-1"],
        "the last change alone"
    );
    assert!(bob.read(50).await.is_empty());
    // A record that somebody changes by hand has changed, too.
    run(
        &world.db.superuser().await,
        "update call_logs set caller_id_name = 'X' where asterisk_uniqueid = 'call-1'",
    )
    .await;
    assert_eq!(alice.wait_for(1).await[0]["callerIdName"], "X");
    let bobs = world
        .staff
        .get(&format!("{ALL_LOGS}?changed_after=&user_id=4&per_page=500"))
        .await
        .ok();
    assert!(column(&bobs["items"], "userId").iter().all(|id| **id == 4));
}

#[tokio::test]
async fn what_an_open_transaction_has_begun_is_waited_for() {
    let world = World::new().await;
    let mut copier = Copier::of(&world.staff, ALL_LOGS);
    copier.read(50).await;
    let (mut slow, quick) = (world.db.asterisk().await, world.db.asterisk().await);
    let open = slow.transaction().await.unwrap();
    open.log("slow", "+18005550101", "BUSY").await.unwrap();
    quick.log("quick", "+18005550101", "BUSY").await.unwrap();
    // Its number is the higher one, and it has ended: but whoever is given it passes the other one by.
    assert!(copier.read(50).await.is_empty());
    open.commit().await.unwrap();
    assert_eq!(names(&copier.wait_for(2).await), ["slow", "quick"]);
}

#[tokio::test]
async fn a_cursor_of_another_database_starts_anew() {
    let (world, other) = (World::new().await, World::new().await);
    let mut copier = Copier::of(&world.alice, LOGS);
    copier.read(50).await;
    let address = format!("{LOGS}?changed_after={}", copier.cursor);
    other.alice.get(&address).await.problem(410, "start_anew");
    for (query, field) in [
        ("changed_after=abc".to_owned(), "changed_after"),
        (
            format!("changed_after={}", &copier.cursor[..copier.cursor.len() - 4]),
            "changed_after",
        ),
        ("changed_after=&call_status=BUSY".to_owned(), "call_status"),
        ("changed_after=&after=".to_owned(), "after"),
        ("changed_after=&page=2".to_owned(), "page"),
    ] {
        let refused = world.alice.get(&format!("{LOGS}?{query}")).await;
        let refused = refused.problem(400, "validation_failed");
        assert!(!field_error(&refused, field).is_empty(), "{query}");
    }
    world.alice.get(&address).await.expect_status(200);
}

/// Its transactions have numbers that this database has not come to yet.
#[tokio::test]
async fn records_that_were_loaded_from_a_dump_come_first() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let loaded = "
        alter table call_logs disable trigger call_logs_changed;
        update call_logs set changed_xid = (9000000000 + id)::text::xid8 where id % 2 = 0;
        alter table call_logs enable trigger call_logs_changed";
    run(&superuser, loaded).await;
    let mut copier = Copier::of(&world.staff, ALL_LOGS);
    let read = copier.read(2).await;
    let list = world.staff.get(&format!("{ALL_LOGS}?per_page=500")).await.ok();
    assert_eq!(sorted_ids(&read), sorted_ids(list["items"].as_array().unwrap()));
    assert_eq!(read[0]["id"].as_i64().unwrap() % 2, 0);
    world
        .db
        .asterisk()
        .await
        .log("new", "+18005550101", "BUSY")
        .await
        .unwrap();
    assert_eq!(names(&copier.wait_for(1).await), ["new"]);
}
