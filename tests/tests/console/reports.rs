//! Reports: what became of calls, by what; each row leads to its calls, each part is a CSV.

use super::support::{World, page};

#[tokio::test]
async fn a_report_says_what_became_of_calls() {
    let world = World::uncapped().await;
    let (alice, bob) = (
        world.logged_in("seller_alice").await,
        world.logged_in("seller_bob").await,
    );
    let sql = "set session_replication_role = replica; delete from capconduit.call_logs; delete from capconduit.call_attempts";
    world
        .db
        .superuser()
        .await
        .batch_execute(sql)
        .await
        .expect("no call");
    assert!(
        page(&alice, "/console/reports")
            .await
            .contains("No call began on these days")
    );
    for (call, status, talk) in [
        ("pbx1-1.1", "ANSWERED", 95),
        ("pbx1-1.2", "ANSWERED", 5),
        ("pbx1-1.3", "BUSY", 0),
    ] {
        assert_eq!(world.route("+18005550101", call).await.0, "ok");
        let sql = "select from capconduit.log_call($1, '+18005550101', $2, billsec_seconds => $3)";
        world
            .switch
            .execute(sql, &[&call, &status, &talk])
            .await
            .expect("a record");
    }
    let shown = page(&alice, "/console/reports").await;
    for part in [
        "<dt>Calls</dt><dd>3</dd>",
        "<dt>Answered</dt><dd>66 %</dd>",
        // Of 95 and of 5 seconds, where a good call talks for 30.
        "<dt>Good</dt><dd>1</dd>",
        "<dt>Talk</dt><dd>1:40</dd>",
        "By campaign",
        ">Alice Priority Tech Leads</a>",
        ">+18005550101</a>",
        ">Alice Priority Tech Leads: Alpha Corp</a>",
        ">Alpha Corp</a>",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(
        page(
            &alice,
            "/console/reports?start_date=2001-01-01&end_date=2001-01-02"
        )
        .await
        .contains("No call began")
    );
    for wrong in ["colour=red", "tz=CET", "start_date=today"] {
        alice
            .get(&format!("/console/reports?{wrong}"))
            .await
            .expect_status(400);
    }
    // A row leads to its calls.
    let (_, rest) = shown
        .split_once("<section aria-label=\"By campaign\">")
        .expect("the part");
    let (_, rest) = rest.split_once("<td><a href=\"").expect("a row");
    let calls = rest
        .split('"')
        .next()
        .expect("a link")
        .replace("&#38;", "&")
        .replace("&amp;", "&");
    let behind = page(&alice, &calls).await;
    assert_eq!(
        behind.matches("<td data-label=\"to\">+18005550101</td>").count(),
        3,
        "{behind}"
    );

    let csv = alice
        .get("/console/reports.csv?by=campaign&style=plain")
        .await
        .expect_status(200)
        .text();
    assert_eq!(
        csv,
        "campaign,Calls,Answered,Good,Talk seconds,Refused,Lost\r\nAlice Priority Tech Leads,3,2,1,100,0,0\r\n"
    );
    let csv = alice
        .get("/console/reports.csv?by=client")
        .await
        .expect_status(200)
        .text();
    assert!(
        csv.starts_with(
            "client,Offered,Answered,Busy,No answer,Failed,Talk seconds\r\nAlpha Corp,3,2,1,0,0,100"
        ),
        "{csv}"
    );
    alice
        .get("/console/reports.csv?by=colour")
        .await
        .expect_status(400);
    // Another's is another's; staff sees all.
    assert!(page(&bob, "/console/reports").await.contains("No call began"));
    let staff = world.logged_in("ops_staff").await;
    assert!(
        page(&staff, "/console/reports?user_id=3")
            .await
            .contains("<dt>Calls</dt><dd>3</dd>")
    );
    assert!(
        page(&staff, "/console/reports?user_id=4")
            .await
            .contains("No call began")
    );
}
