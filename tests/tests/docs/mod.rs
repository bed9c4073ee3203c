//! What the documentation says is what happens: its examples are run, its lists are compared with the catalogue,
//! its links lead somewhere.

mod alerts;
mod asterisk_walk;
mod catalogue;
mod examples;
mod ha;
mod ha_walk;
mod links;
mod tests_named;

use capconduit_tests::project;

/// A text of the project, by its path from the root.
fn read(path: &str) -> String {
    std::fs::read_to_string(project::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The blocks of commands under a heading of a text, its first line as it stands there.
fn blocks(path: &str, heading: &str) -> Vec<String> {
    let text = read(path);
    let (_, rest) = text
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("{path} has no {heading}"));
    let section = rest.split("\n## ").next().expect("a section");
    let section = section.split("\n### ").next().expect("a section");
    let blocks = section.split("```\n").skip(1).step_by(2);
    blocks.map(str::to_owned).collect()
}
