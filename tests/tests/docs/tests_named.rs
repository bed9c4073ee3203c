//! A test that a document names as proof exists: `folder::file::name` is a test function in that file.

use capconduit_tests::project;

#[test]
fn every_test_that_security_names_exists() {
    let text = super::read("docs/SECURITY.md");
    let named: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.matches("::").count() == 2)
        .collect();
    assert!(named.len() > 50, "{} tests are named", named.len());
    let missing: Vec<&str> = named.into_iter().filter(|test| !exists(test)).collect();
    assert!(missing.is_empty(), "docs/SECURITY.md names {missing:#?}");
}

fn exists(test: &str) -> bool {
    let parts: Vec<&str> = test.split("::").collect();
    let file = project::root().join(format!("tests/tests/{}/{}.rs", parts[0], parts[1]));
    let source = std::fs::read_to_string(file).unwrap_or_default();
    // The attribute stands above the function, maybe with others.
    source
        .split_once(&format!("fn {}()", parts[2]))
        .and_then(|(before, _)| before.rsplit_once("\n\n"))
        .is_some_and(|(_, head)| head.contains("#[test]") || head.contains("#[tokio::test"))
}

#[test]
fn a_name_without_a_test_is_noticed() {
    assert!(exists("docs::tests_named::a_name_without_a_test_is_noticed"));
    assert!(!exists("docs::tests_named::exists"));
    assert!(!exists("docs::tests_named::nobody"));
    assert!(!exists("docs::nowhere::a_name_without_a_test_is_noticed"));
}
