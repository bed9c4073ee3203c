//! Two sellers under one roof: one never sees or changes anything of the other. Generated: everything of the victim bears
//! a mark or an id with the mark's digits, everything is tried through every route, id, filter, cursor, export, report and
//! token, and the victim's rows are compared before and after.

use capconduit_tests::{Answer, Calls, Visitor};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::contract::{ROUTES, Who, good_body, needed_query};
use super::support::{World, column, json_of, run};

/// In every text of the victim's rows.
const MARK: &str = "zebra";
/// The victim's ids begin with these digits, and the same ids one digit further on belong to nobody.
const DIGITS: &str = "98765";

/// Where the victim has rows.
const VICTIMS_TABLES: &[&str] = &[
    "users",
    "sessions",
    "api_tokens",
    "dids",
    "campaigns",
    "campaign_dids",
    "campaign_client_settings",
    "schedules",
    "caps",
    "caller_marks",
    "cap_events",
    "link_counters",
    "live_calls",
    "call_logs",
    "call_attempts",
];

/// What the victim has, by where it stands in an address or a query.
struct Victim {
    dids: Vec<i64>,
    campaigns: Vec<i64>,
    links: Vec<i64>,
    caps: Vec<i64>,
    marks: Vec<i64>,
    schedules: Vec<i64>,
    logs: Vec<i64>,
    tokens: Vec<i64>,
    sessions: Vec<i64>,
    number: String,
    uniqueids: Vec<String>,
    cursor: String,
    token: String,
}

const MAKE_VICTIM: &str = "
    update users set full_name = 'zebra', company_name = 'zebra', email = 'zebra@example.com' where id = 4;
    delete from campaigns where user_id = 4;
    delete from dids where user_id = 4;
    alter table dids alter column id restart with 987651000;
    alter table campaigns alter column id restart with 987652000;
    alter table campaign_client_settings alter column id restart with 987653000;
    alter table call_logs alter column id restart with 987654000;
    alter table api_tokens alter column id restart with 987655000;
    insert into sessions (token_hash, user_id, expires_at, network, agent)
    values (decode(lpad(to_hex(987656000000000), 13, '0') || repeat('0', 51), 'hex'), 4, now() + interval '1 hour', 'zebra', 'zebra');
    insert into dids (user_id, number, description) values (4, '+9876510001', 'zebra'), (4, '+9876510002', 'zebra');
    insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds, description)
    values (4, 'zebra one', 'priority', 20, 'zebra'), (4, 'zebra two', 'weighted', 20, 'zebra');
    insert into campaign_dids (campaign_id, did_id) values (987652000, 987651000), (987652001, 987651001);
    insert into campaign_client_settings (campaign_id, client_id, max_concurrency, total_calls_allowed)
    values (987652000, 1, 7, 7000), (987652000, 2, 7, 7000), (987652001, 3, 7, 7000);
    alter table schedules alter column id restart with 987659000;
    insert into schedules (user_id, name) values (4, 'zebra one'), (4, 'zebra two');
    alter table caps alter column id restart with 987657000;
    insert into caps (link_id, counts, span, set_by, max_calls, note)
    select id, 'answered', 'day', set_by, 98765, 'zebra'
      from campaign_client_settings, unnest(array['seller', 'platform']) set_by where id >= 987653000;
    alter table caller_marks alter column id restart with 987650100;
    insert into caller_marks (link_id, caller, kind, note) select id, '+4998765', 'allowed', 'zebra' from campaign_client_settings where id >= 987653000;
    insert into caller_marks (campaign_id, caller, kind, note) select id, '+4998765', 'blocked', 'zebra' from campaigns where id = 987652001;
    insert into caller_marks (user_id, caller, kind, note) values (4, '+4998765', 'allowed', 'zebra');
    alter table cap_events alter column id restart with 987658000;
    insert into cap_events (cap_id, user_id, campaign_id, link_id, subject_type, subject_id, subject_name, counts, span, set_by, enforce, max_calls, threshold, used, in_flight)
    select c.id, 4, s.campaign_id, s.id, 'link', s.id, 'zebra', c.counts, c.span, c.set_by, c.enforce, c.max_calls, 75, 98765, 0
      from caps c join campaign_client_settings s on s.id = c.link_id";

async fn make_victim(world: &World) -> Victim {
    let superuser = world.db.superuser().await;
    run(&superuser, MAKE_VICTIM).await;
    let switch = world.db.asterisk().await;
    for n in 0..4 {
        let uniqueid = format!("zebra-{n}");
        switch
            .route_on("+9876510001", &uniqueid, "+4998765", "zebra")
            .await
            .unwrap()
            .link();
        if n < 3 {
            switch.next(&uniqueid, 1, "BUSY").await.unwrap().link();
            switch.answered(&uniqueid).await.unwrap();
            switch.log(&uniqueid, "+9876510001", "ANSWERED").await.unwrap();
        }
    }
    let made = world
        .bob
        .post("/api/auth/tokens", json!({"name": "zebra"}))
        .await
        .ok();
    // Afterwards ids go on elsewhere: what the intruder makes bears no mark.
    run(
        &superuser,
        "alter table dids alter column id restart with 5000; alter table campaigns alter column id restart with 5000;
         alter table campaign_client_settings alter column id restart with 5000;
         alter table call_logs alter column id restart with 5000; alter table api_tokens alter column id restart with 5000;
         alter table schedules alter column id restart with 5000;
         alter table caps alter column id restart with 5000; alter table cap_events alter column id restart with 5000;
         alter table caller_marks alter column id restart with 5000",
    )
    .await;
    let ids = async |path: &str| {
        let page = world.bob.get(path).await.ok();
        let items = if page.is_array() { &page } else { &page["items"] };
        let ids: Vec<i64> = column(items, "id")
            .into_iter()
            .filter_map(Value::as_i64)
            .collect();
        assert!(
            !ids.is_empty() && ids.iter().all(|id| id.to_string().starts_with(DIGITS)),
            "{path}: {ids:?}"
        );
        ids
    };
    let page = world
        .bob
        .get("/api/seller/logs?per_page=1&uniqueid=zebra-1")
        .await
        .ok();
    assert_eq!(page["items"][0]["asteriskUniqueid"], "zebra-1");
    let first = world
        .bob
        .get("/api/seller/logs?per_page=1&start_date=2020-01-01")
        .await
        .ok();
    run(
        &superuser,
        "delete from call_logs where user_id = 4 and asterisk_uniqueid not like 'zebra%'",
    )
    .await;
    Victim {
        dids: ids("/api/seller/dids").await,
        campaigns: ids("/api/seller/campaigns").await,
        links: ids("/api/seller/campaigns/987652000/clients").await,
        caps: ids("/api/seller/caps").await,
        marks: ids("/api/seller/callers").await,
        schedules: ids("/api/seller/schedules").await,
        logs: ids("/api/seller/logs").await,
        tokens: ids("/api/auth/tokens").await,
        sessions: vec![987_656_000_000_000],
        number: "+9876510001".into(),
        uniqueids: (0..4).map(|n| format!("zebra-{n}")).collect(),
        cursor: first["nextCursor"].as_str().expect("a cursor").into(),
        token: made["token"].as_str().expect("a token").into(),
    }
}

/// All of the victim, and everything else that bears the mark, as text.
async fn state_of_victim(client: &Client) -> Value {
    let marked: Vec<String> = VICTIMS_TABLES
        .iter()
        .map(|table| {
            format!(
                "select '{table}' as kind, to_jsonb(t)::text as row from {table} t
              where to_jsonb(t)::text ~ 'zebra|98765' or to_jsonb(t) ->> 'user_id' = '4'"
            )
        })
        .collect();
    json_of(
        client,
        &format!(
            "select jsonb_agg(jsonb_build_array(kind, row) order by kind, row) from ({}) s",
            marked.join(" union all ")
        ),
    )
    .await
}

fn assert_clean(answer: &Answer) {
    let text = answer.text();
    assert!(
        !text.contains(MARK) && !text.contains(DIGITS),
        "{}: {text}",
        answer.what
    );
}

/// The same request about something that does not exist must be answered alike, but for the id itself: else the answers
/// tell what exists.
async fn assert_like_unknown(who: &Visitor, method: &str, path: &str, id: &str, body: Option<&Value>) {
    let nobodys = id.replace(DIGITS, "43210");
    let shape = |answer: &Answer, id: &str| (answer.status, answer.text().replace(id, "ID"));
    let known = who.send(method, path, body).await;
    let other_body =
        body.map(|body| serde_json::from_str(&body.to_string().replace(DIGITS, "43210")).expect("JSON"));
    let unknown = who
        .send(method, &path.replace(DIGITS, "43210"), other_body.as_ref())
        .await;
    assert_eq!(shape(&known, id), shape(&unknown, &nobodys), "{}", known.what);
    assert!(
        matches!(known.status, 403 | 404),
        "{}: {} {}",
        known.what,
        known.status,
        known.text()
    );
    let echoed = known.text().replace(id, "");
    assert!(
        !echoed.contains(MARK) && !echoed.contains(DIGITS),
        "{}: {echoed}",
        known.what
    );
}

/// Every address of a seller's own objects, with the victim's ids in place of the own, and of own and foreign ids mixed.
fn addresses(path: &str, victim: &Victim) -> Vec<(String, String)> {
    let ids = match path {
        p if p.starts_with("/api/seller/dids") => &victim.dids,
        p if p.starts_with("/api/seller/campaigns") => &victim.campaigns,
        p if p.starts_with("/api/seller/caps") => &victim.caps,
        p if p.starts_with("/api/seller/callers") => &victim.marks,
        p if p.starts_with("/api/seller/schedules") => &victim.schedules,
        p if p.starts_with("/api/seller/logs") => &victim.logs,
        p if p.starts_with("/api/auth/tokens") => &victim.tokens,
        p if p.starts_with("/api/auth/sessions") => &victim.sessions,
        _ => panic!("{path}: whose ids are these?"),
    };
    let mut found = Vec::new();
    for id in ids {
        let id = id.to_string();
        if path.contains("{setting_id}") {
            for link in &victim.links {
                let link = link.to_string();
                // A foreign campaign with its own link or with mine, and my campaign with a foreign link.
                found.push((
                    path.replace("{id}", &id).replace("{setting_id}", &link),
                    id.clone(),
                ));
                found.push((path.replace("{id}", &id).replace("{setting_id}", "1"), id.clone()));
                found.push((path.replace("{id}", "1").replace("{setting_id}", &link), link));
            }
        } else if path.contains("{did_id}") {
            for did in &victim.dids {
                let did = did.to_string();
                let of = |campaign: &str, did: &str| path.replace("{id}", campaign).replace("{did_id}", did);
                found.push((of(&id, &did), id.clone()));
                found.push((of(&id, "1"), id.clone()));
                found.push((of("1", &did), did));
            }
        } else {
            found.push((path.replace("{id}", &id), id));
        }
    }
    found
}

async fn try_everything(intruder: &Visitor, victim: &Victim) {
    for &(method, path, who) in ROUTES {
        if !matches!(who, Who::Seller | Who::LoggedIn | Who::Session) || !path.contains('{') {
            continue;
        }
        let body = good_body(method, path);
        for (address, id) in addresses(path, victim) {
            assert_like_unknown(intruder, method, &address, &id, body.as_ref()).await;
        }
    }
    // Ids in bodies.
    for link in &victim.links {
        let body = json!({"subject": {"type": "link", "id": link}, "counts": "offered", "window": "day", "limit": 1});
        assert_like_unknown(
            intruder,
            "POST",
            "/api/seller/caps",
            &link.to_string(),
            Some(&body),
        )
        .await;
    }
    for (scope, of) in [("link", &victim.links), ("campaign", &victim.campaigns)] {
        for id in of {
            let body = json!({"caller": "+4930123456", "scope": scope, "scopeId": id});
            assert_like_unknown(
                intruder,
                "POST",
                "/api/seller/callers",
                &id.to_string(),
                Some(&body),
            )
            .await;
        }
    }
    for schedule in &victim.schedules {
        let body = json!({"scheduleId": schedule});
        for path in [
            "/api/seller/dids/1",
            "/api/seller/campaigns/1",
            "/api/seller/campaigns/1/clients/1",
        ] {
            assert_like_unknown(intruder, "PUT", path, &schedule.to_string(), Some(&body)).await;
        }
    }
    for did in &victim.dids {
        let path = "/api/seller/campaigns/1/dids";
        let body = json!({"didId": did});
        assert_like_unknown(intruder, "POST", path, &did.to_string(), Some(&body)).await;
        for set in [json!([did]), json!([1, did])] {
            let body = json!({"didIds": set});
            assert_like_unknown(
                intruder,
                "PUT",
                "/api/seller/campaigns/1/dids",
                &did.to_string(),
                Some(&body),
            )
            .await;
        }
    }
}

/// Every list, export and report, with every filter that the description names, set to what is the victim's.
async fn look_everywhere(intruder: &Visitor, victim: &Victim, description: &Value) -> usize {
    let mut tried = 0;
    for &(method, path, who) in ROUTES {
        if method != "GET" || !matches!(who, Who::Seller | Who::LoggedIn) || path.contains('{') {
            continue;
        }
        let mut queries = vec![needed_query(path).trim_start_matches('?').to_owned()];
        let parameters = description["paths"][path]["get"]["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for name in parameters
            .iter()
            .filter_map(|parameter| parameter["name"].as_str())
        {
            queries.extend(values(name, victim).iter().map(|value| format!("{name}={value}")));
        }
        // Understood by the same code for staff, so tried here, too.
        queries.extend(
            [
                "user_id=4",
                "userId=4",
                "user_id=4&campaign_id=987652000",
                "page=1&user_id=4",
            ]
            .map(str::to_owned),
        );
        for query in queries {
            let answer = intruder.get(&format!("{path}?{query}")).await;
            assert!(answer.status < 500, "{}", answer.what);
            // What the caller typed may come back to the caller.
            let typed = Answer {
                body: answer.text().replace(&victim.number[1..], "").into(),
                ..answer.clone()
            };
            assert_clean(&typed);
            // Only staff may ask for a user.
            if query.contains("user_id=4") {
                assert_eq!(answer.status, 400, "{query}");
            }
            tried += 1;
        }
    }
    tried
}

fn values(parameter: &str, victim: &Victim) -> Vec<String> {
    let ids = |ids: &[i64]| ids.iter().map(i64::to_string).collect::<Vec<_>>();
    match parameter {
        "campaign_id" => ids(&victim.campaigns),
        "did_id" => ids(&victim.dids),
        "link_id" | "subject_id" | "scope_id" => ids(&victim.links),
        "kind" => vec!["blocked".into(), "allowed".into(), "seen".into()],
        "scope" => vec!["link".into(), "campaign".into(), "seller".into()],
        "cap_id" => ids(&victim.caps),
        "before" => vec![i64::MAX.to_string()],
        "threshold" => vec!["75".into()],
        "subject_type" => vec!["link".into()],
        "window" => vec!["day".into()],
        "set_by" => vec!["seller".into(), "platform".into()],
        "near" => vec!["1".into(), "100".into()],
        "at" => vec!["2100-01-01T00:00:00Z".into()],
        "client_id" => vec!["1".into(), "2".into(), "3".into()],
        "uniqueid" => victim.uniqueids.clone(),
        "caller" => vec!["%2B4998765".into()],
        "after" | "changed_after" => vec![String::new(), victim.cursor.clone()],
        "did" => vec![
            victim.number.replace('+', "%2B"),
            victim.number.clone(),
            format!("{}&x", victim.number),
        ],
        "status" => vec!["active".into(), "inactive".into()],
        "call_status" => vec!["ANSWERED".into()],
        "start_date" => vec!["1970-01-01".into()],
        "end_date" => vec!["2199-12-31".into()],
        "number" | "q" => vec![victim.number.replace('+', "%2B"), "1".into(), "a".into()],
        "unassigned" => vec!["true".into(), "false".into()],
        "room" => vec!["full".into(), "near".into(), "open".into()],
        "phase" => vec!["ringing".into(), "talking".into()],
        "hangup_by" => vec!["caller".into(), "client".into(), "system".into()],
        "node" => vec!["pbx1".into()],
        "sip_call_id" => vec!["a@b".into()],
        "sort" => ["number", "-name", "-updated_at", "remaining", "-routed_at"]
            .map(str::to_owned)
            .into(),
        "style" => vec!["plain".into(), "spreadsheet".into()],
        "tz" => vec!["Asia/Tokyo".into()],
        "page" => vec!["1".into(), "2".into()],
        "per_page" => vec!["500".into()],
        "min_talk_seconds" => vec!["0".into()],
        other => panic!("{other}: a filter that this test does not know"),
    }
}

#[tokio::test]
async fn one_seller_never_touches_another() {
    let world = World::uncapped().await;
    let victim = make_victim(&world).await;
    let superuser = world.db.superuser().await;
    let description = world.api.nobody().get("/openapi.json").await.ok();
    let own_token = world
        .alice
        .post("/api/auth/tokens", json!({"name": "own"}))
        .await
        .ok();
    let script = world.api.bearer(own_token["token"].as_str().expect("a token"));
    let before = state_of_victim(&superuser).await;
    for kind in VICTIMS_TABLES {
        assert!(
            before.as_array().expect("rows").iter().any(|row| row[0] == *kind),
            "nothing in {kind}"
        );
    }
    for intruder in [&world.alice, &script] {
        try_everything(intruder, &victim).await;
        assert!(look_everywhere(intruder, &victim, &description).await > 60);
    }
    // What is taken already is told to be taken, and nothing more.
    for (path, body) in [
        ("/api/seller/dids", json!({"number": victim.number})),
        (
            "/api/seller/campaigns",
            json!({"name": "zebra one", "routingStrategy": "priority", "dialTimeoutSeconds": 9}),
        ),
        ("/api/seller/dids", json!({"number": "+4930999", "userId": 4})),
        (
            "/api/seller/campaigns",
            json!({"name": "mine", "routingStrategy": "priority", "dialTimeoutSeconds": 9, "userId": 4}),
        ),
    ] {
        let answer = world.alice.post(path, body).await;
        assert!(
            !answer.text().contains(DIGITS) || answer.status == 409,
            "{}",
            answer.text()
        );
        assert_eq!(answer.json().get("userId"), None);
    }
    // The intruder's own campaign of that name bears the mark itself.
    run(
        &superuser,
        "delete from campaigns where user_id = 3 and name = 'zebra one'",
    )
    .await;
    assert_eq!(
        state_of_victim(&superuser).await,
        before,
        "the victim is as before"
    );
    // The victim's own view is whole.
    assert_eq!(
        world.bob.get("/api/seller/live").await.ok()["calls"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(world.bob.get("/api/seller/logs").await.ok()["total"], 3);
    world
        .api
        .bearer(&victim.token)
        .get("/api/seller/dids")
        .await
        .expect_status(200);
}
