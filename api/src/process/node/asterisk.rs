//! Asterisk's control socket, through its own command: its name, its uptime, its channels. A missing answer is never taken
//! for an empty list.

use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, bail};
use capconduit_core::text::UNIQUEID;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

/// Too low: a busy Asterisk looks dead. Too high: a frozen one delays what else is to be done.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A command such as `asterisk -C /etc/asterisk/asterisk.conf`, which is given `-rx` and what to ask.
#[derive(Debug, Clone)]
pub struct Asterisk {
    words: Vec<String>,
}

/// What stays as it is while one Asterisk runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub system_name: String,
    /// The time of day at which it started, by its own clock and kept by it: unlike its uptime it does not move when the
    /// machine's clock is set.
    pub started: String,
}

/// Asterisk gave no answer, and what is known of its process all the same.
#[derive(Debug)]
pub struct NoAnswer {
    /// None: nothing is known. Its calls may talk on.
    pub process: Option<Process>,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// It refuses, is busy or stands still: its console waits for it.
    Alive,
    /// Nobody listens on its control socket.
    Down,
}

impl NoAnswer {
    fn unknown(text: String) -> Self {
        NoAnswer { process: None, text }
    }

    fn alive(text: String) -> Self {
        NoAnswer {
            process: Some(Process::Alive),
            text,
        }
    }
}

/// How Asterisk's answer ends while `core stop gracefully` waits for the last calls. A list of channels may hold the same
/// words, since a caller chooses the own name; but it ends with a uniqueid.
const REFUSES: &str = "cannot be run during shutdown";

/// What the console says when it cannot connect. The path of the control socket stands between the two parts.
const UNREACHED: (&str, &str) = ("Unable to connect to remote asterisk (does ", " exist?)");

/// The names of the console's process: Asterisk's own binary, and its link for consoles.
const CONSOLE: [&str; 2] = ["asterisk", "rasterisk"];

impl Asterisk {
    pub fn new(command: &str) -> Result<Self> {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            bail!("--asterisk-command is empty");
        }
        Ok(Self { words })
    }

    pub async fn identity(&self) -> Result<Identity, NoAnswer> {
        read_identity(&self.ask("core show settings").await?)
    }

    pub async fn uptime_seconds(&self) -> Result<i64, NoAnswer> {
        read_uptime(&self.ask("core show uptime seconds").await?)
    }

    /// The uniqueids of its live channels.
    pub async fn channels(&self) -> Result<Vec<String>, NoAnswer> {
        let text = self.ask("core show channels concise").await?;
        let ids = read_channels(&text);
        // The console may say something before it asks, on a machine without IPv4 always. Words alone are no empty list.
        if ids.is_empty() && !text.trim().is_empty() {
            let counted = self.ask("core show channels count").await?;
            if !counted.lines().any(|line| line.trim() == "0 active channels") {
                return Err(NoAnswer::alive(format!(
                    "Asterisk's answer is no list of channels: {}",
                    text.trim().lines().next().unwrap_or_default()
                )));
            }
        }
        Ok(ids)
    }

    /// The addresses by which it knows its trunks.
    pub async fn identifies(&self) -> Result<String, NoAnswer> {
        self.ask("pjsip show identifies").await
    }

    /// Makes Asterisk read one call center anew and qualify it with its present settings. True when it found it.
    pub async fn reads_center(&self, name: &str) -> bool {
        let said = self.ask(&format!("pjsip reload qualify aor {name}")).await;
        said.is_ok_and(|said| said.contains("Synchronizing AOR"))
    }

    /// Whether Asterisk qualifies this call center.
    pub async fn knows_center(&self, name: &str) -> bool {
        let said = self.ask(&format!("pjsip show qualify aor {name}")).await;
        said.is_ok_and(|said| said.contains("Qualify frequency"))
    }

    /// Makes Asterisk read all call centers anew. True when it did.
    pub async fn read_all_centers(&self, within: Duration) -> bool {
        let said = self.ask_within("module reload res_pjsip.so", within).await;
        said.is_ok_and(|said| said.contains("reloaded successfully"))
    }

    async fn ask(&self, what: &str) -> Result<String, NoAnswer> {
        self.ask_within(what, ANSWER_TIMEOUT).await
    }

    async fn ask_within(&self, what: &str, within: Duration) -> Result<String, NoAnswer> {
        let child = Command::new(&self.words[0])
            .args(&self.words[1..])
            .args(["-rx", what])
            // Nothing of our own settings, the database's password least of all.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Of its own, to be killed whole: a console that waits for a frozen Asterisk ignores SIGTERM.
            .process_group(0)
            .spawn()
            .map_err(|error| NoAnswer::unknown(format!("cannot run {}: {error}", self.words[0])))?;
        let group = Group::of(&child);
        let output = match tokio::time::timeout(within, child.wait_with_output()).await {
            Ok(output) => output.map_err(|error| NoAnswer::unknown(error.to_string()))?,
            Err(_) if group.has_console() => {
                return Err(NoAnswer::alive(format!(
                    "Asterisk did not answer within {within:?}"
                )));
            }
            Err(_) => {
                return Err(NoAnswer::unknown(format!(
                    "{} did not start Asterisk's console within {within:?}: nothing is known of Asterisk",
                    self.words[0]
                )));
            }
        };
        group.has_ended();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &text;
        if said.trim_end().ends_with(REFUSES) {
            return Err(NoAnswer::alive(
                "Asterisk is stopping and tells nothing of its calls".into(),
            ));
        }
        if !output.status.success() {
            let first = said.lines().find(|line| !line.trim().is_empty());
            return Err(NoAnswer {
                process: nobody_listens(&said).await.then_some(Process::Down),
                text: format!(
                    "Asterisk does not answer: {}",
                    first.unwrap_or("it says nothing").trim()
                ),
            });
        }
        Ok(text)
    }
}

/// The console could not connect. It says so, too, when it may not: so the socket that it names is tried once more.
async fn nobody_listens(said: &str) -> bool {
    let (before, after) = UNREACHED;
    let Some(socket) = said
        .split_once(before)
        .and_then(|(_, rest)| Some(rest.split_once(after)?.0))
    else {
        return false;
    };
    match UnixStream::connect(socket).await {
        Ok(_) => false,
        Err(error) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused),
    }
}

/// Kills the command's process group when it is given up.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        Group(pid.and_then(Pid::from_raw))
    }

    fn has_ended(mut self) {
        self.0 = None;
    }

    /// Whether the console runs, as the command itself or below it. Else the command hangs before it: a helper such as
    /// `docker exec` waits for its own daemon, and that says nothing about Asterisk.
    fn has_console(&self) -> bool {
        let Some(command) = self.0 else { return false };
        let all = running();
        let is_of_command = |process: &Running| {
            let mut pid = process.pid;
            // A chain of parents is short, and a list that changes meanwhile must not hold anybody.
            for _ in 0..64 {
                if pid == command.as_raw_nonzero().get() {
                    return true;
                }
                match all.iter().find(|other| other.pid == pid) {
                    Some(found) => pid = found.parent,
                    None => return false,
                }
            }
            false
        };
        all.iter()
            .any(|process| CONSOLE.contains(&process.name.as_str()) && is_of_command(process))
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Running {
    pid: i32,
    parent: i32,
    name: String,
}

fn running() -> Vec<Running> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| read_stat(&std::fs::read_to_string(entry.path().join("stat")).ok()?))
        .collect()
}

/// `17 (name) S 1 …`: the name may hold anything, blanks and brackets included.
fn read_stat(text: &str) -> Option<Running> {
    let (before, after) = text.rsplit_once(')')?;
    let (pid, name) = before.split_once(" (")?;
    Some(Running {
        pid: pid.parse().ok()?,
        parent: after.split_whitespace().nth(1)?.parse().ok()?,
        name: name.to_owned(),
    })
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Whatever it answers, it lives.
fn read_identity(text: &str) -> Result<Identity, NoAnswer> {
    let setting = |name: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix(':'))
            .map(|value| value.trim().to_owned())
    };
    match (setting("System name"), setting("Startup time")) {
        (Some(system_name), Some(started)) if !started.is_empty() => Ok(Identity { system_name, started }),
        _ => Err(NoAnswer::alive(
            "Asterisk's settings name no system name or no startup time".into(),
        )),
    }
}

fn read_uptime(text: &str) -> Result<i64, NoAnswer> {
    text.lines()
        .find_map(|line| line.trim().strip_prefix("System uptime:")?.trim().parse().ok())
        // It says nothing while its clock is before its start.
        .ok_or_else(|| NoAnswer::alive("Asterisk does not say how long it is up".into()))
}

/// The uniqueid is what follows the last `!` of a line. A caller's number may hold a `!` or a newline; then there are more
/// ids on the list than channels, and none is missing.
fn read_channels(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| Some(line.rsplit_once('!')?.1.trim()))
        .filter(|id| !id.is_empty() && id.len() <= UNIQUEID && !id.contains(char::is_control))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
