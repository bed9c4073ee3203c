//! What the tests of this module share: a spool folder, records as the dialplan writes them, waiting.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub use capconduit_tests::eventually;
use capconduit_tests::{TestDb, project};

/// A number of the sample data.
pub const DID: &str = "+18005550101";

/// The statement that the dialplan writes.
pub fn record(uniqueid: &str, call_status: &str) -> String {
    record_with(uniqueid, call_status, "")
}

/// The same with further arguments, `, name => value` each.
pub fn record_with(uniqueid: &str, call_status: &str, more: &str) -> String {
    format!(
        "SELECT * FROM log_call(uniqueid => '{uniqueid}', did => '{DID}', call_status => '{call_status}', \
         node => 'pbx1', caller_name => 'O''Neil \"x\" \\, 😀', started_at => '2026-01-02 03:04:05.678+00', \
         duration_seconds => 12, hangup_cause_code => 16, link_id => NULL, sip_call_id => ''{more});\n"
    )
}

/// A spool folder of a test, deleted with it.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let folder = project::fresh_state_folder().with_extension("spool");
        std::fs::create_dir(&folder).expect("a spool folder");
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// As the dialplan's last write leaves it.
    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), content).expect("a spooled file");
    }

    /// The record of a call, spooled so many seconds ago.
    pub fn put_aged(&self, uniqueid: &str, call_status: &str, seconds: u64) {
        let name = format!("{uniqueid}.sql");
        self.put_ago(&name, record(uniqueid, call_status), Duration::from_secs(seconds));
    }

    /// As if it had been written so long ago.
    pub fn put_ago(&self, name: &str, content: impl AsRef<[u8]>, ago: Duration) {
        self.put(name, content);
        let file = std::fs::File::options()
            .write(true)
            .open(self.0.join(name))
            .expect("the spooled file");
        file.set_modified(SystemTime::now() - ago)
            .expect("its time can be set");
    }

    /// What waits, sorted.
    pub fn waiting(&self) -> Vec<String> {
        names(&self.0)
            .into_iter()
            .filter(|name| name.ends_with(".sql"))
            .collect()
    }

    /// What was set aside, sorted, without the reasons.
    pub fn refused(&self) -> Vec<String> {
        let names = names(&self.0.join("refused"));
        names
            .into_iter()
            .filter(|name| !name.ends_with(".reason"))
            .collect()
    }

    pub fn reason(&self, name: &str) -> String {
        let file = self.0.join("refused").join(format!("{name}.reason"));
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    pub fn open_to_all(&self) {
        std::fs::set_permissions(&self.0, std::fs::Permissions::from_mode(0o777))
            .expect("its mode can be set");
    }

    pub async fn is_empty(&self) {
        eventually("the spool is empty", || async { self.waiting().is_empty() }).await;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries.map(|e| name(e).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// `uniqueid status`, in the order in which they were written.
pub async fn logged(db: &TestDb, like: &str) -> Vec<String> {
    let sql = "select asterisk_uniqueid || ' ' || call_status from call_logs where asterisk_uniqueid like $1 order by id";
    let rows = db
        .superuser()
        .await
        .query(sql, &[&like])
        .await
        .expect("the records");
    rows.iter().map(|row| row.get(0)).collect()
}

pub fn signal(name: &str, pid: u32) {
    let status = std::process::Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status()
        .expect("kill can be run");
    assert!(status.success(), "kill -{name} {pid}");
}

/// Ended, whether or not its parent has noticed.
pub fn has_ended(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_none_or(|(_, rest)| rest.starts_with('Z'))
}

pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0)
}
