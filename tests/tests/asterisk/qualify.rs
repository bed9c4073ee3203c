//! Asterisk asks new and changed call centers whether they are there without a hand: the agent tells it of them.

use std::time::{Duration, Instant};

use capconduit_tests::{CallRecord, Caller, Center, Link, Place, StopMode, TestNode};

use super::support::becomes;
use super::traffic::{Traffic, waited};

/// The switch's own words for a call center: none where it does not know it.
fn asked_every(traffic: &Traffic, name: &str) -> Option<String> {
    let said = traffic.switch.cli(&format!("pjsip show qualify aor {name}"));
    let line = said.lines().find(|line| line.contains("Qualify frequency"))?;
    Some(line.rsplit(": ").next().expect("a value").trim().to_owned())
}

/// What the switch has found out about a contact.
fn found(traffic: &Traffic, contact: &str) -> Option<String> {
    let said = traffic.switch.cli("pjsip show contacts");
    let line = said.lines().find(|line| line.contains(contact))?;
    ["NonQual", "Unavail", "Avail"]
        .into_iter()
        .find(|word| line.contains(word))
        .map(str::to_owned)
}

async fn has_been_told(agent: &TestNode) {
    becomes("the agent's first word", true, async || {
        agent.log().contains("Asterisk has read all call centers")
    })
    .await;
}

/// A client that is asked every five seconds.
async fn client_at(traffic: &Traffic, client: i64, contact: &str) -> String {
    let sql = "update pjsip_aors set contact = $2, qualify_frequency = 5 where client_id = $1 returning id";
    traffic
        .admin
        .query_one(sql, &[&client, &contact])
        .await
        .expect("the contact")
        .get(0)
}

#[tokio::test]
async fn a_dead_call_center_that_is_new_costs_no_caller_its_silence() {
    let traffic = Traffic::new().await;
    let agent = traffic.agent(&traffic.switch).await;
    has_been_told(&agent).await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let line = traffic
        .number(
            &[Link::cap(5), Link::cap(5)],
            &["sip:10.77.127.1:5060".to_owned(), center.contact()],
        )
        .await;
    // It takes what comes and says nothing.
    let silent = traffic.site.address(Place::Center);
    let _silent = traffic.site.socket(&silent, 5060);
    let contact = format!("sip:{silent}:5060");
    let name = client_at(&traffic, line.client_ids[0], &contact).await;
    becomes("asked", Some("5 sec".to_owned()), async || {
        asked_every(&traffic, &name)
    })
    .await;
    becomes("what is known of it", Some("Unavail".to_owned()), async || {
        found(&traffic, &contact)
    })
    .await;

    let seen = Caller::new(&traffic.site, &traffic.switch, &line.did)
        .call()
        .await;
    assert_eq!(seen.final_status(), 200);
    // Asked in vain, its silence would last for 6.4 s.
    assert!(waited(&seen) < Duration::from_secs(5), "{:?}", waited(&seen));
    assert_eq!(
        CallRecord::of(&traffic.db, &seen).await.link_id,
        Some(line.link_ids[1])
    );

    // It moves, and is asked less often.
    let sql = "update pjsip_aors set contact = 'sip:10.77.127.2:5060', qualify_frequency = 7 where id = $1";
    traffic.admin.execute(sql, &[&name]).await.expect("the contact");
    becomes("asked", Some("7 sec".to_owned()), async || {
        asked_every(&traffic, &name)
    })
    .await;
    becomes("the old address", None, async || found(&traffic, &contact)).await;
}

#[tokio::test]
async fn many_new_call_centers_are_told_at_once_and_nobody_is_forgotten() {
    let traffic = Traffic::new().await;
    let agent = traffic.agent(&traffic.switch).await;
    has_been_told(&agent).await;
    let links = [Link::cap(1); 6];
    let before = traffic.number(&links[..1], &[]).await;
    let known = client_at(&traffic, before.client_ids[0], "sip:10.77.127.3:5060").await;
    becomes("asked", true, async || asked_every(&traffic, &known).is_some()).await;

    // The connections of Asterisk break with the database's restart, and what they read first is nothing.
    traffic.db.cluster().stop(StopMode::Fast).await;
    traffic.db.cluster().start().await;
    let admin = traffic.db.admin().await;
    let line = capconduit_tests::Scenario::new(&admin, capconduit_tests::Strategy::Priority, &links).await;
    let sql = "update pjsip_aors set contact = 'sip:10.77.127.4:5060', qualify_frequency = 9 where client_id = any ($1)
        returning id";
    let names = admin.query(sql, &[&line.client_ids]).await.expect("contacts");
    for name in &names {
        becomes("asked", Some("9 sec".to_owned()), async || {
            asked_every(&traffic, name.get(0))
        })
        .await;
    }
    assert!(asked_every(&traffic, &known).is_some(), "{}", agent.log());

    // Whoever is gone is left alone.
    let sql = "update clients set status = 'inactive' where id = $1";
    admin
        .execute(sql, &[&before.client_ids[0]])
        .await
        .expect("the client");
    becomes("asked", None, async || asked_every(&traffic, &known)).await;
    assert!(asked_every(&traffic, names[0].get(0)).is_some());
}

#[tokio::test]
#[ignore = "long: makes ten thousand clients; prints what it costs to tell of them"]
async fn ten_thousand_call_centers_are_told() {
    let traffic = Traffic::new().await;
    let sql = "with k as (insert into clients (client_identifier, name)
                          select 'many_' || n, 'Many ' || n from generate_series(1, 10000) n returning id, client_identifier as name),
                    e as (insert into pjsip_endpoints (client_id, id, aors, context)
                          select id, name, name, 'from-capconduit' from k)
               insert into pjsip_aors (client_id, id, contact, qualify_frequency)
               select id, name, 'sip:10.77.100.' || id % 250 + 1 || ':' || 6000 + id / 250, 600 from k";
    traffic.admin.batch_execute(sql).await.expect("clients");
    // It reads them at its start.
    traffic.switch.kill();
    traffic.switch.boot().await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let line = traffic.number(&[Link::cap(100)], &[center.contact()]).await;
    let caller = Caller::new(&traffic.site, &traffic.switch, &line.did);
    let callers = caller.start_with(&["-m", "60", "-r", "4"]);
    let before = (
        traffic.switch.processor_ticks(),
        traffic.db.cluster().processor_ticks(),
    );
    let began = Instant::now();
    let agent = traffic.agent(&traffic.switch).await;
    becomes("the agent's first word", true, async || {
        agent.log().contains("told by name only")
    })
    .await;
    let all = began.elapsed();
    let ticks = (
        traffic.switch.processor_ticks() - before.0,
        traffic.db.cluster().processor_ticks() - before.1,
    );
    println!(
        "the first look: {all:?}; Asterisk {} ticks, PostgreSQL {} ticks",
        ticks.0, ticks.1
    );
    let seen = callers.finish().await;
    let longest = seen.calls().iter().map(waited).max().expect("calls");
    println!("the longest wait of sixty calls meanwhile: {longest:?}");
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    assert!(seen.calls().iter().all(|call| call.final_status() == 200));
    let began = Instant::now();
    let sql = "update pjsip_aors set qualify_frequency = 601 where id = 'many_77'";
    traffic.admin.execute(sql, &[]).await.expect("a change");
    becomes("asked", Some("601 sec".to_owned()), async || {
        asked_every(&traffic, "many_77")
    })
    .await;
    println!("a changed one: {:?}", began.elapsed());
    let began = Instant::now();
    let sql = "with k as (insert into clients (client_identifier, name) values ('one_more', 'One more') returning id),
                    e as (insert into pjsip_endpoints (client_id, id, aors, context)
                          select id, 'one_more', 'one_more', 'from-capconduit' from k)
               insert into pjsip_aors (client_id, id, contact) select id, 'one_more', 'sip:10.77.127.9' from k";
    traffic.admin.batch_execute(sql).await.expect("one more");
    becomes("asked", true, async || {
        asked_every(&traffic, "one_more").is_some()
    })
    .await;
    println!("a new one: {:?}\n{}", began.elapsed(), agent.log());
}
