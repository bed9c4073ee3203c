//! What the call center plays before it answers is heard by the caller, and nobody is charged for it.

use std::net::UdpSocket;
use std::time::Duration;

use capconduit_tests::{CallRecord, Link, Strategy};
use jiff::{SignedDuration, Timestamp};
use tokio::time::interval;

use super::support::{Line, becomes};

const PORT: u16 = 7000;

/// 20 ms of G.711, of which no other source sends the like.
const SOUND: [u8; 160] = [0xA7; 160];

/// RTP: version 2, payload type 0, number, time, source, and the sound.
pub fn packet(number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0x00];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * SOUND.len() as u32).to_be_bytes());
    packet.extend(0x0ca1_1ce2_u32.to_be_bytes());
    packet.extend(SOUND);
    packet
}

/// When the sound arrived, packet by packet; anything else is not counted.
fn heard(socket: &UdpSocket, times: &mut Vec<Timestamp>) {
    let mut bytes = [0; 2048];
    while let Ok(length) = socket.recv(&mut bytes) {
        if bytes[..length].get(12..) == Some(&SOUND[..]) {
            times.push(Timestamp::now());
        }
    }
}

/// The caller is charged from our 200 on: it must not come before the call center's.
#[tokio::test]
async fn early_media_reaches_the_caller_and_nothing_answers_before_the_call_center() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
    let values = [("RING", "3000"), ("MEDIA", &PORT.to_string())];
    let center = line.center(0, "early-media", &values).await;
    let caller = line.caller().hears_at(PORT);
    let mouth = line.site.socket(&center.address, PORT);
    let ear = line.site.socket(caller.address(), PORT);

    let call = caller.start();
    becomes("the call center is called", 1, async || {
        center.seen().requests("INVITE").len()
    })
    .await;
    let target = center.seen().requests("INVITE")[0].media().expect("SDP");
    let mut clock = interval(Duration::from_millis(20));
    let mut times = Vec::new();
    let mut sent = 0;
    // Far longer than it rings.
    while center.seen().answered_at().is_none() && sent < 1500 {
        clock.tick().await;
        mouth.send_to(&packet(sent), target).expect("it is sent");
        sent += 1;
        heard(&ear, &mut times);
    }
    let seen = call.finish().await;

    // It rang for three seconds after its INVITE, whenever SIPp came to note down what it had sent.
    assert!(center.seen().answered_at().is_some(), "the call center's 200");
    let answered = center.seen().invited_at() + SignedDuration::from_millis(2950);
    let early = times.iter().filter(|&&at| at < answered).count();
    assert!(
        early >= 10,
        "{early} of {sent} packets were heard before the answer"
    );
    let responses = seen.responses();
    assert!(responses.starts_with(&[100, 183]), "{responses:?}");
    let progress = seen.response(183).expect("a 183");
    assert!(progress.media().is_some(), "{progress:#?}");
    assert!(seen.answered_at().expect("our 200") >= answered);
    let record = CallRecord::of(line.db, &seen).await;
    record.assert_equals(&seen);
    assert!(record.answered_at.expect("an answer") >= answered);
}
