//! Instructions, as valgrind counts them in a backend that has a stopped server's files to itself: the same however busy the
//! machine is. What the kernel does for it is not in them.

use std::path::Path;
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;

use crate::cluster::TestCluster;

/// Statements that are counted together, after others that are not.
pub struct Counted {
    pub name: String,
    pub before: Vec<String>,
    pub statements: Vec<String>,
}

/// Of one of the statements, in the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    pub instructions: f64,
    /// Written to the log, without images of whole pages.
    pub log_bytes: f64,
}

/// valgrind writes down what was executed since the last time whenever a function of this name is called.
const MARK: &str = "select pg_backend_pid(), pg_current_wal_insert_lsn() - '0/0' as written";

impl TestCluster {
    /// The server must have been stopped. `first`: statements that all others rest on. What each costs, its text read and its rows printed, is
    /// that of `execute` where it was prepared.
    pub async fn count(&self, database: &str, first: &[&str], counted: &[Counted]) -> Vec<Cost> {
        let nothing = Counted {
            name: String::new(),
            before: first.iter().map(|&sql| sql.to_owned()).collect(),
            statements: Vec::new(),
        };
        let all: Vec<&Counted> = std::iter::once(&nothing).chain(counted).collect();
        let lines = all.iter().flat_map(|counted| {
            let mark = || std::iter::once(MARK);
            let [before, statements] =
                [&counted.before, &counted.statements].map(|sql| sql.iter().map(String::as_str));
            before.chain(mark()).chain(statements).chain(mark())
        });
        let script: String = lines.map(|sql| sql.replace('\n', " ") + "\n").collect();
        let output = self.run_alone(database, script).await;
        let (told, complaints) = (text(&output.stdout), text(&output.stderr));
        assert!(
            output.status.success() && !complaints.contains("ERROR:"),
            "the backend failed: {complaints}"
        );
        let written: Vec<f64> = told.split("written = \"").skip(1).map(number).collect();
        assert_eq!(written.len(), 2 * all.len(), "{told}");
        let folder = self.state_folder().join("server");
        let spent = |of: usize| instructions(&folder, 2 * of + 2);
        let of_a_mark = spent(0);
        let cost = |(of, counted): (usize, &&Counted)| {
            let each = counted.statements.len() as f64;
            Cost {
                instructions: (spent(of) - of_a_mark) / each,
                log_bytes: (written[2 * of + 1] - written[2 * of]) / each,
            }
        };
        all.iter().enumerate().skip(1).map(cost).collect()
    }

    async fn run_alone(&self, database: &str, script: String) -> Output {
        let mut command = tokio::process::Command::from(self.script("server", &["count", database]));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = command.spawn().expect("scripts/server can be run");
        let mut stdin = running.stdin.take().expect("it is piped");
        let feeding = tokio::spawn(async move { stdin.write_all(script.as_bytes()).await });
        let output = running.wait_with_output().await.expect("it ends");
        feeding.await.expect("no panic").expect("the backend reads all");
        output
    }
}

/// Since the mark before.
fn instructions(folder: &Path, mark: usize) -> f64 {
    let file = folder.join(format!("counted.{mark}"));
    let counted =
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let totals = counted
        .split("\ntotals: ")
        .nth(1)
        .or_else(|| counted.split("\nsummary: ").nth(1));
    number(totals.expect("valgrind tells the sum"))
}

fn number(text: &str) -> f64 {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().expect("a number")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
