//! Schedules over REST: made, attached, met by calls, changed, and dates taken over from files.

use capconduit_tests::Calls;
use serde_json::{Value, json};

use super::support::{World, field_error, keys};

const OWN: &str = "/api/seller/schedules";
const ALL: &str = "/api/admin/schedules";
const DID: &str = "+18005550101";

fn office() -> Value {
    json!({"name": "Office", "timeZone": "Europe/Berlin",
           "weekly": [{"day": "monday", "opens": "09:00", "closes": "17:00"}],
           "exceptions": [{"date": "2026-12-25", "name": "Christmas", "intervals": []}]})
}

#[tokio::test]
async fn a_schedule_is_made_attached_and_met() {
    let world = World::new().await;
    let (alice, switch) = (&world.alice, world.db.asterisk().await);
    let made = alice.post(OWN, office()).await.expect_status(201).json();
    assert_eq!(
        keys(&made),
        [
            "closesAt",
            "createdAt",
            "exceptions",
            "id",
            "name",
            "openNow",
            "opensAt",
            "setBy",
            "timeZone",
            "updatedAt",
            "userId",
            "version",
            "weekly"
        ]
    );
    assert_eq!(
        (
            &made["setBy"],
            &made["userId"],
            &made["weekly"],
            &made["exceptions"]
        ),
        (
            &json!("seller"),
            &json!(3),
            &office()["weekly"],
            &office()["exceptions"]
        )
    );
    // One of the two, whatever day it is.
    assert_eq!(
        made["openNow"].as_bool().unwrap(),
        made["opensAt"].is_null(),
        "{made}"
    );
    assert_ne!(made["opensAt"].is_null(), made["closesAt"].is_null(), "{made}");
    let one = format!("{OWN}/{}", made["id"]);
    assert_eq!(alice.get(&one).await.ok()["version"], made["version"]);
    alice.post(OWN, office()).await.problem(409, "name_taken");
    // Closed for good by an exception of each day would be long: without intervals it is closed always.
    let changed = alice
        .put(&one, json!({"weekly": [], "exceptions": []}))
        .await
        .ok();
    assert_eq!(
        (
            &changed["openNow"],
            &changed["opensAt"],
            &changed["closesAt"],
            &changed["name"]
        ),
        (&json!(false), &Value::Null, &Value::Null, &json!("Office"))
    );
    let late = alice
        .with("If-Match", &format!("\"{}\"", made["version"]))
        .put(&one, json!({"name": "Late"}))
        .await;
    assert_eq!(
        late.problem(412, "changed_meanwhile")["present"]["name"],
        "Office"
    );
    let id = &made["id"];
    for (path, reason) in [
        ("/api/seller/dids/1", "closed"),
        ("/api/seller/campaigns/1", "closed"),
        ("/api/seller/campaigns/1/clients/1", ""),
    ] {
        let put = alice.put(path, json!({"scheduleId": id})).await.ok();
        assert_eq!(&put["scheduleId"], id, "{path}");
        assert_eq!(&alice.get(path).await.ok()["scheduleId"], id, "{path}");
        let answer = switch.route(DID, path).await.unwrap();
        if reason.is_empty() {
            assert_ne!(answer.link(), 1);
        } else {
            assert_eq!(answer.reject_reason(), reason, "{path}");
        }
        alice.delete(&one).await.problem(409, "in_use");
        let put = alice.put(path, json!({"scheduleId": null})).await.ok();
        assert_eq!(put["scheduleId"], Value::Null, "{path}");
    }
    alice.delete(&one).await.expect_status(204);
    alice.get(&one).await.problem(404, "not_found");
    // Made with one from the first.
    let made = alice.post(OWN, office()).await.expect_status(201).json();
    let did = json!({"number": "+4930123456", "scheduleId": made["id"]});
    assert_eq!(
        alice
            .post("/api/seller/dids", did)
            .await
            .expect_status(201)
            .json()["scheduleId"],
        made["id"]
    );
}

#[tokio::test]
async fn the_platform_s_schedules_are_everybody_s_and_changed_by_staff() {
    let world = World::uncapped().await;
    let (alice, bob, staff) = (&world.alice, &world.bob, &world.staff);
    let platforms = staff.post(ALL, office()).await.expect_status(201).json();
    assert_eq!(
        (&platforms["setBy"], &platforms["userId"]),
        (&json!("platform"), &Value::Null)
    );
    let bobs = bob.post(OWN, office()).await.expect_status(201).json();
    let seen = alice.get(OWN).await.ok();
    assert_eq!(
        (&seen["total"], &seen["items"][0]["id"]),
        (&json!(1), &platforms["id"])
    );
    assert_eq!(staff.get(ALL).await.ok()["total"], 2);
    assert_eq!(
        staff
            .get(&format!("{ALL}?user_id=4&set_by=seller&q=off"))
            .await
            .ok()["items"][0]["id"],
        bobs["id"]
    );
    let (own, one) = (
        format!("{OWN}/{}", platforms["id"]),
        format!("{ALL}/{}", bobs["id"]),
    );
    alice
        .put(&own, json!({"name": "x"}))
        .await
        .problem(403, "set_by_another");
    alice.delete(&own).await.problem(403, "set_by_another");
    staff
        .put(&one, json!({"name": "x"}))
        .await
        .problem(403, "set_by_another");
    alice
        .get(&format!("{OWN}/{}", bobs["id"]))
        .await
        .problem(404, "not_found");
    // Attached: the platform's by everybody, a seller's by itself alone.
    let link = "/api/seller/campaigns/1/clients/1";
    alice
        .put(link, json!({"scheduleId": bobs["id"]}))
        .await
        .problem(404, "not_found");
    alice.put(link, json!({"scheduleId": platforms["id"]})).await.ok();
    staff
        .put("/api/admin/links/1", json!({"scheduleId": bobs["id"]}))
        .await
        .problem(404, "not_found");
    staff
        .put("/api/admin/links/1", json!({"scheduleId": null}))
        .await
        .ok();
    assert_eq!(alice.get(link).await.ok()["scheduleId"], Value::Null);
    let client = "/api/admin/clients/1";
    staff
        .put(client, json!({"scheduleId": bobs["id"]}))
        .await
        .problem(404, "not_found");
    let put = staff
        .put(client, json!({"scheduleId": platforms["id"]}))
        .await
        .ok();
    assert_eq!(put["scheduleId"], platforms["id"]);
    let changed = staff
        .put(
            &format!("{ALL}/{}", platforms["id"]),
            json!({"weekly": [], "exceptions": []}),
        )
        .await
        .ok();
    assert_eq!(changed["openNow"], false);
    let told = alice
        .get(&format!("/api/seller/explain?did={}", DID.replace('+', "%2B")))
        .await
        .ok();
    assert_eq!(told["links"][0]["reason"], "client_closed", "{told}");
}

#[tokio::test]
async fn what_is_no_schedule_is_refused_by_its_field() {
    let world = World::new().await;
    let alice = &world.alice;
    let with = |key: &str, value: Value| {
        let mut body = office();
        body[key] = value;
        body
    };
    for (key, value, text) in [
        ("name", json!(""), "Must not be empty."),
        ("timeZone", json!("CET"), "'CET' is not accepted: "),
        ("weekly", json!({}), "Must be a list."),
        ("weekly", json!([{"day": "monday"}]), "1: opens must be a text."),
        (
            "weekly",
            json!([{"day": "sunday", "opens": "22:00", "closes": "06:00"},
                   {"day": "monday", "opens": "05:00", "closes": "09:00"}]),
            "sunday 22:00–06:00 and monday 05:00–09:00 overlap.",
        ),
        (
            "exceptions",
            json!([{"date": "25.12.2026"}]),
            "1: date must be a day such as 2026-12-25.",
        ),
        ("note", json!("x"), "Unknown field."),
    ] {
        let answer = alice
            .post(OWN, with(key, value))
            .await
            .problem(400, "validation_failed");
        let said = field_error(&answer, key);
        assert!(said.starts_with(text), "{key}: {said}");
    }
    let made = alice.post(OWN, office()).await.expect_status(201).json();
    let one = format!("{OWN}/{}", made["id"]);
    // A change is judged with what stays.
    let body = json!({"exceptions": [{"date": "2026-12-25", "name": "x", "intervals": []},
                                     {"date": "2026-12-25", "name": "y", "intervals": []}]});
    let answer = alice.put(&one, body).await.problem(400, "validation_failed");
    assert_eq!(
        field_error(&answer, "exceptions"),
        "2026-12-25 has two exceptions."
    );
    assert_eq!(alice.get(&one).await.ok()["version"], made["version"]);
}

#[tokio::test]
async fn dates_come_from_csv_and_from_calendars() {
    let world = World::new().await;
    let alice = &world.alice;
    let made = alice.post(OWN, office()).await.expect_status(201).json();
    let path = format!("{OWN}/{}/exceptions/import", made["id"]);
    let send =
        async |kind: &str, text: &str| alice.raw("POST", &path, Some(kind), text.to_owned().into()).await;
    let csv = "date,name,opens,closes\n2026-12-24,Christmas Eve,09:00,12:00\n2026-12-25,Christmas Day,,\n";
    let imported = send("text/csv", csv).await.ok();
    assert_eq!(imported["imported"], 2);
    // Its own of that date made place, and they are in order.
    assert_eq!(
        imported["schedule"]["exceptions"],
        json!([
            {"date": "2026-12-24", "name": "Christmas Eve", "intervals": [{"opens": "09:00", "closes": "12:00"}]},
            {"date": "2026-12-25", "name": "Christmas Day", "intervals": []},
        ])
    );
    let calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20270101\r\nDTEND;VALUE=DATE:20270102\r\n\
                    SUMMARY:New Year\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let imported = send("text/calendar; charset=utf-8", calendar).await.ok();
    assert_eq!(imported["imported"], 1);
    assert_eq!(imported["schedule"]["exceptions"].as_array().unwrap().len(), 3);
    // One faulty line, and nothing of it is taken over.
    let answer = send("text/csv", "date,name\n2027-02-30,x\n2027-05-01,Labour Day\n").await;
    let faults = answer.problem(400, "validation_failed");
    assert_eq!(
        faults["errors"]["lines"]["2"][0],
        "date: A day such as 2026-12-25 is expected."
    );
    let answer = send("text/csv", "date,name,opens,closes\n2027-05-01,x,9,10\n").await;
    assert!(
        field_error(&answer.problem(400, "validation_failed"), "exceptions").contains("opens must be a time")
    );
    send("text/plain", "x")
        .await
        .problem(415, "unsupported_media_type");
    send("text/csv", " ").await.problem(400, "empty_body");
    let json =
        "{\"exceptions\": [{\"date\": \"2026-12-24\", \"name\": \"Closed after all\", \"intervals\": []}]}";
    let imported = send("application/json", json).await.ok();
    assert_eq!(imported["schedule"]["exceptions"][0]["name"], "Closed after all");
    assert_eq!(
        alice.get(&format!("{OWN}/{}", made["id"])).await.ok()["exceptions"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}
