//! One number in all the forms in which carriers write it, and one record for whatever is dialled in any form.

use capconduit_tests::{Center, Link, Place, Raw, RawCaller, Site, TestAsterisk, TestDb};

use super::support::becomes;
use super::traffic::Traffic;

/// Of trunk-a, a carrier in Great Britain. `N` stands for the number without its 44.
const BRITISH: &[&str] = &[
    "sip:+44N@HOST",
    "sip:44N@HOST",
    "sip:0044N@HOST",
    "sip:0N@HOST",
    "sip:%2B44N@HOST",
    "sip:+44N;npdi;rn=+441632000000@HOST",
    "sip:+44N;npdi@HOST",
    "sip:+44N;isub=12;postd=34@HOST",
    "sip:+44N;phone-context=carrier.example@HOST;user=phone",
    "sip:0N;phone-context=+44@HOST;user=phone",
    "sip:0N%3Bnpdi@HOST",
    "sip:+44N:secret@HOST",
    "sip:+44N@HOST:5060;transport=udp;cpc=ordinary",
    "sip:+44-N@HOST",
    "sip:+44.N@HOST",
    "sip:(0)N@HOST",
    "sip:(0N)@HOST",
    "sip:0-N@HOST",
    "sip:00-44-N@HOST",
    "sip:+44%20N@HOST",
    "sip:+44(0)N@HOST",
    "sip:%28%2B44%29N@HOST",
    "tel:+44N",
    "tel:+44-N;npdi;rn=+441632000000",
    "tel:0N;phone-context=+44",
];

const AMERICAN: &[&str] = &[
    "sip:+1N@HOST",
    "sip:1N@HOST",
    "sip:N@HOST",
    "sip:N;npdi=yes@HOST",
    "sip:1-N@HOST",
    "sip:1.N;isub=1@HOST",
    "sip:0111N@HOST",
    "tel:N;phone-context=+1",
];

/// Answered, or with the record's status.
async fn dial(traffic: &Traffic, place: Place, uri: &str) -> (Option<u16>, String) {
    let mut caller = RawCaller::udp(&traffic.site, &traffic.switch, place).await;
    let mut request = Raw::call(&traffic.switch, "");
    request.uri = uri.replace("HOST", traffic.switch.address()).into_bytes();
    let call_id = String::from_utf8(request.call_id.clone()).expect("text");
    let status = caller.invite(&request).await.and_then(|reply| reply.status());
    if status == Some(200) {
        caller.bye().await;
    }
    (status, call_id)
}

async fn record(traffic: &Traffic, call_id: &str) -> Vec<(String, String)> {
    let sql = "select incoming_did_number, call_status from call_logs where sip_call_id = $1";
    let rows = traffic.admin.query(sql, &[&call_id]).await.expect("records");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn reaches(traffic: &Traffic, place: Place, country: &str, national: &str, forms: &[&str]) {
    let center = Center::start(&traffic.site, "answers", &[("RING", "10")]).await;
    let number = traffic.number(&[Link::cap(9)], &[center.contact()]).await;
    let sql = "update dids set number = $2 where number = $1";
    let whole = format!("+{country}{national}");
    let changed = traffic.admin.execute(sql, &[&number.did, &whole]).await;
    assert_eq!(changed.expect("the number"), 1);
    for form in forms {
        // Separators within the number, too, where the form has some.
        let written = if form.contains(['-', '.']) && !form.contains("example@") {
            format!("{}-{}", &national[..3], &national[3..])
        } else {
            national.to_owned()
        };
        let (status, call_id) = dial(traffic, place, &form.replace('N', &written)).await;
        assert_eq!(status, Some(200), "{form}");
        becomes(form, vec![(whole.clone(), "ANSWERED".to_owned())], async || {
            record(traffic, &call_id).await
        })
        .await;
    }
}

#[tokio::test]
async fn a_number_is_reached_in_every_form() {
    let traffic = Traffic::new().await;
    reaches(&traffic, Place::TrunkA, "44", "2079460123", BRITISH).await;
    reaches(&traffic, Place::TrunkB, "1", "8005550123", AMERICAN).await;
}

/// What is no number: refused, and recorded as that.
#[tokio::test]
async fn whatever_reaches_the_dialplan_has_one_record() {
    let traffic = Traffic::new().await;
    let dialled = [
        "5",
        "0",
        "s",
        "h",
        "i",
        "t",
        "T",
        "e",
        "o",
        "a",
        "fax",
        "*8",
        "*",
        "%23",
        "-",
        "+",
        "%28",
        ".",
        "_X.",
        "reception",
        "%FF",
        "+44%FF2079460123",
        "%01",
        "a%2Cb%22c%27d%5Ce",
        "%24%7BUNIQUEID%7D",
        "%5B",
        "%20",
    ];
    let whole: Vec<String> = dialled.iter().map(|user| format!("sip:{user}@HOST")).collect();
    // `sip:@HOST` is no SIP URI: the parser drops such a request.
    let without_user = ["sip:HOST".to_owned()];
    for uri in whole.iter().chain(&without_user) {
        let (status, call_id) = dial(&traffic, Place::TrunkA, uri).await;
        assert_eq!(status, Some(404), "{uri}");
        becomes(uri, 1, async || record(&traffic, &call_id).await.len()).await;
        let (did, status) = record(&traffic, &call_id).await.remove(0);
        assert!(
            status == "REJECTED_INVALID_DID_INPUT"
                || (uri.contains("0@") && status == "REJECTED_DID_NOT_FOUND"),
            "{uri}: {did} {status}"
        );
    }
}

/// A folder `site` of before: its contexts name the patterns and not what is for all the rest.
#[tokio::test]
async fn contexts_of_a_release_before_take_separators_and_parameters_too() {
    let site = Site::start().await;
    let db: TestDb = site.database().await;
    let switch = TestAsterisk::configured(&site, &db, "pbx1");
    let file = switch.site_folder().join("trunks.extensions.conf");
    let shipped = std::fs::read_to_string(&file).expect("the shipped contexts");
    let before = shipped.replace(
        "include => capconduit-anything",
        "exten => _[!-~].,1,Set(CC_DID=${EXTEN})\n same => n,Goto(capconduit-inbound,s,1)\nexten => h,1,NoOp()",
    );
    assert_ne!(before, shipped);
    std::fs::write(&file, before).expect("the contexts of before");
    switch.boot().await;
    let traffic = Traffic::on(site, db, switch).await;
    let forms: Vec<&str> = BRITISH
        .iter()
        .copied()
        .filter(|form| !form.starts_with("sip:%28"))
        .collect();
    reaches(&traffic, Place::TrunkA, "44", "2079460123", &forms).await;
}
