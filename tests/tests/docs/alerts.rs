//! Alerts are about metrics that exist, and name a part of a page that is there. What each fires on, promtool tests.

use super::links::anchors;
use super::read;

const FILES: [&str; 2] = ["deploy/prometheus/alerts.yaml", "deploy/prometheus/rules.yaml"];
const SOURCES: [&str; 2] = ["api/src/serve/metrics.rs", "api/src/node/health.rs"];

/// Names of series, without what Prometheus makes of a histogram, and without the rules' own names.
fn metrics(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.split(|c: char| !is_part(c))
        .filter(|word| word.starts_with("capconduit_") && !word.contains(':'))
        .map(|word| word.strip_suffix("_bucket").unwrap_or(word))
        .collect()
}

#[test]
fn alerts_are_about_metrics_that_exist() {
    let sources = SOURCES.map(read).concat();
    let mut seen = 0;
    for file in FILES {
        let text = read(file);
        for metric in metrics(&text) {
            seen += 1;
            assert!(sources.contains(&format!("\"{metric}\"")), "{file}: {metric}");
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn each_alert_says_what_to_read() {
    let alerts = read(FILES[0]);
    let tests = read("deploy/prometheus/alerts_test.yaml");
    let runbooks: Vec<_> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook: "))
        .collect();
    let names: Vec<_> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert_eq!(runbooks.len(), names.len());
    for runbook in runbooks {
        let (file, heading) = runbook.split_once('#').expect("a part of a page");
        assert!(anchors(&read(file)).any(|anchor| anchor == heading), "{runbook}");
    }
    for name in names {
        assert!(tests.contains(name), "{name} has no test");
    }
}
