//! A machine on which nothing is installed yet, for walking through a set-up as its text says. Owns: its start, how
//! commands run on it, and what stands in for systemd there (`scripts/lib/systemctl`).

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::site::{Place, Site, script};
use crate::project;

#[derive(Debug)]
pub struct Machine {
    process: Child,
    pub address: String,
}

impl Machine {
    pub async fn start(site: &Arc<Site>) -> Self {
        let address = site.address(Place::Switch);
        // The first time its folder is made: not on a thread that other tasks need.
        let made = tokio::task::spawn_blocking(|| Command::new(script()).args(["folder", "empty"]).output());
        assert!(
            made.await
                .expect("no panic")
                .expect("it can be run")
                .status
                .success()
        );
        let process = Command::new(script())
            .args(["machine", site.name()])
            .arg(site.folder(&format!("machine-{address}")))
            .stdin(Stdio::null())
            .spawn()
            .expect("scripts/asterisk can be run");
        let machine = Self { process, address };
        for _ in 0..600 {
            // Before that the script has the system's own root.
            if machine.has_its_own_root() {
                machine.copy("scripts/lib/unit", "/usr/local/bin/unit");
                machine.copy("scripts/lib/systemctl", "/usr/local/bin/systemctl");
                return machine;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the machine does not start");
    }

    /// A file of it, as this process sees it.
    pub fn path(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{file}", self.process.id()))
    }

    /// A file or folder of the project, put there.
    pub fn copy(&self, from: &str, to: &str) {
        let status = Command::new("cp")
            .args(["-R", "--preserve=mode"])
            .arg(project::root().join(from))
            .arg(self.path(to))
            .status();
        assert!(status.expect("cp").success(), "{from}");
    }

    /// Commands as its root types them, one after the other, in this folder; what they said.
    pub fn run(&self, folder: &str, commands: &str) -> String {
        let script = format!("set -eu; cd {folder}\n{commands}");
        let output = self.shell(&script).output().expect("a shell");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{commands}\n{}\n{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// The same without waiting for its end.
    pub fn begin(&self, commands: &str) -> Child {
        self.shell(commands)
            .stdout(Stdio::null())
            .spawn()
            .expect("a shell")
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new(super::site::script());
        let pid = self.process.id().to_string();
        command
            .args(["on", &pid, "sh", "-c", script])
            .stdin(Stdio::null());
        command
    }

    fn has_its_own_root(&self) -> bool {
        let of = |path: PathBuf| std::fs::metadata(path).map(|root| (root.dev(), root.ino())).ok();
        let (its, ours) = (of(self.path("/")), of(PathBuf::from("/")));
        its.is_some() && its != ours
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // What it started ends with its site.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
