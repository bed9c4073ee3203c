//! Every route of the contract, asked with what it needs to succeed, and what it answered.

use std::collections::BTreeMap;

use capconduit_tests::{Calls, Visitor, authenticator};
use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

use crate::api::contract::{ROUTES, Who, fill, good_body, needed_query};
use crate::api::support::{World, run};

/// In the place of a secret for an authenticator app.
const AUTHENTICATOR: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// As if it had been recorded at this instant.
const SHOWN_AT: &str = "2026-03-02T09:30:00Z";

/// What differs each time, and what must not be shown.
fn steady(value: &mut Value) {
    const SECRETS: [&str; 2] = ["cct_", "ccp_"];
    match value {
        Value::String(text) => {
            if text.contains('T')
                && let Ok(time) = text.parse::<Timestamp>()
            {
                let shown = SHOWN_AT.parse::<Timestamp>().unwrap() + (time - Timestamp::now());
                *text = shown.round(Unit::Second).unwrap().to_string();
            }
            for begin in SECRETS {
                if let Some(at) = text.find(begin) {
                    text.replace_range(at.., &format!("{begin}{}", "0".repeat(43)));
                }
            }
        }
        Value::Array(list) => {
            list.truncate(2);
            list.iter_mut().for_each(steady);
        }
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                match (name.as_str(), &mut *value) {
                    ("secret", value) => *value = AUTHENTICATOR.into(),
                    ("uri", Value::String(uri)) if uri.starts_with("otpauth:") => {
                        let (before, _) = uri.split_once("secret=").expect("a secret");
                        *uri = format!("{before}secret={AUTHENTICATOR}&issuer=CapConduit");
                    }
                    ("recoveryCodes", value) => {
                        *value = json!(["abcd-efgh-ijkl-mnop", "qrst-uvwx-yz23-4567"])
                    }
                    ("code", Value::String(code)) if !code.contains('_') => *code = "123456".into(),
                    (_, value) => steady(value),
                }
            }
        }
        _ => {}
    }
}

/// What calls, switches and the service leave behind.
const TRACES: &str = "
    insert into pjsip_contacts (id, endpoint, uri, expiration_time, via_addr, via_port, reg_server, user_agent)
    values ('client_alpha_sales^3B@1', 'client_alpha_sales', 'sip:a@192.0.2.7:5060^3Btransport=tcp', 4000000000, '192.0.2.7', 5061,
            'pbx1', 'Phone/1');
    insert into cap_events (cap_id, user_id, campaign_id, link_id, client_id, subject_type, subject_id, subject_name, counts, span, set_by, enforce,
        max_calls, threshold, used, in_flight, starts_at, ends_at)
    select id, 3, 1, 1, 1, 'link', 1, 'Alice Priority Tech Leads – Alpha Corp', 'answered', 'day', 'seller', true, 50, 90, 45, 1, date_trunc('day', now()),
           date_trunc('day', now()) + interval '1 day'
      from caps where link_id = 1";

/// Who sends requests, and the ids that they fill in.
struct Recorder<'a> {
    world: &'a World,
    recorded: BTreeMap<String, Value>,
}

impl Recorder<'_> {
    fn visitor(&self, who: Who) -> Visitor {
        match who {
            Who::Everybody => self.world.api.nobody(),
            Who::Switch => self.world.api.switch(),
            Who::Seller | Who::LoggedIn | Who::Session => self.world.alice.clone(),
            Who::Staff => self.world.staff.clone(),
            Who::Admin => self.world.admin.clone(),
        }
    }

    /// One route of the contract, its parts in braces filled with `id`; the answer.
    async fn ask(&mut self, method: &str, path: &str, ids: &[&str], body: Option<Value>) -> Value {
        let &(_, _, who) = ROUTES
            .iter()
            .find(|(known, route, _)| *known == method && *route == path)
            .unwrap_or_else(|| panic!("{method} {path} is no route"));
        let visitor = self.visitor(who);
        self.ask_as(&visitor, method, path, ids, body).await
    }

    async fn ask_as(
        &mut self,
        visitor: &Visitor,
        method: &str,
        path: &str,
        ids: &[&str],
        body: Option<Value>,
    ) -> Value {
        let mut address = path.to_owned();
        for id in ids {
            let (start, end) = (
                address.find('{').expect("a part"),
                address.find('}').expect("a part"),
            );
            address.replace_range(start..=end, id);
        }
        let address = fill(&address, "1") + needed_query(path);
        let answer = visitor.send(method, &address, body.as_ref()).await;
        assert!(
            (200..300).contains(&answer.status),
            "{method} {address}: {} {}",
            answer.status,
            answer.text()
        );
        let mut found = json!({"status": answer.status.to_string()});
        let mut shown = match answer.content_type() {
            "" => Value::Null,
            kind if kind.starts_with("text/csv") => {
                let lines: Vec<String> = answer
                    .text()
                    .lines()
                    .take(2)
                    .map(|line| format!("{line}\r\n"))
                    .collect();
                Value::from(lines.concat())
            }
            _ => answer.json(),
        };
        let raw = shown.clone();
        steady(&mut shown);
        if !shown.is_null() {
            found["answer"] = shown;
        }
        if let Some(mut body) = body {
            steady(&mut body);
            found["request"] = body;
        }
        self.recorded.insert(format!("{method} {path}"), found);
        raw
    }

    /// Every route that needs no more than what the contract's tests send.
    async fn ask_the_rest(&mut self, methods: &[&str]) {
        for &(method, path, _) in ROUTES {
            if methods.contains(&method) && !self.recorded.contains_key(&format!("{method} {path}")) {
                self.ask(method, path, &[], good_body(method, path)).await;
            }
        }
    }
}

pub async fn recorded() -> BTreeMap<String, Value> {
    let world = World::uncapped().await;
    let switch = world.db.asterisk().await;
    let calls = ["1764441000.17", "1764441001.18"];
    for call in calls {
        let routed = switch.route_on("+18005550101", call, "+4915112345", "pbx1");
        routed.await.unwrap().link();
    }
    let now = switch.database_time().await.unwrap();
    switch.heartbeat("pbx1", "agent-1", now, &calls).await.unwrap();
    let mut r = Recorder {
        world: &world,
        recorded: BTreeMap::new(),
    };
    let id = |made: &Value| made["id"].to_string();
    // What is made is changed and deleted again.
    let user = id(&r
        .ask(
            "POST",
            "/api/admin/users",
            &[],
            good_body("POST", "/api/admin/users"),
        )
        .await);
    let client = id(&r
        .ask(
            "POST",
            "/api/admin/clients",
            &[],
            good_body("POST", "/api/admin/clients"),
        )
        .await);
    let given = id(&r
        .ask(
            "POST",
            "/api/admin/dids",
            &[],
            good_body("POST", "/api/admin/dids"),
        )
        .await);
    let cap =
        json!({"subject": {"type": "client", "id": 1}, "counts": "answered", "window": "day", "limit": 500});
    let cap = id(&r.ask("POST", "/api/admin/caps", &[], Some(cap)).await);
    let own_cap = id(&r
        .ask(
            "POST",
            "/api/seller/caps",
            &[],
            good_body("POST", "/api/seller/caps"),
        )
        .await);
    let caller = json!({"caller": "+4930123459", "note": "Robot"});
    let mark = id(&r.ask("POST", "/api/admin/callers", &[], Some(caller)).await);
    let caller =
        json!({"caller": "+4930123458", "scope": "campaign", "scopeId": 1, "note": "Threatened an agent"});
    let own_mark = id(&r.ask("POST", "/api/seller/callers", &[], Some(caller)).await);
    let hours = json!({
        "name": "Office hours",
        "timeZone": "America/New_York",
        "weekly": [{"day": "monday", "opens": "09:00", "closes": "17:00"}],
        "exceptions": [{"date": "2026-12-25", "name": "Christmas", "intervals": []}],
    });
    let schedule = id(&r
        .ask("POST", "/api/admin/schedules", &[], Some(hours.clone()))
        .await);
    let own_schedule = id(&r.ask("POST", "/api/seller/schedules", &[], Some(hours)).await);
    run(&world.db.superuser().await, TRACES).await;
    let did = id(&r
        .ask(
            "POST",
            "/api/seller/dids",
            &[],
            good_body("POST", "/api/seller/dids"),
        )
        .await);
    let campaign = id(&r
        .ask(
            "POST",
            "/api/seller/campaigns",
            &[],
            good_body("POST", "/api/seller/campaigns"),
        )
        .await);
    let path = "/api/seller/campaigns/{id}/clients";
    let link = id(&r.ask("POST", path, &[&campaign], good_body("POST", path)).await);
    let path = "/api/seller/campaigns/{id}/dids";
    r.ask("POST", path, &[&campaign], Some(json!({"didId": 1}))).await;
    let failed = json!({"uniqueid": "1764441001.18", "failedAttempt": 1, "dialStatus": "BUSY"});
    r.ask("POST", "/api/internal/next_target", &[], Some(failed))
        .await;
    let path = "/api/admin/live_calls/{uniqueid}/release";
    // The lists show it before it is over.
    for path in [
        "/api/admin/live_calls",
        "/api/seller/live_calls",
        "/api/admin/live",
        "/api/seller/live",
    ] {
        r.ask("GET", path, &[], None).await;
    }
    r.ask("POST", path, &["1764441000.17"], good_body("POST", path))
        .await;
    let login = json!({"username": "seller_bob", "password": "password"});
    r.ask("POST", "/api/auth/login", &[], Some(login)).await;
    let other = world.api.login("seller_alice", "password").await;
    r.ask_as(&other, "POST", "/api/auth/logout", &[], None).await;
    let token = id(&r
        .ask(
            "POST",
            "/api/auth/tokens",
            &[],
            good_body("POST", "/api/auth/tokens"),
        )
        .await);
    let reset = r
        .ask(
            "POST",
            "/api/auth/password_links",
            &[],
            Some(json!({"userId": 4})),
        )
        .await;
    for (path, id) in [
        ("/api/admin/caps/{id}", &cap),
        ("/api/seller/caps/{id}", &own_cap),
        ("/api/admin/callers/{id}", &mark),
        ("/api/seller/callers/{id}", &own_mark),
        ("/api/admin/schedules/{id}", &schedule),
        ("/api/seller/schedules/{id}", &own_schedule),
    ] {
        r.ask("GET", path, &[id], None).await;
    }
    for (path, id) in [
        ("/api/admin/caps/{id}/adjust", &cap),
        ("/api/admin/schedules/{id}/exceptions/import", &schedule),
        ("/api/seller/schedules/{id}/exceptions/import", &own_schedule),
    ] {
        r.ask("POST", path, &[id], good_body("POST", path)).await;
    }
    let told = json!({"seats": 12, "ttlSeconds": 90});
    r.ask("PUT", "/api/admin/clients/{id}/capacity", &[], Some(told))
        .await;
    r.ask_the_rest(&["GET"]).await;
    for (path, id) in [
        ("/api/admin/callers/{id}", &mark),
        ("/api/seller/callers/{id}", &own_mark),
    ] {
        r.ask("DELETE", path, &[id], None).await;
    }
    for (path, ids) in [
        ("/api/admin/users/{id}", vec![&user]),
        ("/api/admin/clients/{id}", vec![&client]),
        ("/api/admin/dids/{id}", vec![&given]),
        ("/api/admin/caps/{id}", vec![&cap]),
        ("/api/seller/caps/{id}", vec![&own_cap]),
        ("/api/admin/schedules/{id}", vec![&schedule]),
        ("/api/seller/schedules/{id}", vec![&own_schedule]),
        ("/api/seller/dids/{id}", vec![&did]),
        (
            "/api/seller/campaigns/{id}/clients/{setting_id}",
            vec![&campaign, &link],
        ),
        ("/api/seller/campaigns/{id}", vec![&campaign]),
    ] {
        let ids: Vec<&str> = ids.into_iter().map(String::as_str).collect();
        for method in ["PUT", "PATCH"] {
            r.ask(method, path, &ids, good_body(method, path)).await;
        }
        if path.ends_with("{setting_id}") {
            r.ask(
                "DELETE",
                "/api/seller/campaigns/{id}/dids/{did_id}",
                &[&campaign, "1"],
                None,
            )
            .await;
        }
        r.ask("DELETE", path, &ids, None).await;
    }
    r.ask("DELETE", "/api/auth/tokens/{id}", &[&token], None).await;
    let sessions = r.ask("GET", "/api/auth/sessions", &[], None).await;
    let new = json!({"token": reset["token"], "newPassword": "another-password"});
    r.ask("POST", "/api/auth/new_password", &[], Some(new)).await;
    let bob = world.api.login("seller_bob", "another-password").await;
    let change = json!({"currentPassword": "another-password", "newPassword": "a-new-password"});
    r.ask_as(&bob, "PUT", "/api/auth/password", &[], Some(change))
        .await;
    r.ask(
        "PUT",
        "/api/admin/users/{id}/password",
        &["4"],
        Some(json!({"password": "long-enough"})),
    )
    .await;
    let bob = world.api.login("seller_bob", "long-enough").await;
    let path = "/api/auth/second_factor";
    let begin = json!({"currentPassword": "long-enough"});
    let begun = r.ask_as(&bob, "POST", path, &[], Some(begin)).await;
    let secret = begun["secret"].as_str().expect("a secret").to_owned();
    let mut given = authenticator::code(&secret, 0);
    for (end, next) in [("confirm", 1), ("recovery_codes", 2), ("remove", 2)] {
        let path = format!("/api/auth/second_factor/{end}");
        let codes = r
            .ask_as(&bob, "POST", &path, &[], Some(json!({"code": given})))
            .await;
        given = match &codes["recoveryCodes"][next] {
            Value::String(code) => code.clone(),
            _ => break,
        };
    }
    let again = json!({"currentPassword": "long-enough"});
    bob.post(path, again).await.expect_status(201);
    let confirmed = "update second_factors set confirmed_at = now() where user_id = 4";
    run(&world.db.superuser().await, confirmed).await;
    r.ask("DELETE", "/api/admin/users/{id}/second_factor", &["4"], None)
        .await;
    r.ask_the_rest(&["POST", "PUT", "PATCH"]).await;
    for path in [
        "/api/seller/campaigns/{id}/pause",
        "/api/seller/campaigns/{id}/clients/{setting_id}/pause",
    ] {
        r.ask("DELETE", path, &[], None).await;
    }
    let own = id(&sessions["items"][0]);
    r.ask("DELETE", "/api/auth/sessions/{id}", &[&own], None).await;
    r.ask_the_rest(&["DELETE"]).await;
    r.recorded
}
