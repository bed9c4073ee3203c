//! What a switch that was installed and started as Debian does it has room for: files, descriptors, connections, memory.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;

use capconduit_tests::{Caller, Center, Link, Seen, Site};
use tokio::time::{Instant, sleep};

use super::support::becomes;
use super::traffic::Traffic;

/// So many callers, all of whom talk at one time. Returns how many did.
async fn at_once(traffic: &Traffic, calls: usize) -> Seen {
    let center = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let line = traffic.number(&[Link::cap(1000)], &[center.contact()]).await;
    // The first still talks when the last is answered. SIPp sends no media, so they are cut after 30 s.
    let rate = 25;
    let talk = 28_000.min(calls as u32 * 1000 / rate + 10_000);
    let caller = Caller::new(&traffic.site, &traffic.switch, &line.did).talks_for(talk);
    let number = calls.to_string();
    let callers = caller.start_with(&["-m", &number, "-l", &number, "-r", &rate.to_string()]);
    talking(traffic, calls).await;
    callers.finish().await
}

async fn talking(traffic: &Traffic, calls: usize) {
    becomes("calls that talk", calls as i64, async || {
        let sql = "select count(*) from live_calls where answered_at is not null";
        traffic.admin.query_one(sql, &[]).await.expect("a number").get(0)
    })
    .await;
}

async fn all_talk_at_once(calls: usize) {
    let traffic = Traffic::new().await;
    let seen = at_once(&traffic, calls).await;
    let refused = seen
        .calls()
        .iter()
        .filter(|call| call.final_status() != 200)
        .count();
    assert_eq!(refused, 0, "{}", traffic.switch.log());
    // Without an agent: each record was written at its call's end.
    let spooled = traffic.switch.spooled().len();
    assert_eq!(spooled, 0, "{}", traffic.switch.log());
    traffic.assert_accounted(&[seen], 5000).await;
}

/// systemd gives 1,024 descriptors, and a call takes ten.
#[tokio::test]
async fn more_calls_talk_at_once_than_systemds_descriptors_carry() {
    all_talk_at_once(130).await;
}

#[tokio::test]
#[ignore = "long: sets four hundred calls up"]
async fn four_hundred_calls_talk_at_once() {
    all_talk_at_once(400).await;
}

/// CC_RECORDS of extensions.conf.
const TURNS: i64 = 8;

/// All calls end in one moment, in which somebody holds their counter's row; eight connections write records, and the others
/// are left to new calls. Nobody but the handlers themselves can send them: there is no agent.
async fn all_end_at_once(calls: usize) {
    let traffic = Traffic::new().await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let line = traffic.number(&[Link::cap(1000)], &[center.contact()]).await;
    let caller = Caller::new(&traffic.site, &traffic.switch, &line.did).waits();
    let number = calls.to_string();
    let callers = caller.start_with(&["-m", &number, "-l", &number, "-r", "25"]);
    talking(&traffic, calls).await;
    let superuser = traffic.db.superuser().await;
    let hold = format!(
        "begin; select from link_counters where link_id = {} for update",
        line.link_ids[0]
    );
    superuser.batch_execute(&hold).await.expect("the row");
    traffic.switch.cli("channel request hangup all");
    let watcher = traffic.db.superuser().await;
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and usename = 'capconduit_asterisk'";
    // A statement gives up after 0.9 s. Asterisk opens its connections one after the other: meanwhile all of them would wait.
    let mut most = 0;
    let mut until = None;
    let give_up = Instant::now() + Duration::from_secs(60);
    while until.is_none_or(|until| Instant::now() < until) {
        most = most.max(watcher.query_one(waiting, &[]).await.expect("a number").get(0));
        if most > 0 && until.is_none() {
            until = Some(Instant::now() + Duration::from_millis(600));
        }
        assert!(Instant::now() < give_up, "no record waits for the row");
        sleep(Duration::from_millis(10)).await;
    }
    superuser.batch_execute("commit").await.expect("the row is free");
    assert!(most <= TURNS, "{most} connections waited for the row");
    let seen = callers.finish().await;
    let spooled = traffic.switch.spooled().len();
    assert_eq!(spooled, 0, "{}", traffic.switch.log());
    traffic.assert_accounted(&[seen], 5000).await;
}

#[tokio::test]
async fn more_ends_at_once_than_connections_are_recorded_without_an_agent() {
    all_end_at_once(60).await;
}

#[tokio::test]
#[ignore = "long: sets four hundred calls up"]
async fn four_hundred_ends_at_once_are_recorded_without_an_agent() {
    all_end_at_once(400).await;
}

/// Asterisk counts the memory that the kernel uses as a cache as used, and would refuse calls for it.
#[tokio::test]
async fn no_call_is_refused_for_memory_that_is_a_cache() {
    let (_, _, switch) = Site::shared().await;
    let settings = switch.cli("core show settings");
    let limit = settings.lines().find(|line| line.contains("Minimum free memory"));
    // Without that line nothing would be known.
    assert!(limit.is_some_and(|line| line.ends_with(" 0 MB")), "{settings}");
}

/// The files are root's, as docs/ASTERISK.md installs them, and the process is what Debian's unit makes of it.
#[tokio::test]
async fn a_switch_runs_on_files_that_it_may_not_write_as_debians_unit_starts_it() {
    let (_, _, switch) = Site::shared().await;
    let process = format!("/proc/{}", switch.pid());
    let read = |name: &str| std::fs::read_to_string(format!("{process}/{name}")).expect(name);
    let environment = read("environ");
    assert!(
        !environment.contains("HOME=") && !environment.contains("ODBC"),
        "{environment}"
    );
    let user = std::fs::metadata(&process).expect("it runs").uid();
    assert_ne!(user, 0);
    let limits = read("limits");
    // The soft limit is the first number.
    let files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let files = files.and_then(|line| line.split_whitespace().next());
    assert_eq!(files, Some("20000"), "{limits}");
    let mut folders = vec![switch.site_folder().parent().expect("etc").to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let of = std::fs::metadata(&path).expect("its rights");
            assert!(
                of.uid() == 0 && of.permissions().mode() & 0o027 == 0,
                "{}",
                path.display()
            );
            if of.is_dir() {
                folders.push(path);
            }
        }
    }
    // Its own questions to the database go where its file says: nothing else is at that address.
    assert!(
        !switch
            .cli("odbc show all")
            .contains("Number of active connections: 0 ")
    );
}
