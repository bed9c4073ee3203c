//! What the agent knows of itself over restarts: who it is (`instance`), and which start of Asterisk it announced last.
//! Kept in the spool folder, which is this Asterisk's own.
//!
//! `instance` must be the same after a restart of agent, Asterisk or machine, and another one on a second machine that
//! was given the same name. So it is a random id from a file, joined to the machine's id: a copied disk keeps the first,
//! and a properly made copy has its own second.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::secret;

const FILE: &str = ".agent.json";
const MACHINE_ID: &str = "/etc/machine-id";

#[derive(Debug)]
pub struct State {
    file: PathBuf,
    instance: String,
    kept: Kept,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    id: String,
    announced: Option<Start>,
}

/// One start of Asterisk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// As Asterisk tells it: the same string as long as it runs.
    pub started: String,
    /// The same instant by the database's clock, found when this start was first seen.
    pub booted_at: Timestamp,
}

impl State {
    /// Never fails: without its file an agent still replays, and is only taken for another instance after its restart.
    pub fn load(spool: &Path) -> Self {
        let file = spool.join(FILE);
        let (kept, fresh) = match read(&file) {
            Ok(Some(kept)) => (kept, false),
            Ok(None) => (Kept::new(), true),
            Err(error) => {
                tracing::warn!(%error, file = %file.display(), "the agent's own file cannot be used; making a new one");
                (Kept::new(), true)
            }
        };
        let state = State {
            instance: format!("{}-{}", machine(), kept.id),
            file,
            kept,
        };
        if fresh {
            state.save();
        }
        state
    }

    pub fn instance(&self) -> &str {
        &self.instance
    }

    pub fn announced(&self) -> Option<&Start> {
        self.kept.announced.as_ref()
    }

    pub fn announce(&mut self, start: Start) {
        if self.kept.announced.as_ref() != Some(&start) {
            self.kept.announced = Some(start);
            self.save();
        }
    }

    fn save(&self) {
        if let Err(error) = self.write() {
            tracing::warn!(%error, file = %self.file.display(), "the agent's own file cannot be written");
        }
    }

    /// Whole or not at all, whenever the machine stops.
    fn write(&self) -> io::Result<()> {
        let new = self.file.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(&self.kept)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.file)
    }
}

impl Kept {
    fn new() -> Self {
        let id = secret::random().unwrap_or_else(|error| {
            tracing::warn!(%error, "using the time as this agent's id");
            Timestamp::now().as_nanosecond().to_string()
        });
        Kept { id, announced: None }
    }
}

fn read(file: &Path) -> io::Result<Option<Kept>> {
    match fs::read(file) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A digest: the machine's id itself is not for others.
fn machine() -> String {
    let id = fs::read_to_string(MACHINE_ID).unwrap_or_default();
    secret::hash(id.trim())[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_after_a_restart_and_another_elsewhere() {
        let folder = std::env::temp_dir().join(format!("capconduit-state-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut first = State::load(&folder);
        assert_eq!(first.announced(), None);
        let start = Start {
            started: "17:32:22".into(),
            booted_at: Timestamp::UNIX_EPOCH,
        };
        first.announce(start.clone());
        let again = State::load(&folder);
        assert_eq!(again.instance(), first.instance());
        assert_eq!(again.announced(), Some(&start));
        fs::write(folder.join(FILE), "{").unwrap();
        assert_ne!(State::load(&folder).instance(), first.instance());
        fs::remove_dir_all(&folder).unwrap();
    }
}
