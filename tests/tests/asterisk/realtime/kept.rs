//! What a switch keeps of an endpoint is never used by a call that was decided after a change.

use std::time::Duration;

use capconduit_tests::{CallRecord, Center, Link, Place, StopMode, TestAsterisk};
use tokio::time::sleep;

use super::{Offer, Stage, offered};

/// How long a switch keeps an endpoint: asterisk/sorcery.conf.
const KEPT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn every_setting_counts_for_the_next_call_of_each_switch() {
    let stage = Stage::new().await;
    let second = TestAsterisk::start(&stage.traffic.site, &stage.traffic.db, "pbx2").await;
    let switches = [&stage.traffic.switch, &second];
    for switch in switches {
        assert_eq!(stage.call_through(switch).await.final_status(), 200);
    }
    let all = "0 8 3 101";
    let changes = [
        ("allow = 'ulaw'", "sip:+15550001111@", "0 101"),
        ("allow = 'ulaw,alaw,gsm', from_user = 'us'", "sip:us@", all),
        ("from_domain = 'us.example'", "sip:us@us.example", all),
        (
            "from_user = null, callerid = '\"Us; &\" <+15550002222>'",
            "sip:+15550002222@us.example",
            all,
        ),
        (
            "transport = 'transport-udp', allow = 'gsm,ulaw'",
            "sip:+15550002222@us.example",
            "0 3 101",
        ),
        // As it was at first.
        (
            "transport = null, allow = default, from_domain = null, callerid = null",
            "sip:+15550001111@",
            all,
        ),
    ];
    for (change, from, formats) in changes {
        stage.set_endpoint(change).await;
        for switch in switches {
            let seen = stage.call_through(switch).await;
            assert_eq!(seen.final_status(), 200, "{change}");
            let offer = stage.offered();
            assert!(offer.from.starts_with(from), "{change}: {offer:?}");
            assert_eq!(offer.formats, formats, "{change}");
            CallRecord::of(&stage.traffic.db, &seen)
                .await
                .assert_equals(&seen);
        }
    }
    // Where the call center is.
    let moved = Center::start(&stage.traffic.site, "answers", &[("RING", "100")]).await;
    let sql = "update pjsip_aors set contact = $2 where client_id = $1";
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&stage.client(), &moved.contact()];
    stage
        .traffic
        .admin
        .execute(sql, &values)
        .await
        .expect("the contact");
    for switch in switches {
        assert_eq!(stage.call_through(switch).await.final_status(), 200);
    }
    assert_eq!(moved.seen().requests("INVITE").len(), 2);
}

#[tokio::test]
async fn a_changed_password_and_a_call_center_that_wants_one_count_for_the_next_call() {
    let stage = Stage::new().await;
    assert_eq!(stage.call().await.final_status(), 200);
    let admin = &stage.traffic.admin;
    for (password, change) in [
        (
            "first",
            "with a as (insert into pjsip_auths (client_id, id, username, password)
                        select id, client_identifier || '-auth', 'us', $3 from clients where id = $1),
                  e as (update pjsip_endpoints set outbound_auth = id || '-auth' where client_id = $1)
             update pjsip_aors set contact = $2 where client_id = $1",
        ),
        (
            "second",
            "with a as (update pjsip_auths set password = $3 where client_id = $1)
             update pjsip_aors set contact = $2 where client_id = $1",
        ),
    ] {
        let values = [
            ("RING", "100"),
            ("REALM", "center.example"),
            ("USER", "us"),
            ("PASSWORD", password),
        ];
        let center = Center::start(&stage.traffic.site, "answers-after-digest", &values).await;
        admin
            .execute(change, &[&stage.client(), &center.contact(), &password])
            .await
            .expect("credentials");
        let seen = stage.call().await;
        assert_eq!(seen.final_status(), 200, "{password}: {:#?}", center.seen());
    }
}

/// The race: a look-up is made before a change, and what it found is kept after it. Asterisk has no means against that, and
/// `expire` none either. The call's channel tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_comes_back_after_a_change_is_dialled_by_nobody() {
    let stage = Stage::new().await;
    let identifier = stage.identifier().await;
    let superuser = stage.traffic.db.superuser().await;
    // The view waits where a test holds a lock: after the statement's snapshot was taken.
    superuser
        .batch_execute(
            "create function asterisk.waits() returns boolean language plpgsql volatile as $$
             begin
                 perform pg_advisory_lock_shared(77);
                 perform pg_advisory_unlock_shared(77);
                 return true;
             end $$;
             alter view asterisk.ps_endpoints rename to ps_endpoints_at_once;
             create view asterisk.ps_endpoints as
                 select * from asterisk.ps_endpoints_at_once where id like '%~%' or asterisk.waits();
             grant select on asterisk.ps_endpoints to capconduit_asterisk",
        )
        .await
        .expect("the view");
    let switch = &stage.traffic.switch;
    // Asks for it, and keeps what it finds.
    let show = || switch.cli(&format!("pjsip show endpoint {identifier}"));
    superuser
        .execute("select pg_advisory_lock(77)", &[])
        .await
        .expect("the lock");
    let shown = std::thread::scope(|scope| {
        let shown = scope.spawn(show);
        let changed = async {
            let waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted";
            while superuser
                .query_one(waiting, &[])
                .await
                .expect("locks")
                .get::<_, i64>(0)
                == 0
            {
                sleep(Duration::from_millis(5)).await;
            }
            stage.set_endpoint("allow = 'ulaw'").await;
            switch.cli(&format!(
                "sorcery memory cache expire res_pjsip/endpoint {identifier}"
            ));
            superuser
                .execute("select pg_advisory_unlock(77)", &[])
                .await
                .expect("the lock");
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(changed));
        shown.join().expect("no panic")
    });
    assert!(
        shown.contains("(ulaw|alaw|gsm)"),
        "it looked before the change:\n{shown}"
    );
    assert!(show().contains("(ulaw|alaw|gsm)"), "the row of before is back");
    let before = stage.traffic.db.cluster().log().len();
    for _ in 0..2 {
        assert_eq!(stage.call().await.final_status(), 200);
        assert_eq!(stage.offered().formats, "0 101");
    }
    let by_settings = stage
        .asked_since(before)
        .iter()
        .filter(|asked| asked.contains('~'))
        .count();
    assert_eq!(
        by_settings, 1,
        "the first call read what is set, the second one had it"
    );
    assert!(
        show().contains("(ulaw|alaw|gsm)"),
        "the row of before is there still"
    );
    sleep(KEPT).await;
    assert!(show().contains("(ulaw)"), "{}", show());
}

/// Between the decision and the look for its settings they are changed once more, and once more.
#[tokio::test]
async fn settings_that_are_changed_again_while_a_call_looks_for_them_are_asked_for_anew() {
    let stage = Stage::new().await;
    assert_eq!(stage.call().await.final_status(), 200);
    // Whoever looks for settings by their name changes them first, twice.
    stage
        .traffic
        .db
        .superuser()
        .await
        .batch_execute(
            "create table asterisk.changes (n integer);
             create function asterisk.changes() returns boolean language plpgsql volatile security definer as $$
             begin
                 if (select count(*) from asterisk.changes) < 2 then
                     insert into asterisk.changes values (1);
                     update capconduit.pjsip_endpoints
                        set from_user = 'v' || (select count(*) from asterisk.changes), from_domain = 'us.example';
                     return false;
                 end if;
                 return true;
             end $$;
             alter view asterisk.ps_endpoints rename to ps_endpoints_at_once;
             create view asterisk.ps_endpoints as
                 select * from asterisk.ps_endpoints_at_once where id not like '%~%' or asterisk.changes();
             grant select on asterisk.ps_endpoints to capconduit_asterisk",
        )
        .await
        .expect("the view");
    stage.set_endpoint("from_user = 'v0'").await;
    let before = stage.traffic.db.cluster().log().len();
    let seen = stage.call().await;
    let asked = stage.asked_since(before);
    assert_eq!(seen.final_status(), 200, "{asked:#?}");
    assert_eq!(stage.offered().from, "sip:v2@us.example");
    let routed = asked
        .iter()
        .filter(|asked| asked.starts_with("route_call"))
        .count();
    assert_eq!(routed, 3, "{asked:#?}");
    let record = CallRecord::of(&stage.traffic.db, &seen).await;
    record.assert_equals(&seen);
    assert_eq!(record.failed_attempts, [], "it was no fault of the call center");
}

#[tokio::test]
async fn a_client_that_is_deleted_and_made_anew_under_its_name_is_another() {
    let stage = Stage::new().await;
    assert_eq!(stage.call().await.final_status(), 200);
    let identifier = stage.identifier().await;
    let other = Center::start_at(
        &stage.traffic.site,
        &stage.traffic.site.address(Place::Center),
        "answers",
        &[("RING", "100")],
        &[],
    )
    .await;
    let admin = &stage.traffic.admin;
    for sql in [
        format!(
            "delete from campaign_client_settings where client_id = {}",
            stage.client()
        ),
        format!("delete from clients where id = {}", stage.client()),
    ] {
        admin.execute(&sql, &[]).await.expect(&sql);
    }
    assert_eq!(stage.call().await.final_status(), 480);
    let sql = "with c as (insert into clients (client_identifier, name) values ($1, 'another') returning id),
                    e as (insert into pjsip_endpoints (client_id, id, aors, context, allow, from_user)
                          select id, $1, $1, 'from-capconduit', 'gsm,ulaw', 'another' from c),
                    a as (insert into pjsip_aors (client_id, id, contact, qualify_frequency) select id, $1, $2, 0 from c)
               select id from c";
    let client: i64 = admin
        .query_one(sql, &[&identifier, &other.contact()])
        .await
        .expect("a client")
        .get(0);
    capconduit_tests::link(admin, stage.line.campaign_id, client, Link::cap(1)).await;
    assert_eq!(stage.call().await.final_status(), 200);
    let Offer { from, formats } = offered(&other);
    assert!(from.starts_with("sip:another@"), "{from}");
    assert_eq!(formats, "0 3 101");
}

/// Deactivated, a call center gets no call, whatever is kept of it.
#[tokio::test]
async fn a_deactivated_client_gets_no_call_at_once() {
    let stage = Stage::new().await;
    assert_eq!(stage.call().await.final_status(), 200);
    let sql = "update clients set status = 'inactive' where id = $1";
    stage
        .traffic
        .admin
        .execute(sql, &[&stage.client()])
        .await
        .expect("the client");
    assert_eq!(stage.call().await.final_status(), 480);
    assert_eq!(stage.center.seen().requests("INVITE").len(), 1);
}

#[tokio::test]
async fn a_database_that_was_killed_after_a_change_is_asked_for_what_is_set() {
    let stage = Stage::new().await;
    assert_eq!(stage.call().await.final_status(), 200);
    stage.set_endpoint("allow = 'ulaw'").await;
    let cluster = stage.traffic.db.cluster();
    cluster.stop(StopMode::Immediate).await;
    assert_eq!(stage.call().await.final_status(), 503);
    cluster.start().await;
    // Its pools' connections fail once each; a call may come to grief over them, none uses what was kept.
    let mut answered = 0;
    for _ in 0..20 {
        let status = stage.call().await.final_status();
        if status == 200 {
            answered += 1;
            assert_eq!(stage.offered().formats, "0 101");
        } else {
            assert_eq!(status, 503);
        }
        if answered == 3 {
            return;
        }
    }
    panic!("no call is answered:\n{}", stage.traffic.switch.log());
}
