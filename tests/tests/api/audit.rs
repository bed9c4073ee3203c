//! The audit in the API's words, and as CSV.

use serde_json::json;

use super::support::{World, column, field_error, number_of, run};

/// What belongs to an object is found by the object's word and id: that its PJSIP settings, its numbers or its total changed is its
/// own history.
#[tokio::test]
async fn a_word_finds_an_object_with_what_belongs_to_it() {
    let world = World::new().await;
    world
        .staff
        .put(
            "/api/admin/clients/1",
            json!({"pjsip": {"aor": {"qualify_frequency": 30}}}),
        )
        .await
        .ok();
    world
        .admin
        .post(
            "/api/admin/links/1/adjust",
            json!({"delta": 1, "reason": "a test"}),
        )
        .await
        .ok();
    world
        .alice
        .put("/api/seller/campaigns/1/clients/1", json!({"weight": 3}))
        .await
        .ok();
    world
        .alice
        .put("/api/seller/campaigns/1/dids", json!({"didIds": [2]}))
        .await
        .ok();
    for (query, expected) in [
        ("object_type=client&object_id=1", vec!["client pjsip_aors update"]),
        ("object_type=aor&object_id=1", vec!["client pjsip_aors update"]),
        (
            "object_type=link&object_id=1",
            vec![
                "link campaign_client_settings update",
                "link link_counters adjust",
            ],
        ),
        ("object_type=link_counters", vec!["link link_counters adjust"]),
        (
            "object_type=campaign&object_id=1",
            vec!["campaign campaign_dids insert", "campaign campaign_dids delete"],
        ),
        ("object_type=clients&object_id=1&action=update", vec![]),
    ] {
        let page = world.staff.get(&format!("/api/admin/audit?{query}")).await.ok();
        let mut found: Vec<String> = page["items"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|entry| !entry["userId"].is_null())
            .map(|entry| {
                ["kind", "objectType", "action"]
                    .map(|key| entry[key].as_str().unwrap())
                    .join(" ")
            })
            .collect();
        found.sort_unstable();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(found, expected, "{query}");
    }
}

#[tokio::test]
async fn the_audit_comes_as_csv_by_the_same_filters() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    // More than two batches, and one that a spreadsheet would take for a formula.
    run(
        &superuser,
        r#"truncate audit_log restart identity;
           insert into audit_log (at, user_id, db_role, action, object_type, object_id, after)
           select timestamptz '2026-03-29 22:30Z' + n * interval '1 second', 3, 'x', 'update', 'dids', '=' || n,
                  jsonb_build_object('description', 'a "b"')
             from generate_series(1, 1100) n"#,
    )
    .await;
    let csv = async |query: &str| {
        let answer = world
            .staff
            .get(&format!("/api/admin/audit.csv{query}"))
            .await
            .expect_status(200);
        assert_eq!(answer.content_type(), "text/csv; charset=utf-8");
        assert_eq!(
            answer.header("content-disposition"),
            "attachment; filename=\"audit.csv\""
        );
        let text = answer.text();
        text.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    let all = csv("").await;
    assert_eq!(
        all[0],
        "id,at,userId,username,dbRole,action,kind,objectType,objectId,before,after"
    );
    assert_eq!(
        all[1],
        r#"1100,2026-03-29T22:48:20+00:00,3,seller_alice,x,update,did,dids,'=1100,,"{""description"":""a \""b\""""}""#
    );
    let ids: Vec<i64> = all[1..]
        .iter()
        .map(|line| line.split(',').next().unwrap().parse().unwrap())
        .collect();
    assert!(
        ids.iter().copied().eq((1..=1100).rev()),
        "each entry once, newest first"
    );
    // Days, instants and ids as they are asked for.
    let berlin =
        csv("?start_date=2026-03-30&end_date=2026-03-30&tz=Europe/Berlin&style=plain&object_id=%3D7").await;
    assert_eq!(berlin.len(), 2);
    assert!(
        berlin[1].starts_with("7,2026-03-30T00:30:07+02:00,3,") && berlin[1].contains(",=7,"),
        "{berlin:?}"
    );
    assert_eq!(csv("?start_date=2026-03-30").await.len(), 1, "the head alone");
    assert_eq!(csv("?object_type=did&before=3").await.len(), 3);
    assert_eq!(csv("?object_type=client").await.len(), 1);
    let page = world.staff.get("/api/admin/audit?before=3").await.ok();
    assert_eq!(column(&page["items"], "id"), [2, 1]);
    for (query, name) in [
        ("style=x", "style"),
        ("before=x", "before"),
        ("sort=id", "sort"),
        ("tz=CET", "tz"),
    ] {
        let answer = world.staff.get(&format!("/api/admin/audit.csv?{query}")).await;
        field_error(&answer.problem(400, "validation_failed"), name);
    }
    assert_eq!(
        number_of(&superuser, "select count(*) from audit_log").await,
        1100,
        "reading leaves no trace"
    );
}
