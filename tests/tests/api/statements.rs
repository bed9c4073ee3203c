//! Every statement of the service, prepared as the role that runs it: names, types and rights are those of the schema.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use capconduit_tests::{API, TestDb, project};
use serde_json::Value;

/// As the command lists them: the role, None for the service's own login, and the text.
pub fn all() -> Vec<(Option<String>, String)> {
    let said = project::capconduit()
        .arg("statements")
        .output()
        .expect("the command runs");
    assert!(said.status.success(), "{said:?}");
    let list: Vec<Value> = serde_json::from_slice(&said.stdout).expect("a list of statements");
    let text = |entry: &Value, key: &str| entry[key].as_str().map(str::to_owned);
    list.iter()
        .map(|entry| (text(entry, "role"), text(entry, "sql").expect("a statement")))
        .collect()
}

#[tokio::test]
async fn every_statement_of_every_role_can_be_prepared() {
    let db = TestDb::new().await;
    let service = db.connect_as(API).await;
    let all = all();
    for role in [
        None,
        Some("capconduit_internal"),
        Some("capconduit_seller"),
        Some("capconduit_staff"),
    ] {
        assert!(
            all.iter().any(|(found, _)| found.as_deref() == role),
            "no statement of {role:?}"
        );
    }
    let mut faults = Vec::new();
    for (role, sql) in all {
        // As a request does it: in a transaction, as its role.
        let become_role = role
            .as_ref()
            .map_or(String::new(), |role| format!("; set local role {role}"));
        service
            .batch_execute(&format!("begin{become_role}"))
            .await
            .expect("the service takes on its roles");
        if let Err(error) = service.prepare(&sql).await {
            faults.push(format!("{role:?}: {error:?}\n{sql}"));
        } else if sql.starts_with("select") || sql.starts_with("with") {
            // The rights are looked at when a plan is made and run; a plan alone is run by nobody.
            let parameters = service
                .prepare(&sql)
                .await
                .expect("prepared again")
                .params()
                .len();
            let nulls = vec!["null"; parameters].join(", ");
            let explain = format!(
                "prepare one as {sql}; explain execute one{}",
                if parameters == 0 {
                    String::new()
                } else {
                    format!("({nulls})")
                }
            );
            if let Err(error) = service.batch_execute(&explain).await {
                faults.push(format!("{role:?}: {error:?}\n{sql}"));
            }
        }
        let _ = service.batch_execute("rollback; deallocate all").await;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of constants that hold a statement.
fn constants(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in source.match_indices("const ") {
        let Some((name, rest)) = source[at + 6..].split_once(": &str =") else {
            continue;
        };
        let value = rest.split(";\n").next().unwrap_or_default();
        let is_sql = [
            "select ",
            "insert into ",
            "update ",
            "delete from ",
            "records!(",
            "calls!(",
            "link_usage!(",
            "links!(",
            "client!(",
            "campaign!(",
            "explained!(",
            "target!(",
        ]
        .iter()
        .any(|word| value.contains(word));
        if is_sql && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') {
            names.push(name.to_owned());
        }
    }
    names
}

/// The names in the lists that end in STATEMENTS.
fn listed(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in source.match_indices("STATEMENTS: &[") {
        let list = source[at..].split("];").next().unwrap_or_default();
        names.extend(
            list.split(|c: char| !c.is_ascii_uppercase() && c != '_')
                .map(str::to_owned),
        );
    }
    names
}

#[test]
fn no_statement_is_missing_from_the_list() {
    let mut files = Vec::new();
    for folder in ["resources", "process/serve", "access", "http"] {
        sources(&project::root().join("api/src").join(folder), &mut files);
    }
    let mut checked = 0;
    for file in &files {
        let source = std::fs::read_to_string(file).expect("a source");
        let folder = file.parent().expect("a folder");
        let lists: BTreeSet<String> = files
            .iter()
            .filter(|other| other.parent() == Some(folder))
            .flat_map(|other| listed(&std::fs::read_to_string(other).expect("a source")))
            .collect();
        for name in constants(&source) {
            assert!(
                lists.contains(&name),
                "{}: {name} is in no list of statements",
                file.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked} statements were found");
    // A declared list makes its own.
    let command =
        std::fs::read_to_string(project::root().join("api/src/process/statements.rs")).expect("a source");
    let mut lists = 0;
    for file in &files {
        let source = std::fs::read_to_string(file).expect("a source");
        if !file.starts_with(project::root().join("api/src/resources")) {
            continue;
        }
        for declared in source.split("list! {").skip(1) {
            let name = declared
                .split("pub ")
                .nth(1)
                .and_then(|rest| rest.split(" of ").next());
            let name = name.expect("a list has a name");
            let resource = file
                .parent()
                .and_then(|folder| folder.file_name())
                .expect("a folder");
            let module = file.file_stem().expect("a file");
            let listed = format!(
                "{}::{}::{name}::statements()",
                resource.display(),
                module.display()
            );
            assert!(
                command.contains(&listed),
                "{listed} is not in the list of statements"
            );
            lists += 1;
        }
    }
    assert!(lists > 10, "{lists} lists were found");
}
