//! What the documentation says is what happens: its examples are run, its lists are compared with the catalogue,
//! its links lead somewhere.

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
