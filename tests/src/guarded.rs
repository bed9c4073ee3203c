//! A process of a test, `capconduit` or another one. Owns: that it ends with the test, whatever becomes of it, and what it wrote.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::project;

/// When the test process ends, however it does, the guard's input ends, and the process is stopped, a frozen one too.
const GUARD: &str =
    r#""$@" </dev/null & pid=$!; echo $pid; cat >/dev/null; kill $pid; kill -CONT $pid; wait $pid"#;

#[derive(Debug)]
pub struct Guarded {
    guard: Child,
    pid: u32,
    log: PathBuf,
}

impl Guarded {
    /// `capconduit <subcommand>` with these settings, given as environment variables.
    pub fn start<'a>(subcommand: &str, settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::start_inside(None, subcommand, settings)
    }

    /// The same in a network namespace.
    pub fn start_inside<'a>(
        network: Option<&str>,
        subcommand: &str,
        settings: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let capconduit = project::capconduit();
        let mut command = match network {
            Some(network) => {
                let mut inside = Command::new("nsenter");
                inside
                    .arg(format!("--net=/run/netns/{network}"))
                    .arg(capconduit.get_program());
                inside
            }
            None => capconduit,
        };
        command.arg(subcommand).envs(settings);
        Self::run(subcommand, &command)
    }

    /// Any program with its arguments and environment. It stays in the foreground, and ends when it is told to.
    pub fn run(name: &str, command: &Command) -> Self {
        let log = project::fresh_state_folder().with_extension(format!("{name}.log"));
        let file = File::create(&log).expect("a log file in the temporary folder");
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .expect("the process can be started");
        let mut pid = String::new();
        BufReader::new(guard.stdout.take().expect("the guard's output is piped"))
            .read_line(&mut pid)
            .expect("the guard tells the process");
        Self {
            guard,
            pid: pid.trim().parse().expect("a process id"),
            log,
        }
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Everything that it has written to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the process's log")
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
        if std::thread::panicking() {
            let log = self.log();
            let errors = log.lines().filter(|line| line.contains("ERROR")).take(20);
            println!("the process said:\n{}", errors.collect::<Vec<_>>().join("\n"));
        }
        let _ = std::fs::remove_file(&self.log);
    }
}
