//! One Asterisk with the shipped configuration. Owns: its start, its certain end, and what it says of itself.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::site::{Place, Site, script};
use crate::{ASTERISK, TestDb};

#[derive(Debug)]
pub struct TestAsterisk {
    site: Arc<Site>,
    folder: PathBuf,
    node: String,
    address: String,
    process: Mutex<Option<Child>>,
}

impl TestAsterisk {
    /// A switch of this name, on this database.
    pub async fn start(site: &Arc<Site>, db: &TestDb, node: &str) -> Self {
        let switch = Self::configured(site, db, node);
        switch.boot().await;
        switch
    }

    /// The same before its first start.
    pub fn configured(site: &Arc<Site>, db: &TestDb, node: &str) -> Self {
        Self::configured_with(site, db, node, &crate::project::root().join("asterisk"))
    }

    /// With the files of a release of before, which are Asterisk's own: that one could not read them otherwise.
    pub fn of_before(site: &Arc<Site>, db: &TestDb, node: &str, files: &Path) -> Self {
        let switch = Self::configured_with(site, db, node, files);
        let etc = switch.folder.join("etc");
        let status = Command::new("chown")
            .arg("-R")
            .arg("--reference")
            .arg(switch.folder.join("spool"))
            .arg(etc)
            .status();
        assert!(status.expect("chown").success());
        switch
    }

    fn configured_with(site: &Arc<Site>, db: &TestDb, node: &str, files: &Path) -> Self {
        let address = site.address(Place::Switch);
        let folder = site.folder(&format!("switch-{address}"));
        let config = db.config(ASTERISK);
        let mut configure = Command::new(script())
            .args(["configure", site.name()])
            .arg(&folder)
            .args([
                node,
                &address,
                Site::DATABASE,
                &db.cluster().port().to_string(),
                db.name(),
            ])
            .env("CAPCONDUIT_ASTERISK_FILES", files)
            .stdin(Stdio::piped())
            .spawn()
            .expect("scripts/asterisk can be run");
        let password = config.get_password().expect("a password");
        let mut input = configure.stdin.take().expect("a pipe");
        input
            .write_all(password)
            .and_then(|()| input.write_all(b"\n"))
            .expect("the password is read");
        drop(input);
        assert!(configure.wait().expect("it ends").success());
        Self {
            site: site.clone(),
            folder,
            node: node.to_owned(),
            address,
            process: Mutex::new(None),
        }
    }

    /// Where /etc/asterisk/site is: what its operator changes.
    pub fn site_folder(&self) -> PathBuf {
        self.folder.join("etc/site")
    }

    /// Starts it, again after a `kill`, with the same files.
    pub async fn boot(&self) {
        let output = std::fs::File::create(self.folder.join("console")).expect("a file");
        let child = Command::new(script())
            .args(["switch", self.site.name()])
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the file again"))
            .stderr(output)
            .spawn()
            .expect("scripts/asterisk can be run");
        *self.process.lock().expect("no panic") = Some(child);
        for _ in 0..300 {
            if self.cli("core waitfullybooted").contains("fully booted") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("Asterisk does not start:\n{}", self.console());
    }

    /// `kill -9`. The script became the process, so its child is Asterisk itself.
    pub fn kill(&self) {
        let mut process = self.process.lock().expect("no panic");
        let child = process.as_mut().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    /// What a command of its console says; nothing while it is down.
    pub fn cli(&self, command: &str) -> String {
        let output = Command::new(script())
            .arg("cli")
            .arg(&self.folder)
            .args(["-rx", command])
            .output()
            .expect("scripts/asterisk can be run");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// How the agent reaches it: `asterisk`, in this switch's place.
    pub fn command(&self) -> String {
        format!("{} cli {}", script().display(), self.folder.display())
    }

    pub fn node(&self) -> &str {
        &self.node
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn pid(&self) -> u32 {
        self.process
            .lock()
            .expect("no panic")
            .as_ref()
            .expect("it runs")
            .id()
    }

    /// Uniqueids of its channels.
    pub fn channels(&self) -> Vec<String> {
        let list = self.cli("core show channels concise");
        list.lines()
            .filter_map(|line| line.rsplit_once('!'))
            .map(|(_, id)| id.to_owned())
            .collect()
    }

    pub fn spool_folder(&self) -> PathBuf {
        self.folder.join("spool/capconduit")
    }

    /// The records that wait, oldest first: file name and content.
    pub fn spooled(&self) -> Vec<(String, String)> {
        let mut files: Vec<_> = std::fs::read_dir(self.spool_folder())
            .expect("the spool")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
            .filter_map(|path| {
                let name = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .expect("a name")
                    .to_owned();
                // The agent may have taken it away since the folder was read.
                Some((
                    name,
                    String::from_utf8_lossy(&std::fs::read(&path).ok()?).into_owned(),
                ))
            })
            .collect();
        files.sort();
        files
    }

    pub fn console(&self) -> String {
        std::fs::read_to_string(self.folder.join("console")).unwrap_or_default()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log/messages.log")).unwrap_or_default()
    }

    /// Who was not let in.
    pub fn security_log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log/security.log")).unwrap_or_default()
    }

    /// The processor time it has used, in clock ticks.
    pub fn processor_ticks(&self) -> u64 {
        crate::project::processor_ticks(self.pid())
    }
}

impl Drop for TestAsterisk {
    fn drop(&mut self) {
        if let Some(child) = self.process.lock().expect("no panic").as_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
