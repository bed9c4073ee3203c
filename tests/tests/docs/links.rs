//! Links between the project's texts lead to files that are there, and to headings that are in them.

use std::path::{Path, PathBuf};

use capconduit_tests::project;

#[test]
fn links_lead_somewhere() {
    let root = project::root();
    let mut texts = markdown_in(&root.join("docs"));
    texts.extend(
        [
            "README.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "RELEASING.md",
            "SECURITY.md",
            "migrations/README.md",
        ]
        .map(|text| root.join(text)),
    );
    let mut broken = Vec::new();
    let mut seen = 0;
    for text in &texts {
        let content = read(text);
        for target in content
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if target.contains("://") {
                continue;
            }
            seen += 1;
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() {
                text.clone()
            } else {
                text.parent().expect("a text lies in a folder").join(file)
            };
            let leads = file.exists()
                && (heading.is_empty() || anchors(&read(&file)).any(|anchor| anchor == heading));
            if !leads {
                broken.push(format!("{}: {target}", text.display()));
            }
        }
    }
    assert!(seen > 0, "no link was looked at");
    assert!(broken.is_empty(), "links to nothing: {broken:#?}");
}

/// `scripts/NAME WORD`, wherever a text or the Makefile has it: the script is there, and its help knows the word.
#[test]
fn scripts_that_are_named_are_there() {
    let root = project::root();
    let mut texts = markdown_in(&root.join("docs"));
    for name in [
        "Makefile",
        "README.md",
        "CONTRIBUTING.md",
        "RELEASING.md",
        "migrations/README.md",
    ] {
        texts.push(root.join(name));
    }
    let mut seen = 0;
    for text in &texts {
        let content = read(text);
        for rest in content.split("scripts/").skip(1) {
            let command = rest
                .split(['`', '\n', ')', ']', '"'])
                .next()
                .expect("a first part");
            let mut words = command.split_whitespace();
            let name = words
                .next()
                .unwrap_or_default()
                .trim_end_matches(['.', ',', ':', ';']);
            let script = root.join("scripts").join(name);
            assert!(
                name.is_empty() || script.exists(),
                "{}: scripts/{command}",
                text.display()
            );
            if let Some(word) = words
                .next()
                .filter(|word| script.is_file() && !word.starts_with('-'))
            {
                let help = read(&script);
                assert!(
                    help.contains(&format!(" {word}")),
                    "{}: scripts/{command}",
                    text.display()
                );
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} scripts are named");
}

fn markdown_in(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .expect("the folder of the texts")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// As readers on the web get them: lower case, blanks as dashes, no other punctuation.
pub fn anchors(content: &str) -> impl Iterator<Item = String> {
    content
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|heading| {
            heading
                .trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
}
