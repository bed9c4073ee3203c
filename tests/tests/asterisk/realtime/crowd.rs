//! Many clients whose settings change while calls come: each call uses settings at least as new as its decision.

use std::collections::HashMap;
use std::time::Duration;

use capconduit_tests::{Caller, Center, Link, Scenario, Site, Strategy, TestAsterisk};
use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use super::Traffic;

struct Size {
    /// All of them are changed; calls go to the first ones.
    clients: i32,
    called: usize,
    changes_per_second: u64,
    calls_per_second: u32,
    seconds: u32,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_use_what_was_set_when_they_were_decided() {
    under_changes(Size {
        clients: 200,
        called: 20,
        changes_per_second: 20,
        calls_per_second: 15,
        seconds: 15,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes two minutes"]
async fn ten_thousand_clients_and_a_thousand_changes_a_minute() {
    under_changes(Size {
        clients: 10_000,
        called: 100,
        changes_per_second: 17,
        calls_per_second: 50,
        seconds: 60,
    })
    .await;
}

/// A change: which version a client has from then on, at the latest. Taken when the commit had been answered.
type Changes = HashMap<i64, Vec<(Timestamp, u64)>>;

async fn under_changes(size: Size) {
    let site = Site::start().await;
    let settings = [
        "log_statement = 'all'",
        "log_line_prefix = '%n %a '",
        "log_min_messages = 'error'",
    ];
    let db = site
        .database_with("host", settings.map(str::to_owned).to_vec())
        .await;
    let switch = TestAsterisk::start(&site, &db, "pbx1").await;
    let traffic = Traffic::on(site, db, switch).await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "0")]).await;
    let line = Scenario::new(
        &traffic.admin,
        Strategy::RoundRobin,
        &vec![Link::cap(100); size.called],
    )
    .await;
    let address = center.contact().trim_start_matches("sip:").to_owned();
    let further = "with c as (insert into clients (client_identifier, name)
                              select 'crowd_' || n, n::text from generate_series(1, $1) n returning id, client_identifier),
                        e as (insert into pjsip_endpoints (client_id, id, aors, context)
                              select id, client_identifier, client_identifier, 'from-capconduit' from c)
                   insert into pjsip_aors (client_id, id, contact, qualify_frequency)
                   select id, client_identifier, 'sip:127.0.0.1', 0 from c";
    let more = size.clients - size.called as i32;
    traffic.admin.execute(further, &[&more]).await.expect("clients");
    // The request line tells whose call it is, From which version was dialled.
    let contacts = "update pjsip_aors set contact = 'sip:c' || client_id || '@' || $2, qualify_frequency = 0
                     where client_id = any ($1)";
    traffic
        .admin
        .execute(contacts, &[&line.client_ids, &address])
        .await
        .expect("contacts");
    traffic
        .admin
        .batch_execute("update pjsip_endpoints set from_user = 'v0', from_domain = 'us.example'; analyze")
        .await
        .expect("versions");

    let all: Vec<i64> = {
        let rows = traffic
            .admin
            .query("select id from clients order by id", &[])
            .await;
        rows.expect("clients").iter().map(|row| row.get(0)).collect()
    };
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let changer = tokio::spawn(change(
        traffic.db.admin().await,
        all,
        line.client_ids.clone(),
        size.changes_per_second,
        stopped,
    ));
    let calls = size.calls_per_second * size.seconds;
    let caller = Caller::new(&traffic.site, &traffic.switch, &line.did)
        .from("\"Jane Doe\" <sip:+1555[call_number]@carrier.example>")
        .talks_for(200)
        .start_with(&["-m", &calls.to_string(), "-r", &size.calls_per_second.to_string()]);
    let seen = caller.finish().await;
    stop.send(true).expect("it listens");
    let changes = changer.await.expect("no panic");
    traffic.assert_accounted(std::slice::from_ref(&seen), 0).await;

    let decided = decisions(&traffic.db.cluster().log());
    let rows = traffic
        .admin
        .query("select caller_id_num, asterisk_uniqueid from call_logs", &[])
        .await
        .expect("records");
    let uniqueids: HashMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let (mut fresh, mut by_settings_id) = (0, 0);
    for call in center.seen().calls() {
        let invite = call.requests("INVITE")[0];
        let between = |text: &str, before: &str, after: char| {
            let rest = text
                .split_once(before)
                .unwrap_or_else(|| panic!("{before} in {text}"))
                .1;
            rest.split(after).next().expect("a part").to_owned()
        };
        let client: i64 = between(invite.start_line(), "sip:c", '@').parse().expect("an id");
        let version: u64 = between(invite.header("From"), "sip:v", '@')
            .parse()
            .expect("a version");
        let number = between(invite.header("P-Asserted-Identity"), "<sip:", '@');
        let decision = decided[&uniqueids[&number]];
        let set = changes.get(&client).map_or(0, |of_client| {
            let before = of_client.iter().filter(|(at, _)| *at < decision);
            before.map(|(_, version)| *version).max().unwrap_or(0)
        });
        assert!(
            version >= set,
            "a call of {decision} to client {client} used version {version}, and {set} had been set"
        );
        if set > 0 {
            fresh += 1;
        }
    }
    let log = traffic.db.cluster().log();
    by_settings_id += log
        .lines()
        .filter(|line| line.contains("ps_endpoints WHERE id = ") && line.contains('~'))
        .count();
    let again = log
        .lines()
        .filter(|line| line.contains("SELECT * FROM route_call("))
        .count()
        - calls as usize;
    println!(
        "{calls} calls, {} changes; {fresh} calls met changed settings; {by_settings_id} looks by the name of settings, {again} calls \
         asked for their target again",
        changes.values().map(Vec::len).sum::<usize>()
    );
    assert!(
        fresh * 4 > calls as usize,
        "too few calls met changed settings: {fresh}"
    );
    assert!(by_settings_id > 0);
    // The endpoints that the first calls met came from a database that nobody had asked yet.
    assert!(again * 20 < calls as usize, "{again} calls asked again");
}

/// Every second change meets a client that is called.
async fn change(
    admin: tokio_postgres::Client,
    all: Vec<i64>,
    called: Vec<i64>,
    per_second: u64,
    stopped: tokio::sync::watch::Receiver<bool>,
) -> Changes {
    let mut changes = Changes::new();
    let mut ticks = interval(Duration::from_micros(1_000_000 / per_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let sql = admin
        .prepare("update pjsip_endpoints set from_user = 'v' || $2::bigint where client_id = $1")
        .await
        .expect("a statement");
    for version in 1_u64.. {
        ticks.tick().await;
        if *stopped.borrow() {
            break;
        }
        let among = if version % 2 == 0 { &all } else { &called };
        let client = among[(version as usize * 7919) % among.len()];
        admin
            .execute(&sql, &[&client, &(version as i64)])
            .await
            .expect("a change");
        changes
            .entry(client)
            .or_default()
            .push((Timestamp::now(), version));
    }
    changes
}

/// When each call was first asked for, by its uniqueid: the server's own clock, which is ours.
fn decisions(log: &str) -> HashMap<String, Timestamp> {
    let mut decided = HashMap::new();
    for line in log
        .lines()
        .filter(|line| line.contains("SELECT * FROM route_call("))
    {
        let (at, _) = line.split_once(' ').expect("a time");
        let (_, rest) = line.split_once("uniqueid => '").expect("an id");
        let id = rest.split('\'').next().expect("an id").to_owned();
        let at: f64 = at.parse().expect("seconds");
        let at = Timestamp::from_millisecond((at * 1000.0) as i64).expect("a time");
        decided.entry(id).or_insert(at);
    }
    decided
}
