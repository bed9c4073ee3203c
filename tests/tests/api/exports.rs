//! logs.csv: what a spreadsheet reads back is what the list shows, and no cell is a formula.

use serde_json::Value;

use super::support::{World, run};

/// RFC 4180, as a spreadsheet reads it: rows of cells.
fn parse(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let row = rows.last_mut().expect("a row");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                row.last_mut().expect("a cell").push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {
                chars.next();
                rows.push(vec![String::new()]);
            }
            c => row.last_mut().expect("a cell").push(c),
        }
    }
    assert!(!quoted, "a quote is open at the end");
    assert_eq!(rows.pop(), Some(vec![String::new()]), "the last line ends, too");
    rows
}

const RECORDS: &str = "
    insert into call_logs (asterisk_uniqueid, user_id, campaign_id, incoming_did_number, caller_id_num, caller_id_name,
        timestamp_start, call_status, counted)
    select 'bulk-' || n, 3, 1, '+18005550101', '+1555' || n, 'caller ' || n,
           timestamptz '2026-03-28 00:00:00+00' + interval '1 min' * (n / 3), 'BUSY', false
      from generate_series(1, 4500) n;
    insert into call_logs (asterisk_uniqueid, user_id, incoming_did_number, caller_id_name, timestamp_start, call_status,
        counted)
    select 'evil-' || n, 3, '+18005550101', (array['=HYPERLINK(\"http://x\")', '+1+1', '-1', '@SUM(A1)', E'\\t=1', ' =1',
           E'two\\r\\nlines', 'a, \"b\"', E'\\r=1'])[n], now(), 'BUSY', false
      from generate_series(1, 9) n";

#[tokio::test]
async fn an_export_is_the_list() {
    let world = World::new().await;
    run(&world.db.superuser().await, RECORDS).await;
    let answer = world.alice.get("/api/seller/logs.csv").await.expect_status(200);
    assert_eq!(answer.content_type(), "text/csv; charset=utf-8");
    assert!(
        answer
            .header("content-disposition")
            .starts_with("attachment; filename=")
    );
    let rows = parse(&answer.text());
    let header = &rows[0];
    assert!(
        rows.iter().all(|row| row.len() == header.len()),
        "every row has every cell"
    );
    let at = |name: &str| {
        header
            .iter()
            .position(|cell| cell == name)
            .unwrap_or_else(|| panic!("no column {name}"))
    };
    // Batches end somewhere: nothing is missing or doubled there, and the order is the list's.
    let mut listed: Vec<Value> = Vec::new();
    for page in 1..=10 {
        let part = world
            .alice
            .get(&format!("/api/seller/logs?per_page=500&page={page}"))
            .await
            .ok();
        listed.extend(part["items"].as_array().unwrap().clone());
    }
    assert_eq!(listed.len(), rows.len() - 1);
    for (row, item) in rows[1..].iter().zip(&listed) {
        for (name, value) in [
            ("id", &item["id"]),
            ("durationSeconds", &item["durationSeconds"]),
            ("campaignId", &item["campaign"]["id"]),
        ] {
            let expected = if value.is_null() {
                String::new()
            } else {
                value.to_string()
            };
            assert_eq!(row[at(name)], expected, "{name}");
        }
        for (name, value) in [
            ("asteriskUniqueid", &item["asteriskUniqueid"]),
            ("callStatus", &item["callStatus"]),
            ("timestampStart", &item["timestampStart"]),
            ("campaignName", &item["campaign"]["name"]),
        ] {
            assert_eq!(row[at(name)], value.as_str().unwrap_or_default(), "{name}");
        }
        // What is in the cell is the text, with an apostrophe in front if it could be a formula.
        for (name, value) in [
            ("callerIdName", &item["callerIdName"]),
            ("incomingDidNumber", &item["incomingDidNumber"]),
        ] {
            let text = value.as_str().unwrap_or_default();
            let cell = &row[at(name)];
            assert!(
                cell == text || cell.strip_prefix('\'') == Some(text),
                "{cell:?} for {text:?}"
            );
            assert!(
                !cell.trim_start().starts_with(['=', '+', '-', '@']),
                "{cell:?} is a formula"
            );
        }
    }
    // The same filters and the same days.
    let day = "start_date=2026-03-29&end_date=2026-03-29&tz=Europe/Berlin";
    let rows = parse(
        &world
            .alice
            .get(&format!("/api/seller/logs.csv?{day}"))
            .await
            .text(),
    );
    let total = world.alice.get(&format!("/api/seller/logs?{day}")).await.ok()["total"]
        .as_i64()
        .unwrap();
    assert!(total > 0 && rows.len() as i64 - 1 == total);
    // Instants are the zone's own, with the offset of their moment: summer time began at two that night.
    let starts: Vec<&str> = rows[1..]
        .iter()
        .map(|row| row[at("timestampStart")].as_str())
        .collect();
    assert!(
        starts.iter().all(|start| start.starts_with("2026-03-29T")),
        "{starts:?}"
    );
    assert!(
        starts.iter().any(|start| start.ends_with("+01:00"))
            && starts.iter().any(|start| start.ends_with("+02:00"))
    );
    assert!(
        !starts.iter().any(|start| start.starts_with("2026-03-29T02:")),
        "there was no third hour"
    );
}

/// Programs get the cells as they are recorded, people's spreadsheets none that they would compute.
#[tokio::test]
async fn an_export_is_plain_or_harmless() {
    let world = World::new().await;
    let names = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\u{3000}＝1",
        "\u{a0}=1",
        "\u{200b}=1",
        "\u{feff}@x",
        "=cmd|' /C calc'!A0",
        "x;=1+1",
        "x\n=1+1",
        "x\r＝1",
        "\t",
        "plain",
        "a \"b\", c",
        "a-b+c=d",
        "ann@example.com",
    ];
    let superuser = world.db.superuser().await;
    for (n, name) in names.iter().enumerate() {
        superuser
            .execute(
                "insert into call_logs (id, asterisk_uniqueid, user_id, incoming_did_number, caller_id_name, timestamp_start,
                    call_status, counted)
                 overriding system value values ($1, $2, 3, '+18005550101', $3, '2026-03-03 12:00Z', 'BUSY', false)",
                &[&(7000 + n as i64), &format!("name-{n}"), name],
            )
            .await
            .expect("a record");
    }
    let read = async |query: &str| {
        let path = format!("/api/seller/logs.csv?start_date=2026-03-03&end_date=2026-03-03{query}");
        let rows = parse(&world.alice.get(&path).await.expect_status(200).text());
        let at = |name: &str| rows[0].iter().position(|cell| cell == name).expect("a column");
        let (name, number) = (at("callerIdName"), at("incomingDidNumber"));
        let mut cells: Vec<(String, String)> = rows[1..]
            .iter()
            .map(|row| (row[name].clone(), row[number].clone()))
            .collect();
        cells.reverse();
        cells
    };
    let plain = read("&style=plain").await;
    assert_eq!(
        plain.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        names
    );
    assert!(plain.iter().all(|(_, number)| number == "+18005550101"));
    let spreadsheet = read("&style=spreadsheet").await;
    assert_eq!(read("").await, spreadsheet, "as before");
    let skipped = |c: char| c.is_whitespace() || c.is_control() || "\u{200b}\u{feff}".contains(c);
    for ((cell, number), name) in spreadsheet.iter().zip(names) {
        assert_eq!(number, "'+18005550101");
        assert_eq!(
            cell.replace('\'', ""),
            name.replace('\'', ""),
            "nothing else changes"
        );
        // As it is, and as where semicolons or line breaks part cells.
        for part in [cell.as_str()].into_iter().chain(cell.split([';', '\n', '\r'])) {
            let first = part.trim_start_matches(skipped).chars().next().unwrap_or('x');
            assert!(
                !"=+-@＝＋－＠".contains(first) || part != cell && cell.starts_with('\''),
                "{cell:?}"
            );
        }
        assert!(!cell.starts_with(['\t', '\r', '\n']), "{cell:?}");
    }
    for kept in ["plain", "a \"b\", c", "a-b+c=d", "ann@example.com"] {
        assert!(spreadsheet.iter().any(|(cell, _)| cell == kept), "{kept} stays");
    }
}

#[tokio::test]
async fn an_export_is_one_s_own() {
    let world = World::new().await;
    let bobs = parse(
        &world
            .bob
            .get("/api/seller/logs.csv")
            .await
            .expect_status(200)
            .text(),
    );
    let uniqueid = bobs[0]
        .iter()
        .position(|cell| cell == "asteriskUniqueid")
        .unwrap();
    let mut own: Vec<&str> = bobs[1..].iter().map(|row| row[uniqueid].as_str()).collect();
    own.sort_unstable();
    assert_eq!(own, ["test-uniqueid-call-005", "test-uniqueid-call-006"]);
    let all = parse(
        &world
            .staff
            .get("/api/admin/logs.csv")
            .await
            .expect_status(200)
            .text(),
    );
    assert_eq!(all.len(), 7);
    assert_eq!(all[0].last().map(String::as_str), Some("userId"));
    let one = parse(
        &world
            .staff
            .get("/api/admin/logs.csv?user_id=4")
            .await
            .expect_status(200)
            .text(),
    );
    assert_eq!(one.len(), 3);
    let none = parse(
        &world
            .bob
            .get("/api/seller/logs.csv?campaign_id=1")
            .await
            .expect_status(200)
            .text(),
    );
    assert_eq!(none.len(), 1, "the header alone");
}
