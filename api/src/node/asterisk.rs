//! Asterisk's control socket, through its own command: who it is, how long it is up, which channels it has. No answer is
//! never taken for an empty one.

use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, bail};
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

/// Asterisk did not say what it was asked, and what that tells of it all the same.
#[derive(Debug)]
pub struct NoAnswer {
    /// None: nothing is known. Its calls may talk on.
    pub process: Option<Process>,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// It refuses, is busy or stands still: a console that waits has found somebody who listens.
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

/// Asterisk's own words to whoever asks something while `core stop gracefully` waits for the last calls.
const REFUSES: &str = "cannot be run during shutdown";

/// And its console's, with the control socket between.
const UNREACHED: (&str, &str) = ("Unable to connect to remote asterisk (does ", " exist?)");

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

    /// By which addresses it knows its trunks.
    pub async fn identifies(&self) -> Result<String, NoAnswer> {
        self.ask("pjsip show identifies").await
    }

    /// Has it read a call center anew, and ask it with OPTIONS as it says now; whether it found it.
    pub async fn reads_center(&self, name: &str) -> bool {
        let said = self.ask(&format!("pjsip reload qualify aor {name}")).await;
        said.is_ok_and(|said| said.contains("Synchronizing AOR"))
    }

    /// Whether it would ask this call center.
    pub async fn knows_center(&self, name: &str) -> bool {
        let said = self.ask(&format!("pjsip show qualify aor {name}")).await;
        said.is_ok_and(|said| said.contains("Qualify frequency"))
    }

    /// Has it read all of them; whether it did.
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
        let output = tokio::time::timeout(within, child.wait_with_output())
            .await
            .map_err(|_| NoAnswer::alive(format!("Asterisk did not answer within {within:?}")))?
            .map_err(|error| NoAnswer::unknown(error.to_string()))?;
        group.has_ended();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &text;
        if said.contains(REFUSES) {
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
        .filter(|id| !id.is_empty() && id.len() <= 150 && !id.contains(char::is_control))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        let text = "\nPBX Core settings\n  Startup time:                17:32:22\n  System:                      Linux/x\n  \
                    System name:                 pbx1\n  PBX UUID:                    8627\n";
        let identity = read_identity(text).unwrap();
        assert_eq!(identity.system_name, "pbx1");
        assert_eq!(identity.started, "17:32:22");
        assert!(read_identity("No such command 'core show settings'").is_err());
        let unset = read_identity(&text.replace("pbx1", "")).unwrap();
        assert_eq!(unset.system_name, "");
    }

    #[test]
    fn an_uptime_is_a_number_or_unknown() {
        assert_eq!(read_uptime("System uptime: 14\nLast reload: 2\n").unwrap(), 14);
        assert!(read_uptime("").is_err());
        assert!(read_uptime("Last reload: 2\n").is_err());
    }

    #[test]
    fn a_list_is_read_whatever_the_console_says_before_it() {
        let text = "Local/2@in-1;2!in!2!2!Ring!Wait!600!12\"3!4,5!!!3!0!!pbx1-1795367876.3\n\
                    PJSIP/trunk-1!in!1!1!Up!Dial!x!+1\n555!!!3!5!!pbx1-1795367876.1\n";
        let ids = read_channels(text);
        assert!(
            ids.contains(&"pbx1-1795367876.3".to_owned()) && ids.contains(&"pbx1-1795367876.1".to_owned())
        );
        let said = format!(
            "No ethernet interface found for seeding global EID. You will have to set it manually.\n{text}"
        );
        assert_eq!(read_channels(&said), ids);
        assert!(read_channels("").is_empty());
        assert!(read_channels("\n").is_empty());
    }

    #[tokio::test]
    async fn words_are_no_empty_list() {
        // Both answers, whatever is asked.
        let ask = async |lines: &str| {
            let command = format!("printf {}", lines.replace(' ', "\\040"));
            Asterisk::new(&command).unwrap().channels().await
        };
        assert!(ask("No such command\\n").await.is_err());
        assert!(ask("Command cannot be run during shutdown\\n").await.is_err());
        assert!(ask("10 active channels\\n").await.is_err());
        assert!(
            ask("No ethernet interface\\n0 active channels\\n")
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test]
    async fn a_command_that_hangs_or_fails_is_no_answer() {
        let ask = async |command: &str| Asterisk::new(command).unwrap().channels().await.unwrap_err();
        let failed = ask("false").await;
        assert!(failed.text.contains("does not answer") && failed.process.is_none());
        let missing = ask("/no/such/asterisk").await;
        assert!(missing.text.contains("cannot run") && missing.process.is_none());
        assert!(Asterisk::new("  ").is_err());
    }

    /// In a console's own words about a socket: one that is not there, one that nobody listens on, one that somebody does.
    #[tokio::test]
    async fn an_asterisk_is_down_when_nobody_listens_on_its_socket() {
        let socket = std::env::temp_dir().join(format!("capconduit-ctl-{}", std::process::id()));
        let said = format!(
            "Unable to connect to remote asterisk (does {} exist?)\n",
            socket.display()
        );
        assert!(nobody_listens(&said).await);
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(!nobody_listens(&said).await);
        drop(listener);
        assert!(nobody_listens(&said).await);
        std::fs::remove_file(&socket).unwrap();
        assert!(!nobody_listens("nsenter: cannot open /proc/1/ns/net").await);
    }
}
