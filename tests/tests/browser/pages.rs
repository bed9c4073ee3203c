//! Every page, light and dark, wide and on a small telephone: it is clean, accessible and fits. `scripts/generate screenshots` takes
//! their pictures.

use std::path::Path;

use capconduit_tests::{Browser, Calls, Look, Record, project};

use super::somebody;
use crate::console::rights::{ADMINS, EVERYBODYS, OWN, SELLERS, STAFFS};
use crate::console::support::World;

/// The pages that docs/CONSOLE.md shows: who sees it, where it is, what its picture is called.
const SHOWN: &[(&str, &str, &str)] = &[
    ("seller_alice", "/console", "overview"),
    ("seller_alice", "/console/campaigns/1", "campaign"),
    ("seller_alice", "/console/campaigns/1/links/1/caps/new", "cap"),
    ("seller_alice", "/console/numbers", "numbers"),
    ("seller_alice", "/console/numbers/1", "number"),
    ("seller_alice", "/console/hours/1", "hours"),
    ("seller_alice", "/console/try?number=%2B18005550101", "try"),
    ("seller_alice", "/console/calls", "calls"),
    ("seller_alice", "/console/calls/1", "call"),
    ("seller_alice", "/console/callers", "callers"),
    ("seller_alice", "/console/reports", "reports"),
    ("ops_staff", "/console/as/3/campaigns/1", "looking"),
    ("ops_staff", "/console/users", "users"),
    ("ops_staff", "/console/operations", "operations"),
    ("ops_staff", "/console/clients", "clients"),
    ("ops_staff", "/console/clients/1", "client"),
    ("ops_staff", "/console/sellers/3", "seller"),
    ("ops_staff", "/console/audit?object_type=cap", "audit"),
];

/// Pages whose pictures are only for whoever works on them.
const LOOKED_AT: &[(&str, &str, &str)] = &[
    ("seller_alice", "/console/account", "account"),
    (
        "seller_alice",
        "/console/callers/new?where=campaign%2F1",
        "caller_new",
    ),
    ("seller_alice", "/console/callers/import", "callers_import"),
    ("seller_alice", "/console/hours/1/import", "dates"),
    ("ops_staff", "/console/clients/new", "client_new"),
    ("ops_staff", "/console/users/5", "user"),
    ("ops_staff", "/console/as/3/campaigns/1/edit", "looking_form"),
];

/// The sample data in the midst of a day: calls in flight and ended, a full link, a switch that is heard.
async fn busy() -> World {
    let world = World::new().await;
    world.more_caps().await;
    world.marks().await;
    let sql = "update capconduit.campaign_client_settings set max_concurrency = 3 where id = 1";
    world
        .db
        .superuser()
        .await
        .execute(sql, &[])
        .await
        .expect("a low cap");
    let switch = &world.switch;
    let now = switch.database_time().await.expect("a time");
    let calls: Vec<String> = (1..=7).map(|call| format!("pbx1-1790.{call}")).collect();
    let begin = async |call: &str, number: &str, caller: &str| {
        let routed = switch.route_on(number, call, caller, "pbx1").await;
        assert!(routed.expect("an answer").is_ok(), "{call}");
    };
    for (call, caller) in calls
        .iter()
        .zip(["+15551230001", "+15551230002", "+15551230003", "+15551230004"])
    {
        begin(call, "+18005550101", caller).await;
        switch.answered(call).await.expect("an answer");
    }
    for (call, caller) in calls[4..]
        .iter()
        .zip(["+15551230005", "+15551230006", "+15551230007"])
    {
        begin(call, "+12125550102", caller).await;
    }
    let record = Record {
        caller_number: Some("+15551230007".into()),
        billsec_seconds: Some(95),
        duration_seconds: Some(104),
        ..Record::new(&calls[6], "+12125550102", "ANSWERED")
    };
    switch.log_record(&record).await.expect("a record");
    switch.node_started("pbx1", now, "1").await.expect("a start");
    let listed: Vec<&str> = calls[..6].iter().map(String::as_str).collect();
    switch
        .heartbeat("pbx1", "1", now, &listed)
        .await
        .expect("a heartbeat");
    world
}

/// Every page that a browser gets, but what is no page.
fn pages(lists: &[&[&str]]) -> Vec<String> {
    let listed = lists.concat().into_iter().filter(|path| !path.ends_with(".csv"));
    listed.map(str::to_owned).collect()
}

async fn assert_good(browser: &Browser, path: &str) {
    browser.open(path).await;
    for look in [Look::WIDE, Look::WIDE.dark()] {
        browser.look(look).await;
        browser.assert_accessible().await;
    }
    for look in [Look::NARROW, Look::WIDE] {
        browser.look(look).await;
        browser.assert_fits().await;
    }
    browser.assert_clean().await;
}

#[tokio::test]
async fn every_page_of_a_seller_is_clean_accessible_and_fits() {
    let world = busy().await;
    let alice = somebody(&world, "seller_alice").await;
    let mut all = pages(&[SELLERS, EVERYBODYS, OWN]);
    all.push("/console".into());
    all.push("/console/try?number=%2B18005550101".into());
    all.push("/console/search?q=5".into());
    for path in all {
        assert_good(&alice, &path).await;
    }
    alice.open("/console/campaigns/999").await;
    alice.assert_accessible().await;
    alice.assert_clean_but(&["404"]).await;
}

#[tokio::test]
async fn every_page_of_staff_and_of_nobody_is_clean_accessible_and_fits() {
    let world = busy().await;
    let nobody = Browser::start(world.api.address()).await;
    for path in ["/console/login", "/console/new_password?token=t"] {
        assert_good(&nobody, path).await;
    }
    let admin = nobody;
    admin.log_in("platform_admin").await;
    let mut all = pages(&[STAFFS, ADMINS]);
    all.extend(["/console/as/3", "/console/as/3/campaigns/1/edit"].map(str::to_owned));
    for path in all {
        assert_good(&admin, &path).await;
    }
}

/// Takes the pictures where CAPCONDUIT_DOCS says so. Each page has one in docs/images, and one of every look beside the builds, to be
/// looked at.
#[tokio::test]
async fn every_page_that_is_shown_has_a_picture() {
    let root = project::root();
    let images = root.join("docs/images");
    let is_writing = std::env::var("CAPCONDUIT_DOCS").is_ok_and(|wish| wish == "write");
    if is_writing {
        take(&images, &root.join("target/screenshots")).await;
    }
    let text = std::fs::read_to_string(root.join("docs/CONSOLE.md")).expect("docs/CONSOLE.md");
    let mut names: Vec<String> = SHOWN
        .iter()
        .map(|(_, _, name)| format!("console_{name}.png"))
        .collect();
    names.extend(["console_telephone.png", "console_steps.png"].map(String::from));
    for name in names {
        let size = images.join(&name).metadata().map_or(0, |file| file.len());
        assert!((1..200_000).contains(&size), "{name}: {size} bytes");
        assert!(text.contains(&format!("(images/{name})")), "{name} is not shown");
    }
}

async fn take(images: &Path, all: &Path) {
    for folder in [images, all] {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    let world = busy().await;
    let write = |folder: &Path, name: String, picture: &[u8]| {
        std::fs::write(folder.join(name + ".png"), picture).expect("a picture");
    };
    for who in ["seller_alice", "ops_staff"] {
        let browser = Browser::start(world.api.address()).await;
        browser.log_in(who).await;
        let all_of = SHOWN.iter().chain(LOOKED_AT);
        for (_, path, name) in all_of.filter(|(seen_by, _, _)| *seen_by == who) {
            browser.open(path).await;
            for look in [Look::WIDE, Look::WIDE.dark(), Look::NARROW, Look::NARROW.dark()] {
                browser.look(look).await;
                let picture = browser.picture().await;
                let scheme = if look.dark { "dark" } else { "light" };
                write(all, format!("{name}_{}_{scheme}", look.width), &picture);
                match (look.width, look.dark, *name) {
                    (1440, false, _) if SHOWN.iter().any(|shown| shown.2 == *name) => {
                        write(images, format!("console_{name}"), &picture)
                    }
                    (320, true, "campaign") => write(images, "console_telephone".into(), &picture),
                    _ => {}
                }
            }
            browser.look(Look::WIDE).await;
        }
    }
    let world = World::empty().await;
    let browser = Browser::start(world.api.address()).await;
    browser.log_in("admin").await;
    browser.open("/console/operations").await;
    for look in [Look::NARROW.dark(), Look::WIDE] {
        browser.look(look).await;
        let name = format!("steps_{}", look.width);
        write(all, name, &browser.picture().await);
    }
    write(images, "console_steps".into(), &browser.picture().await);
}
