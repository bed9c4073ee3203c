//! A test that a document names as proof exists: `folder::file::name` is a test function in that file, `folder::file` a
//! file of tests, and `folder::` a folder of them, which may hold further ones; so is a path under `tests/`.

use capconduit_tests::project;

/// What tells somebody that a test shows something.
const DOCUMENTS: [&str; 10] = [
    "CONTRIBUTING",
    "RELEASING",
    "docs/SECURITY",
    "docs/RELIABILITY",
    "docs/HA",
    "docs/OPERATIONS",
    "docs/ASTERISK",
    "docs/TABLES",
    "docs/COMPARISON",
    "docs/CONSOLE",
];

#[test]
fn every_test_that_a_document_names_exists() {
    let mut functions = 0;
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = super::read(&format!("{document}.md"));
        for code in text.split('`').skip(1).step_by(2) {
            functions += usize::from(code.matches("::").count() == 2);
            if is_name(code) && !exists(code)
                || code.starts_with("tests/") && !project::root().join(code).exists()
            {
                missing.push(format!("{document}.md: {code}"));
            }
        }
    }
    assert!(functions > 80, "{functions} tests are named");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// What may be done to the tables is said line by line, and each line was tried.
#[test]
fn every_line_on_what_may_be_done_to_tables_names_its_test() {
    let text = super::read("docs/TABLES.md");
    let lines = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| | ") && !line.starts_with("| ---"));
    let mut seen = 0;
    for line in lines {
        seen += 1;
        let last = line.trim_end_matches('|').rsplit('|').next().expect("a cell");
        let mut tests = last.trim().split(", ").map(|test| test.trim_matches('`'));
        assert!(
            tests.all(|test| is_name(test) && test.matches("::").count() == 2 && exists(test)),
            "{line}"
        );
    }
    assert!(seen > 30, "{seen} lines");
}

/// Parts of small letters between `::`.
fn is_name(code: &str) -> bool {
    code.contains("::")
        && code
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | ':'))
}

fn exists(test: &str) -> bool {
    let parts: Vec<&str> = test.split("::").filter(|part| !part.is_empty()).collect();
    let tests = project::root().join("tests/tests");
    let path = tests.join(parts.join("/"));
    if path.is_dir() || path.with_extension("rs").is_file() {
        return true;
    }
    let Some((function, file)) = parts.split_last() else {
        return false;
    };
    let file = tests.join(file.join("/")).with_extension("rs");
    let source = std::fs::read_to_string(file).unwrap_or_default();
    // The attribute stands above the function, maybe with others.
    source
        .split_once(&format!("fn {function}()"))
        .and_then(|(before, _)| before.rsplit_once("\n\n"))
        .is_some_and(|(_, head)| head.contains("#[test]") || head.contains("#[tokio::test"))
}

#[test]
fn a_name_without_a_test_is_noticed() {
    assert!(exists("docs::tests_named::a_name_without_a_test_is_noticed"));
    assert!(!exists("docs::tests_named::exists"));
    assert!(!exists("docs::tests_named::nobody"));
    assert!(!exists("docs::nowhere::a_name_without_a_test_is_noticed"));
    assert!(exists("docs::") && exists("docs::tests_named"));
    assert!(exists("asterisk::realtime") && exists("asterisk::realtime::kept"));
    assert!(exists(
        "asterisk::realtime::kept::a_deactivated_client_gets_no_call_at_once"
    ));
    assert!(!exists("dogs::") && !exists("docs::nowhere"));
}
