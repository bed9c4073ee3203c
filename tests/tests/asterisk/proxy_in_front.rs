//! A SIP proxy in front, which keeps its calls alive.

use std::time::Duration;

use capconduit_tests::{Kamailio, Link, Place, Raw, RawCaller, Strategy};
use tokio::time::{Instant, sleep};

use super::early_media::packet;
use super::support::{Line, becomes};

/// It asks with OPTIONS inside the call every half a minute, and ends the call when nobody says anything.
#[tokio::test]
#[ignore = "long: talks for three minutes"]
async fn a_call_behind_kamailio_talks_for_three_minutes() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
    let center = line.center(0, "answers", &[("RING", "100")]).await;
    let proxy = Kamailio::start(line.site, line.switch).await;
    let mut caller = RawCaller::udp_to(line.site, proxy.address(), Place::TrunkA).await;
    let request = Raw::call(line.switch, &line.scenario.did);
    let reply = caller
        .invite(&request)
        .await
        .unwrap_or_else(|| panic!("no answer:\n{}", proxy.log()));
    assert_eq!(reply.status(), Some(200), "{}", reply.text());
    assert!(reply.header("Record-Route").contains(proxy.address()));
    // Both speak: silence would end the call, too.
    let mouths = [
        (
            line.site.socket(caller.address(), 40_000),
            reply.media().expect("SDP"),
        ),
        (
            line.site.socket(&center.address, 40_000),
            center.seen().requests("INVITE")[0].media().expect("SDP"),
        ),
    ];
    let until = Instant::now() + Duration::from_secs(185);
    let mut number = 0;
    while Instant::now() < until {
        for (mouth, ear) in &mouths {
            mouth.send_to(&packet(number), ear).expect("it is sent");
        }
        number += 1;
        if number.is_multiple_of(50) {
            assert_eq!(
                line.counters(0).await,
                (1, 0),
                "after {number} of 3,700 words:\n{}",
                proxy.log()
            );
        }
        sleep(Duration::from_millis(50)).await;
    }
    caller.bye().await;
    becomes("the call is counted", (0, 1), async || line.counters(0).await).await;
    let sql = "select hangup_by || case when billsec_seconds between 180 and 200 then '' else ' wrong' end from call_logs
                where link_id = $1";
    let row = line
        .admin
        .query_one(sql, &[&line.scenario.link_ids[0]])
        .await
        .expect("the record");
    assert_eq!(row.get::<_, String>(0), "caller");
}
