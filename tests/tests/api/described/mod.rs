//! The description: every operation says what it does and shows a request and an answer, the recorded ones are what the service
//! answers, and whatever it shows is what its schemas say.
//!
//! `scripts/generate requests` records them anew, in api/examples.json.

mod check;
mod recorder;

use std::collections::HashSet;

use capconduit_tests::project;
use serde_json::{Map, Value};

use super::support::{World, keys};
use check::Check;
use recorder::recorded;

const FILE: &str = "api/examples.json";

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
