//! /api/seller/dids/import: many numbers at once, each line with its own answer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use capconduit_tests::{Answer, Visitor, assert_invariants};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::support::{World, field_error, number_of, run};
use crate::api_faults::support::cookie;

const IMPORT: &str = "/api/seller/dids/import";
const OF_ALICE: &str = "select count(*) from dids where user_id = 3";

async fn csv(who: &Visitor, query: &str, text: impl Into<Bytes>) -> Answer {
    who.raw(
        "POST",
        &format!("{IMPORT}{query}"),
        Some("text/csv; charset=utf-8"),
        text.into(),
    )
    .await
}

/// Ten thousand lines; each hundredth is faulty, in one of four ways. The header is line 1.
fn many() -> String {
    let line = |n: usize| match (n % 100, n / 100 % 4) {
        (50, 0) => "12345,not E.164,".to_owned(),
        (50, 1) => format!("+4930{:07},no such campaign,Nowhere", n),
        (50, 2) => format!("+4930{:07},the line before,", n - 1),
        (50, _) => "+13105550103,of bob,".to_owned(),
        _ => format!("+4930{n:07},number {n},"),
    };
    let lines: Vec<String> = (0..10_000).map(line).collect();
    format!("number,description,campaign\r\n{}\r\n", lines.join("\r\n"))
}

#[tokio::test]
async fn ten_thousand_lines_with_a_hundred_faulty_ones() {
    let world = World::new().await;
    let db = world.db.superuser().await;
    let before = number_of(&db, OF_ALICE).await;
    let expected: Vec<String> = (0..100).map(|n| (n * 100 + 52).to_string()).collect();
    let refused = csv(&world.alice, "", many())
        .await
        .problem(400, "validation_failed");
    let mut told: Vec<&String> = refused["errors"]["lines"]
        .as_object()
        .expect("lines")
        .keys()
        .collect();
    told.sort_by_key(|line| line.parse::<u64>().expect("a line"));
    assert_eq!(told, expected.iter().collect::<Vec<_>>());
    assert_eq!(number_of(&db, OF_ALICE).await, before, "all or nothing");
    let tried = csv(&world.alice, "?mode=valid&dry_run=true", many()).await.ok();
    assert_eq!(
        (&tried["created"], &tried["faulty"]),
        (&json!(9_900), &json!(100))
    );
    assert_eq!(number_of(&db, OF_ALICE).await, before, "only tried");
    let begun = Instant::now();
    let done = csv(&world.alice, "?mode=valid", many()).await.ok();
    println!("10,000 lines in {:?}", begun.elapsed());
    assert_eq!((&done["created"], &done["faulty"]), (&json!(9_900), &json!(100)));
    let lines = done["lines"].as_array().expect("lines");
    assert_eq!(lines.len(), 10_000);
    let faulty = lines.iter().filter(|line| line["status"] == "faulty");
    let faulty: Vec<String> = faulty.map(|line| line["line"].to_string()).collect();
    assert_eq!(faulty, expected);
    for (place, key) in [
        (50, "number"),
        (150, "campaign"),
        (250, "number"),
        (350, "number"),
    ] {
        let texts = lines[place]["errors"][key].as_array().expect("texts");
        assert_eq!(texts.len(), 1, "{}", lines[place]);
    }
    assert_eq!(
        lines[250]["errors"]["number"][0],
        "The same number as in line 251."
    );
    assert_eq!(number_of(&db, OF_ALICE).await, before + 9_900);
    assert_eq!(
        number_of(&db, "select count(*) from dids where description = 'of bob'").await,
        0
    );
    let peak = memory(world.api.pid());
    println!("peak {peak} kB");
    assert!(peak < 200_000, "{peak} kB");
    assert_invariants(&world.db).await;
}

/// The most that the process ever had in memory, in kilobytes.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("VmHWM");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

#[tokio::test]
async fn lines_in_json_go_into_campaigns() {
    let world = World::new().await;
    let name = world.alice.get("/api/seller/campaigns/1").await.ok()["name"].clone();
    let foreign = world.bob.get("/api/seller/campaigns").await.ok()["items"][0]["name"].clone();
    let body = json!({"lines": [
        {"number": " +4930100 ", "description": "first", "campaign": name},
        {"number": "+4930101", "campaign": foreign},
        {"number": "+18005550101"},
        {"number": 7, "colour": "red"},
        "+4930102",
        {"number": "+4930103", "description": null},
    ]});
    let done = world
        .alice
        .post(&format!("{IMPORT}?mode=valid"), body.clone())
        .await
        .ok();
    let statuses: Vec<&Value> = done["lines"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|l| &l["status"])
        .collect();
    assert_eq!(
        statuses,
        ["created", "faulty", "faulty", "faulty", "faulty", "created"]
    );
    let errors = |place: usize| done["lines"][place]["errors"].clone();
    assert!(errors(1)["campaign"].is_array() && errors(4)["line"].is_array());
    assert!(
        errors(2)["number"][0]
            .as_str()
            .expect("a text")
            .contains("your own, with ID 1")
    );
    assert_eq!(
        errors(3),
        json!({"number": ["Must be a string."], "colour": ["Unknown field."]})
    );
    let dids = world.alice.get("/api/seller/campaigns/1/dids").await.ok();
    let dids = dids.as_array().expect("dids");
    assert!(
        dids.iter()
            .any(|did| did["id"] == done["lines"][0]["id"] && did["number"] == "+4930100")
    );
    let problem = world.alice.post(IMPORT, json!({"lines": []})).await;
    field_error(&problem.problem(400, "validation_failed"), "lines");
    for body in [
        json!({"numbers": []}),
        json!({"lines": 1}),
        json!([1]),
        json!({"lines": vec![1; 10_001]}),
    ] {
        let problem = world.alice.post(IMPORT, body).await;
        field_error(&problem.problem(400, "validation_failed"), "lines");
    }
    assert_invariants(&world.db).await;
}

#[tokio::test]
async fn csv_as_spreadsheets_write_it() {
    let world = World::new().await;
    let text = "\u{feff}description,number\n\"two\nlines, one cell\",+4930200\n,+4930201,x\n\n,+4930202\n";
    let done = csv(
        &world.alice,
        "?mode=valid",
        [text.as_bytes(), b"\xff,+4930203\n"].concat(),
    )
    .await
    .ok();
    let lines: Vec<_> = done["lines"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|l| (&l["line"], &l["status"]))
        .collect();
    let (two, four, six, seven) = (json!(2), json!(4), json!(6), json!(7));
    let (created, faulty) = (json!("created"), json!("faulty"));
    assert_eq!(
        lines,
        [
            (&two, &created),
            (&four, &faulty),
            (&six, &created),
            (&seven, &faulty)
        ]
    );
    for header in [
        "",
        "+4930200\n",
        "number,colour\n",
        "number,number\n",
        "description\n",
        "number\n",
    ] {
        let problem = csv(&world.alice, "", header).await;
        let code = if header.is_empty() {
            "empty_body"
        } else {
            "validation_failed"
        };
        problem.problem(400, code);
    }
    let large = format!("number\n{}", "+4930200\n".repeat(500_000));
    csv(&world.alice, "", large).await.problem(413, "body_too_large");
}

/// The sender goes while the lines are being stored: a lock on one number holds the import there.
#[tokio::test]
async fn a_dropped_connection_leaves_nothing_half() {
    let world = World::new().await;
    let db = world.db.superuser().await;
    let before = number_of(&db, OF_ALICE).await;
    let holder = world.db.superuser().await;
    run(
        &holder,
        "begin; insert into dids (user_id, number) values (4, '+49309999999')",
    )
    .await;
    let text = format!("{}+49309999999,,\r\n", many());
    // One line less: 10,000 are allowed.
    let text = text.replacen("+49300000001,number 1,\r\n", "", 1);
    let sent = tokio::time::timeout(Duration::from_secs(2), csv(&world.alice, "?mode=valid", text)).await;
    assert!(sent.is_err(), "the import waits for the lock");
    run(&holder, "rollback").await;
    let working = "select count(*) from pg_stat_activity where state <> 'idle' and query like '%unnest(%' and pid <> pg_backend_pid()";
    for _ in 0..100 {
        if number_of(&db, working).await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(number_of(&db, OF_ALICE).await, before);
    let again = csv(&world.alice, "?mode=valid", many()).await.ok();
    assert_eq!(again["created"], 9_900);
}

/// Two work at one time; who has not sent all lines yet is none of them.
#[tokio::test]
async fn slow_senders_keep_nobody_waiting() {
    let world = World::new().await;
    let cookie = cookie(&world.api, "seller_bob").await;
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut sender = TcpStream::connect(world.api.address())
            .await
            .expect("a connection");
        let half = format!(
            "POST {IMPORT} HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\ncontent-type: text/csv\r\ncontent-length: 99\r\n\r\nnumber\n"
        );
        sender.write_all(half.as_bytes()).await.expect("half of it");
        slow.push(sender);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    csv(&world.alice, "", "number\n+4930300\n").await.ok();
}
