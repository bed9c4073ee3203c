//! Links between the project's texts lead to files that are there.

use capconduit_tests::project;

#[test]
fn links_lead_to_files() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for text in [
        "README.md",
        "CHANGELOG.md",
        "docs/ARCHITECTURE.md",
        "docs/SQL.md",
        "migrations/README.md",
    ] {
        let content = super::read(text);
        let folder = project::root().join(text);
        let folder = folder.parent().expect("a text lies in a folder");
        for target in content
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            seen += 1;
            if !folder.join(file).exists() {
                broken.push(format!("{text}: {target}"));
            }
        }
    }
    assert!(seen > 0, "no link was looked at");
    assert!(broken.is_empty(), "links to nothing: {broken:#?}");
}
