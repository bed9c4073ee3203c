//! The description: every operation says what it does and shows a request and an answer, the recorded ones are what the service
//! answers, and whatever it shows is what its schemas say.
//!
//! `scripts/generate requests` records them anew, in api/examples.json.

use std::collections::{BTreeMap, HashSet};

use capconduit_tests::{Calls, Visitor, project};
use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};

use super::contract::{ROUTES, Who, fill, good_body, needed_query};
use super::support::{World, keys, run};

const FILE: &str = "api/examples.json";

/// Faults of a value against a schema.
struct Check<'a> {
    document: &'a Value,
    faults: Vec<String>,
}

impl Check<'_> {
    fn against(&mut self, schema: &Value, value: &Value, at: &str) {
        if let Some(reference) = schema["$ref"].as_str() {
            let found = self.document.pointer(reference.trim_start_matches('#'));
            let found = found
                .unwrap_or_else(|| panic!("{reference} is not there"))
                .clone();
            return self.against(&found, value, at);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let merged = self.merged(parts);
            return self.against(&merged, value, at);
        }
        if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
            let fits = |choice: &Value| {
                let mut check = Check {
                    document: self.document,
                    faults: Vec::new(),
                };
                check.against(choice, value, at);
                check.faults.is_empty()
            };
            if !choices.iter().any(fits) {
                self.faults.push(format!("{at}: {value} is none of {choices:?}"));
            }
            return;
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fits =
            types.is_empty() || types.contains(&kind) || (kind == "integer" && types.contains(&"number"));
        if !fits {
            self.faults.push(format!("{at}: {value} is no {types:?}"));
            return;
        }
        if let Some(choices) = schema["enum"].as_array()
            && !choices.contains(value)
        {
            self.faults.push(format!("{at}: {value} is none of {choices:?}"));
        }
        if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
            && number < least
        {
            self.faults.push(format!("{at}: {number} is less than {least}"));
        }
        if let (Some(most), Some(text)) = (schema["maxLength"].as_u64(), value.as_str())
            && text.chars().count() as u64 > most
        {
            self.faults.push(format!("{at}: {text} is longer than {most}"));
        }
        match value {
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.against(&schema["items"], item, &format!("{at}.{number}"));
                }
            }
            Value::Object(object) => self.object(schema, object, at),
            _ => {}
        }
    }

    fn object(&mut self, schema: &Value, object: &Map<String, Value>, at: &str) {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !object.contains_key(name.as_str().unwrap_or_default()) {
                self.faults.push(format!("{at}: {name} is missing"));
            }
        }
        let Some(properties) = schema["properties"].as_object() else {
            return;
        };
        for (name, value) in object {
            match properties.get(name) {
                Some(schema) => self.against(schema, value, &format!("{at}.{name}")),
                None if schema["additionalProperties"].is_object() => {}
                None => self.faults.push(format!("{at}: {name} is not described")),
            }
        }
    }

    fn merged(&self, parts: &[Value]) -> Value {
        let mut merged = json!({"type": "object", "required": [], "properties": {}});
        for part in parts {
            let part = match part["$ref"].as_str() {
                Some(reference) => self
                    .document
                    .pointer(reference.trim_start_matches('#'))
                    .expect("a schema"),
                None => part,
            };
            let part = match part["allOf"].as_array() {
                Some(inner) => self.merged(inner),
                None => part.clone(),
            };
            let required = part["required"].as_array().cloned().unwrap_or_default();
            merged["required"]
                .as_array_mut()
                .expect("a list")
                .extend(required);
            for (name, schema) in part["properties"].as_object().into_iter().flatten() {
                merged["properties"][name] = schema.clone();
            }
        }
        merged
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods");
        methods
            .iter()
            .map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    })
}

/// The bodies of an operation that it shows: what each is, its kind, and its content.
fn bodies(operation: &Value) -> Vec<(String, &str, &Value)> {
    let mut found = Vec::new();
    let request = operation["requestBody"]["content"]
        .as_object()
        .into_iter()
        .flatten();
    found.extend(request.map(|(kind, content)| ("request".to_owned(), kind.as_str(), content)));
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let contents = response["content"].as_object().into_iter().flatten();
        found.extend(contents.map(|(kind, content)| (status.clone(), kind.as_str(), content)));
    }
    found
}

#[tokio::test]
async fn every_operation_says_what_it_does_and_shows_what_is_true() {
    let world = World::new().await;
    let document = world.api.nobody().get("/openapi.json").await.ok();
    let mut check = Check {
        document: &document,
        faults: Vec::new(),
    };
    let mut names = HashSet::new();
    for (name, operation) in operations(&document) {
        for text in ["summary", "description", "operationId"] {
            if operation[text].as_str().is_none_or(str::is_empty) {
                check.faults.push(format!("{name}: no {text}"));
            }
        }
        if !names.insert(operation["operationId"].to_string()) {
            check
                .faults
                .push(format!("{name}: another one is {}", operation["operationId"]));
        }
        for (what, kind, content) in bodies(operation) {
            let at = format!("{name} {what} {kind}");
            match content.get("example") {
                None => check.faults.push(format!("{at}: no example")),
                Some(example) => check.against(&content["schema"], example, &at),
            }
        }
    }
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for (name, schema) in schemas {
        let text = schema.to_string();
        if text.contains("\"pattern\":\"^(") {
            check
                .faults
                .push(format!("{name}: words that are no enum: {text}"));
        }
        if name.starts_with("Page_") && schema["properties"]["items"]["items"]["$ref"].is_null() {
            check.faults.push(format!("{name}: items without a name"));
        }
    }
    assert!(check.faults.is_empty(), "{}", check.faults.join("\n"));
}

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
                    text.replace_range(at.., &format!("{begin}{}", "X".repeat(43)));
                }
            }
        }
        Value::Array(list) => {
            list.truncate(2);
            list.iter_mut().for_each(steady);
        }
        Value::Object(object) => object.values_mut().for_each(steady),
        _ => {}
    }
}

/// What calls, switches and the service leave behind.
const TRACES: &str = "
    insert into pjsip_contacts (id, endpoint, uri, expiration_time, via_addr, via_port, reg_server, user_agent)
    values ('client_alpha_sales^3B@1', 'client_alpha_sales', 'sip:a@192.0.2.7:5060^3Btransport=tcp', 4000000000, '192.0.2.7', 5061,
            'pbx1', 'Phone/1');
    insert into cap_events (cap_id, user_id, campaign_id, link_id, client_id, subject_name, counts, span, set_by, enforce, max_calls,
        threshold, used, in_flight, starts_at, ends_at)
    select id, 3, 1, 1, 1, 'Alpha Corp', 'answered', 'day', 'seller', true, 50, 90, 45, 1, date_trunc('day', now()),
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

async fn recorded() -> BTreeMap<String, Value> {
    let world = World::new().await;
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
    ] {
        r.ask("GET", path, &[id], None).await;
    }
    r.ask_the_rest(&["GET"]).await;
    for (path, ids) in [
        ("/api/admin/users/{id}", vec![&user]),
        ("/api/admin/clients/{id}", vec![&client]),
        ("/api/admin/dids/{id}", vec![&given]),
        ("/api/admin/caps/{id}", vec![&cap]),
        ("/api/seller/caps/{id}", vec![&own_cap]),
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
    r.ask_the_rest(&["POST", "PUT", "PATCH"]).await;
    let own = id(&sessions["items"][0]);
    r.ask("DELETE", "/api/auth/sessions/{id}", &[&own], None).await;
    r.ask_the_rest(&["DELETE"]).await;
    r.recorded
}

/// The keys of all objects, however deep.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(object) => keys(value)
            .into_iter()
            .map(|key| (key.to_owned(), shape(&object[key])))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) => list.first().map_or(Value::Null, shape),
        _ => Value::Null,
    }
}

#[tokio::test]
async fn what_is_shown_is_what_the_service_answers() {
    let real = serde_json::to_value(recorded().await).unwrap();
    let file = project::root().join(FILE);
    if std::env::var("CAPCONDUIT_DOCS").is_ok_and(|wish| wish == "write") {
        std::fs::write(&file, format!("{real:#}\n")).expect("the examples can be written");
        return;
    }
    let kept: Value =
        serde_json::from_str(&std::fs::read_to_string(&file).expect("the examples")).expect("JSON");
    assert_eq!(
        keys(&kept),
        keys(&real),
        "scripts/generate requests records them anew"
    );
    for (name, example) in kept.as_object().unwrap() {
        let (shown, now) = (&example["answer"], &real[name]["answer"]);
        assert_eq!(example["status"], real[name]["status"], "{name}");
        assert_eq!(
            shape(shown),
            shape(now),
            "{name}: scripts/generate requests records it anew"
        );
    }
}

/// Its page for people: whole without a script, and with nothing from elsewhere.
#[tokio::test]
async fn the_page_shows_every_operation_and_runs_only_its_own_script() {
    let world = World::new().await;
    let nobody = world.api.nobody();
    let document = nobody.get("/openapi.json").await.ok();
    let answer = nobody.get("/docs").await.expect_status(200);
    let policy = answer.header("content-security-policy").to_owned();
    assert!(
        policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"),
        "{policy}"
    );
    let page = answer.text();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let start = page
            .find(&format!("<details id=\"{id}\">"))
            .unwrap_or_else(|| panic!("no {name}"));
        let part = &page[start..start + page[start..].find("</details>").expect("an end")];
        let summary = operation["summary"].as_str().unwrap().replace('\'', "&#39;");
        assert!(part.contains(&summary), "{name}: {part}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let input = format!("<input name=\"{}\"", parameter["name"].as_str().unwrap());
            assert!(part.contains(&input), "{name}: {input}");
        }
        assert_eq!(
            part.contains("<textarea"),
            operation["requestBody"].is_object(),
            "{name}"
        );
    }
    let links = page
        .find("/api/seller/campaigns/{id}/clients</code>")
        .expect("links");
    for words in [
        "<code>maxConcurrency</code> <b>required</b>",
        "integer, 1 to 1000000",
        "one of active, inactive",
    ] {
        assert!(page[links..].contains(words), "{words}");
    }
    for foreign in [
        "<script>",
        "<style",
        " style=",
        " onclick=",
        "src=\"http",
        "href=\"http",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let index = nobody.get("/").await.expect_status(200).text();
    for address in ["/console", "/docs", "/openapi.json"] {
        assert!(index.contains(&format!("href=\"{address}\"")), "{address}");
    }
}
