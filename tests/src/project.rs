//! Where the project is, and how its scripts are run.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The project's root folder: this crate's parent.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the project's folder")
}

/// One of the project's scripts, for the server in this state folder.
pub fn script(name: &str, state: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(root().join("scripts").join(name));
    command.args(args).env("CAPCONDUIT_STATE", state);
    command
}

/// The `capconduit` command as it was built last, or as CAPCONDUIT_BIN says.
pub fn capconduit() -> Command {
    Command::new(root().join("scripts/capconduit"))
}

/// A folder that no other test process uses. Short: a socket's path has a limit of 107 bytes.
pub fn fresh_state_folder() -> PathBuf {
    std::env::temp_dir().join(format!(
        "capconduit-{}-{}",
        std::process::id(),
        crate::fixtures::unique()
    ))
}

/// Does something inside of a network namespace, on a thread of its own: a socket made there stays there.
pub fn inside<T: Send + 'static>(network: &str, act: impl FnOnce() -> T + Send + 'static) -> T {
    let namespace = File::open(format!("/run/netns/{network}")).expect("the network is there");
    let thread = std::thread::spawn(move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("it can be entered");
        act()
    });
    thread.join().expect("no panic")
}

/// The processor time that a process has used, in clock ticks; 0 when it has ended.
pub fn processor_ticks(pid: u32) -> u64 {
    ticks(pid, 11)
}

/// The same of its children that have ended.
pub fn ended_children_ticks(pid: u32) -> u64 {
    ticks(pid, 13)
}

/// Two fields of /proc/…/stat, user and system time, counted after the name.
fn ticks(pid: u32, first: usize) -> u64 {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return 0;
    };
    let (_, fields) = stat.rsplit_once(") ").expect("the name stands in parentheses");
    let fields: Vec<&str> = fields.split(' ').collect();
    fields[first..first + 2]
        .iter()
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum()
}
