//! What Asterisk refuses before the dialplan has no record: the agent counts it, per trunk and status.

use capconduit_tests::{Center, Link, Place, Raw, RawCaller};

use super::support::becomes;
use super::traffic::Traffic;

#[tokio::test]
async fn what_is_refused_before_the_dialplan_is_counted_per_trunk() {
    let traffic = Traffic::new().await;
    let agent = traffic.agent(&traffic.switch).await;
    let call = || Raw::call(&traffic.switch, "+442079460000");
    let with_body = |kind: &str, text: &str| Raw {
        body: Some((kind.to_owned(), text.as_bytes().to_vec())),
        ..call()
    };
    let refused = [
        (420, call().with_header("Require", b"nonsense")),
        (
            422,
            call()
                .with_header("Supported", b"timer")
                .with_header("Session-Expires", b"10"),
        ),
        (415, with_body("text/plain", "hello")),
        (
            488,
            with_body(
                "application/sdp",
                "v=0\r\no=- 1 1 IN IP4 10.77.16.1\r\ns=-\r\nc=IN IP4 10.77.16.1\r\nt=0 0\r\n\
              m=audio 40000 RTP/AVP 99\r\na=rtpmap:99 opus/48000/2\r\n",
            ),
        ),
        (400, with_body("application/sdp", "nonsense")),
        (404, call().with_header("Replaces", b"a;to-tag=1;from-tag=2")),
    ];
    let counted = async |trunk: &str, status: u16| {
        let name = format!("capconduit_node_sip_refused_total{{status=\"{status}\",trunk=\"{trunk}\"}}");
        agent.metric(&name).await as u32
    };
    for (place, trunk) in [(Place::TrunkA, "trunk-a"), (Place::TrunkB, "trunk-b")] {
        for (status, request) in &refused {
            let mut caller = RawCaller::udp(&traffic.site, &traffic.switch, place).await;
            let reply = caller
                .invite_unacknowledged(&fresh(request))
                .await
                .expect("an answer");
            assert_eq!(reply.status(), Some(*status), "{}", reply.text());
            becomes("it is counted", 1, async || counted(trunk, *status).await).await;
            // Its answer comes again until it is acknowledged.
            caller.next(std::time::Duration::from_secs(2)).await;
            caller.acknowledge().await;
            assert_eq!(counted(trunk, *status).await, 1, "{status}");
        }
    }
    let all = async || agent.metric("capconduit_node_sip_refused_total").await as u32;
    assert_eq!(all().await, 12);
    // A refusal of the dialplan has its record, and a stranger is in the security log.
    let mut caller = RawCaller::udp(&traffic.site, &traffic.switch, Place::TrunkA).await;
    assert_eq!(
        caller.invite(&call()).await.and_then(|reply| reply.status()),
        Some(404)
    );
    let mut stranger = RawCaller::udp(&traffic.site, &traffic.switch, Place::Stranger).await;
    assert_eq!(
        stranger.invite(&call()).await.and_then(|reply| reply.status()),
        Some(401)
    );
    let mut last = RawCaller::tcp(&traffic.site, &traffic.switch, Place::TrunkB).await;
    let reply = last.invite(&fresh(&refused[0].1)).await;
    assert_eq!(reply.and_then(|reply| reply.status()), Some(420));
    becomes("over TCP, too", 2, async || counted("trunk-b", 420).await).await;
    assert_eq!(counted("trunk-a", 404).await, 1);
    // A trunk that has to give a password is asked for it, and one packet of our own shows that such packets arrive.
    let trunk = traffic.site.address(Place::TrunkA);
    let copies = traffic.site.socket("127.0.0.1", 0);
    let send = |status: u16| {
        let packet = copy(
            &trunk,
            &format!("SIP/2.0 {status} No\r\nCall-ID: {status}\r\nCSeq: 1 INVITE\r\n\r\n"),
        );
        copies
            .send_to(&packet, "127.0.0.1:9466")
            .expect("the agent listens");
    };
    for status in [401, 407, 487, 700, 403] {
        send(status);
    }
    becomes("the last is counted", 1, async || counted("trunk-a", 403).await).await;
    // Six of each trunk, the one over TCP, and that one.
    assert_eq!(all().await, 14);
    let records = "select count(*) from call_logs";
    let records: i64 = traffic
        .admin
        .query_one(records, &[])
        .await
        .expect("records")
        .get(0);
    assert_eq!(records, 1);
}

/// What is refused inside a call ends no call: the call has its record.
#[tokio::test]
async fn a_change_of_a_call_that_is_refused_is_no_refused_call() {
    let traffic = Traffic::new().await;
    let agent = traffic.agent(&traffic.switch).await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let line = traffic.number(&[Link::cap(5)], &[center.contact()]).await;
    let mut caller = RawCaller::udp(&traffic.site, &traffic.switch, Place::TrunkA).await;
    let reply = caller.invite(&Raw::call(&traffic.switch, &line.did)).await;
    assert_eq!(reply.and_then(|reply| reply.status()), Some(200));
    let offer = "v=0\r\no=- 1 2 IN IP4 10.77.16.1\r\ns=-\r\nc=IN IP4 10.77.16.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n";
    let headers = "Contact: <sip:1@10.77.16.1>\r\nSupported: timer\r\nSession-Expires: 10\r\n";
    let refused = caller
        .ask("INVITE", headers, Some(("application/sdp", offer)))
        .await
        .expect("an answer");
    assert_eq!(refused.status(), Some(422), "{}", refused.text());
    caller.acknowledge().await;
    caller.bye().await;
    // A call that is refused shows that the copies of all before have arrived.
    let mut other = RawCaller::udp(&traffic.site, &traffic.switch, Place::TrunkA).await;
    other
        .invite(&Raw::call(&traffic.switch, &line.did).with_header("Replaces", b"a;to-tag=1;from-tag=2"))
        .await;
    let counted = "capconduit_node_sip_refused_total";
    let of_that = format!("{counted}{{status=\"404\",trunk=\"trunk-a\"}}");
    becomes("the refused call is counted", 1.0, async || {
        agent.metric(&of_that).await
    })
    .await;
    assert_eq!(agent.metric(counted).await, 1.0);
}

/// Asterisk ends the call itself then, and its record cannot tell.
#[tokio::test]
async fn an_answer_that_is_never_acknowledged_is_counted() {
    let traffic = Traffic::new().await;
    let agent = traffic.agent(&traffic.switch).await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "10")]).await;
    let line = traffic.number(&[Link::cap(9)], &[center.contact()]).await;
    let call = || Raw::call(&traffic.switch, &line.did);
    let answered = |reply: Option<capconduit_tests::Reply>| {
        assert_eq!(reply.and_then(|reply| reply.status()), Some(200));
    };
    // One that is as it should be.
    let mut good = RawCaller::udp(&traffic.site, &traffic.switch, Place::TrunkA).await;
    answered(good.invite(&call()).await);
    good.bye().await;
    let mut deaf = RawCaller::udp(&traffic.site, &traffic.switch, Place::TrunkB).await;
    answered(deaf.invite_unacknowledged(&call()).await);
    let counted = async |trunk: &str| {
        let name = format!("capconduit_node_sip_unacknowledged_total{{trunk=\"{trunk}\"}}");
        agent.metric(&name).await as u32
    };
    becomes("it is counted", 1, async || counted("trunk-b").await).await;
    assert_eq!(counted("trunk-a").await, 0);
    becomes("two records", 2, async || {
        let sql = "select count(*) from call_logs where call_status = 'ANSWERED' and hangup_by = 'caller'";
        let row = traffic.admin.query_one(sql, &[]).await.expect("records");
        row.get::<_, i64>(0)
    })
    .await;
}

/// A message to this address, as Asterisk packs its copy.
fn copy(to: &str, message: &str) -> Vec<u8> {
    let to: std::net::Ipv4Addr = to.parse().expect("an address");
    let mut chunks = Vec::new();
    for (kind, value) in [(4_u16, &to.octets()[..]), (15, message.as_bytes())] {
        let head = [0, kind, 6 + value.len() as u16];
        chunks.extend(head.into_iter().flat_map(u16::to_be_bytes));
        chunks.extend(value);
    }
    [b"HEP3", &(6 + chunks.len() as u16).to_be_bytes()[..], &chunks].concat()
}

/// The same under another Call-ID.
fn fresh(request: &Raw) -> Raw {
    let call_id = format!("again-{}", capconduit_tests::unique()).into_bytes();
    Raw {
        call_id,
        ..request.clone()
    }
}
