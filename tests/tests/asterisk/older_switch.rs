//! A switch older than its database: the configuration and the agent of 0.2.0, unchanged, on today's database, beside a
//! switch of today, under load and through a crash of the database.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use capconduit_tests::{Caller, Center, Link, StopMode, TestAsterisk, Watch, eventually, project};
use tokio::time::sleep;

use super::traffic::Traffic;

const RELEASE: &str = "0.2.0";

/// What `scripts/build release` says.
fn old_release(args: &[&str]) -> String {
    let script = project::root().join("scripts/build");
    let output = Command::new(script)
        .args(["release", RELEASE])
        .args(args)
        .output()
        .expect("it can be run");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .expect("text")
        .trim_end()
        .to_owned()
}

/// Its folder `asterisk`, until this is dropped.
pub struct Files(PathBuf);

impl Files {
    pub fn get() -> Self {
        let folder = project::fresh_state_folder();
        std::fs::create_dir(&folder).expect("a folder");
        old_release(&["copy", "asterisk", &folder.display().to_string()]);
        Self(folder)
    }

    pub fn asterisk(&self) -> PathBuf {
        self.0.join("asterisk")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Both switches take calls that fail over, fill a cap and talk; the database is killed among them. Every call has its one
/// record, no file is refused, no cap is exceeded.
async fn works_beside_a_new_one(agent_settings: &[(&str, &str)]) {
    let files = Files::get();
    let traffic = Traffic::new().await;
    let old = TestAsterisk::of_before(&traffic.site, &traffic.db, "pbx-old", &files.asterisk());
    old.boot().await;
    let busy = Center::start(&traffic.site, "refuses", &[("CODE", "486")]).await;
    let good = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let small = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let links = [Link::cap(500), Link::cap(500)];
    let failing_over = traffic.number(&links, &[busy.contact(), good.contact()]).await;
    let capped = traffic.number(&[Link::cap(3)], &[small.contact()]).await;
    let new_agent = traffic.agent(&traffic.switch).await;
    let old_agent = traffic
        .agent_with(&old, &[capconduit_tests::Site::DATABASE], agent_settings)
        .await;

    let watch = Watch::start(&traffic.db, Duration::from_millis(50)).await;
    let mut callers = Vec::new();
    for switch in [&traffic.switch, &old] {
        for line in [&failing_over, &capped] {
            let caller = Caller::new(&traffic.site, switch, &line.did).talks_for(1500);
            callers.push(caller.start_with(&["-m", "60", "-r", "4"]));
        }
    }
    // Both have done their work when the database is killed, and have more to do.
    let superuser = traffic.db.superuser().await;
    let answered = "select count(*) from call_logs where call_status = 'ANSWERED' and node = $1";
    for node in ["pbx1", "pbx-old"] {
        eventually("a dozen calls are answered and over", async || {
            superuser
                .query_one(answered, &[&node])
                .await
                .expect("a number")
                .get::<_, i64>(0)
                >= 12
        })
        .await;
    }
    // It looks again and again: not while there is nothing to look at.
    watch.finish().await;
    traffic.db.cluster().stop(StopMode::Kill).await;
    sleep(Duration::from_secs(1)).await;
    traffic.db.cluster().start().await;
    let mut seen = Vec::new();
    for caller in callers {
        seen.push(caller.finish().await);
    }
    let replayed = traffic.replayed(&old, &old_agent).await;
    assert!(replayed > 0, "the old switch spooled nothing");
    traffic.replayed(&traffic.switch, &new_agent).await;
    let records = traffic.assert_accounted(&seen, 5000).await;
    for node in ["pbx1", "pbx-old"] {
        let of_it = |status: &str| {
            let of = records
                .iter()
                .filter(|record| record.node.as_deref() == Some(node));
            of.filter(|record| record.status == status).count()
        };
        let (answered, refused) = (of_it("ANSWERED"), of_it("FAILED_DATABASE"));
        println!("{node}: {answered} answered, {refused} refused");
        assert!(answered >= 12, "{node}: {answered} answered");
        assert!(of_it("LOST") == 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_of_the_release_before_works_beside_a_new_one() {
    works_beside_a_new_one(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: builds the release before"]
async fn the_configuration_and_the_agent_of_the_release_before_work_beside_new_ones() {
    let folder = tokio::task::spawn_blocking(|| old_release(&[]))
        .await
        .expect("no panic");
    let binary = format!("{folder}/capconduit");
    works_beside_a_new_one(&[("CAPCONDUIT_BIN", &binary)]).await;
}
