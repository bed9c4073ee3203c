//! Every ```sql block of a document is run by psql, from top to bottom, on a fresh copy of the sample data. Its first
//! line says as which login: `-- as capconduit_asterisk`. A ```text block behind it is what psql must print; a block
//! without one must run without an error. Times differ from run to run and count as equal, and so do widths.
//!
//! `scripts/generate examples` writes the outputs anew.

use std::io::Write;
use std::ops::Range;
use std::process::{Command, Stdio};

use capconduit_tests::{TestDb, project};

struct Example {
    /// Where the statements begin: lines count from 1.
    line: usize,
    login: String,
    sql: String,
    /// Lines of the printed output, without its fences; indexes into the document's lines.
    output: Option<Range<usize>>,
}

#[tokio::test]
async fn readme() {
    run_document("README.md").await;
}

#[tokio::test]
async fn architecture() {
    run_document("docs/ARCHITECTURE.md").await;
}

#[tokio::test]
async fn sql() {
    run_document("docs/SQL.md").await;
}

async fn run_document(path: &str) {
    let text = super::read(path);
    let lines: Vec<&str> = text.lines().collect();
    let examples = examples(path, &lines);
    assert!(!examples.is_empty(), "{path} has no example");
    let db = TestDb::sample().await;
    let mut differences = Vec::new();
    let mut written = Vec::new();
    let mut copied = 0;
    for example in &examples {
        let printed = psql(&db, example);
        let expected = example.output.clone().map(|range| lines[range].join("\n"));
        // What fails is written down by whoever means it to.
        let fails = |text: &str| text.contains("ERROR:");
        let is_fault = fails(&printed) && !expected.as_deref().is_some_and(fails);
        match (&expected, &example.output) {
            _ if is_fault => {
                differences.push(format!("{path}:{}\n{}\n{printed}", example.line, example.sql));
            }
            (Some(expected), Some(range)) if normalize(expected) != normalize(&printed) => {
                differences.push(format!(
                    "{path}:{}\n{}\n--- expected\n{expected}\n--- printed\n{printed}",
                    example.line, example.sql
                ));
                written.extend(lines[copied..range.start].iter().map(|line| (*line).to_owned()));
                written.extend(printed.lines().map(|line| line.trim_end().to_owned()));
                copied = range.end;
            }
            _ => {}
        }
    }
    if std::env::var("CAPCONDUIT_DOCS").is_ok_and(|value| value == "write") {
        written.extend(lines[copied..].iter().map(|line| (*line).to_owned()));
        std::fs::write(project::root().join(path), written.join("\n") + "\n")
            .expect("the document is written");
    }
    assert!(
        differences.is_empty(),
        "{} examples differ:\n{}",
        differences.len(),
        differences.join("\n\n")
    );
}

fn examples(path: &str, lines: &[&str]) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut at = 0;
    while let Some(start) = find(lines, at, |line| line == "```sql") {
        let end = find(lines, start + 1, |line| line == "```").expect("a block ends");
        let block = &lines[start + 1..end];
        let login = block
            .first()
            .and_then(|line| line.strip_prefix("-- as "))
            .unwrap_or_else(|| panic!("{path}:{}: the first line says as which login", start + 2));
        let opens = find(lines, end + 1, |line| !line.is_empty()).filter(|&line| lines[line] == "```text");
        let output =
            opens.map(|opens| opens + 1..find(lines, opens + 1, |line| line == "```").expect("a block ends"));
        at = output.as_ref().map_or(end + 1, |output| output.end + 1);
        examples.push(Example {
            line: start + 2,
            login: login.to_owned(),
            sql: block[1..].join("\n"),
            output,
        });
    }
    examples
}

fn find(lines: &[&str], from: usize, wanted: impl Fn(&str) -> bool) -> Option<usize> {
    (from..lines.len()).find(|&index| wanted(lines[index]))
}

/// What the reader's own psql prints; its errors come last.
fn psql(db: &TestDb, example: &Example) -> String {
    let mut command: Command = project::script(
        "platform",
        db.cluster().state_folder(),
        &[
            "psql",
            "--no-psqlrc",
            "--quiet",
            "--set=SHOW_CONTEXT=never",
            "--pset=null=",
        ],
    );
    let mut psql = command
        .arg(format!("--dbname={}", db.name()))
        .env("CAPCONDUIT_PORT", db.cluster().port().to_string())
        .env("AS", &example.login)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("scripts/platform can be run");
    let mut input = psql.stdin.take().expect("psql's input is piped");
    input.write_all(example.sql.as_bytes()).expect("psql reads");
    drop(input);
    let output = psql.wait_with_output().expect("psql ends");
    let printed = [output.stdout, output.stderr].concat();
    String::from_utf8(printed)
        .expect("psql prints UTF-8")
        .trim_end()
        .to_owned()
}

/// Times and column widths left out.
fn normalize(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| {
            let words: Vec<String> = line.split_whitespace().map(normalize_word).collect();
            words.join(" ").replace("<time> <time>", "<time>")
        })
        .filter(|line| !line.is_empty())
        .collect()
}

/// `2026-03-01` and `09:30:00.25+00` are times; rules of dashes have the width of their column.
fn normalize_word(word: &str) -> String {
    let of = |allowed: &str| word.chars().all(|c| c.is_ascii_digit() || allowed.contains(c));
    let date = word.len() == 10 && of("-") && word.matches('-').count() == 2;
    let time = word.len() >= 8 && of(":.+") && word.matches(':').count() == 2;
    if date || time {
        return "<time>".to_owned();
    }
    let mut short = String::new();
    for c in word.chars() {
        if c != '-' || !short.ends_with('-') {
            short.push(c);
        }
    }
    short
}

#[test]
fn times_and_widths_are_all_that_is_left_out() {
    let one = " a  |            b\n----+------------\n 1 | 2026-03-01 09:30:00.25+00";
    let other = " a |   b\n---+----\n 1 | 2026-03-02 10:30:00+00\n";
    assert_eq!(normalize(one), normalize(other));
    assert_ne!(normalize(" 1 | 2"), normalize(" 1 | 3"));
    assert_ne!(normalize("1:2"), normalize("1:3"));
}
