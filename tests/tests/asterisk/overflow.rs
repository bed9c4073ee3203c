//! Real calls that one campaign has nobody for: the callers hear the call center of another one.

use capconduit_tests::{Caller, Center, Link};

use super::traffic::Traffic;

/// Of five calls two find room; two go on at once, one after its call center was busy. Nobody hears anything of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_hear_the_call_center_of_the_second_campaign() {
    let traffic = Traffic::new().await;
    let first = Center::start(&traffic.site, "answers", &[("RING", "200")]).await;
    let then = Center::start(&traffic.site, "answers", &[("RING", "200")]).await;
    let own = traffic.number(&[Link::cap(2)], &[first.contact()]).await;
    let other = traffic.number(&[Link::cap(9)], &[then.contact()]).await;
    let busy = Center::start(&traffic.site, "refuses", &[("CODE", "486")]).await;
    let failing = traffic.number(&[Link::cap(9)], &[busy.contact()]).await;
    let superuser = traffic.db.superuser().await;
    let sql = format!(
        r#"update campaigns set user_id = {0} where id in ({1}, {2});
           update dids set user_id = {0} where id = {3};
           update campaigns set overflow = '[{{"exit": "all_capped", "campaign": {1}}}]' where id = {4};
           update campaigns set overflow = '[{{"exit": "no_more_targets", "campaign": {1}}}]' where id = {2}"#,
        own.user_id, other.campaign_id, failing.campaign_id, failing.did_id, own.campaign_id
    );
    superuser
        .batch_execute(&format!("set search_path = capconduit; {sql}"))
        .await
        .expect("campaigns of one seller");

    let mut callers = Vec::new();
    for did in [&own.did, &own.did, &own.did, &own.did, &failing.did] {
        let caller = Caller::new(&traffic.site, &traffic.switch, did).talks_for(3000);
        callers.push(caller.start());
    }
    let mut seen = Vec::new();
    for caller in callers {
        seen.push(caller.finish().await);
    }
    let records = traffic.assert_accounted(&seen, 0).await;
    assert!(
        seen.iter()
            .flat_map(|seen| seen.calls())
            .all(|call| call.final_status() == 200)
    );
    let rung = |center: &Center| center.seen().calls().len();
    assert_eq!((rung(&first), rung(&then), rung(&busy)), (2, 3, 1));
    assert_eq!(records.len(), 5);
    let sql = "select string_agg(concat_ws(' ', overflow_exit, overflowed_from, campaign_id, call_status, attempts), ', '
                                 order by overflow_exit, asterisk_uniqueid) from call_logs";
    let kept: String = superuser
        .query_one(&sql.replace("call_logs", "capconduit.call_logs"), &[])
        .await
        .expect("the records")
        .get(0);
    let beyond = |exit: &str, left: i64, attempts: i32| {
        format!("{exit} {left} {} ANSWERED {attempts}", other.campaign_id)
    };
    let at_once = beyond("all_capped", own.campaign_id, 1);
    let in_own = format!("{} ANSWERED 1", own.campaign_id);
    assert_eq!(
        kept,
        [
            at_once.clone(),
            at_once,
            beyond("no_more_targets", failing.campaign_id, 2),
            in_own.clone(),
            in_own
        ]
        .join(", ")
    );
}
