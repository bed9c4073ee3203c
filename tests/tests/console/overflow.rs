//! Where a campaign's calls go that it has nobody for: written as lines, shown by Try a number and on the call's page.

use super::support::{World, form_urlencoded, hidden, page, post};

const EDIT: &str = "/console/campaigns/1/edit";

#[tokio::test]
async fn calls_that_a_campaign_has_nobody_for_go_where_the_form_says() {
    let world = World::uncapped().await;
    let alice = world.logged_in("seller_alice").await;
    let fields = "name=Alice+Priority+Tech+Leads&routingStrategy=priority&dialTimeoutSeconds=25&qualifySeconds=30&status=active&anonymousCallers=allow";
    let send = async |overflow: &str| {
        let form = hidden(&page(&alice, EDIT).await);
        post(
            &alice,
            EDIT,
            &format!("{form}&{fields}&overflow={}", form_urlencoded(overflow)),
        )
        .await
    };
    for (faulty, fault) in [
        (
            "all closed",
            "Line 1: &#39;all closed&#39; is not like: all closed: campaign 7.",
        ),
        (
            "all busy: campaign 2",
            "exit must be one of: all_closed, all_capped, no_more_targets.",
        ),
        (
            "all capped: campaign 99",
            "1: campaign 99 is no other campaign of this seller.",
        ),
    ] {
        let refused = send(faulty).await.expect_status(400).text();
        assert!(refused.contains(fault) && refused.contains(faulty), "{refused}");
    }
    let overflow = "all capped: campaign 2\nno more targets: link 2";
    send(overflow).await.expect_status(303);
    assert!(page(&alice, EDIT).await.contains(overflow));
    let links = page(&alice, "/console/campaigns/1").await;
    assert!(links.contains("is asked when there is nobody else"), "{links}");

    let tried = page(&alice, "/console/try?number=%2B18005550101").await;
    assert!(
        tried.contains("goes to") && !tried.contains("None of these takes it"),
        "{tried}"
    );
    let full = "update capconduit.campaign_client_settings set total_calls_allowed = 0 where campaign_id = 1";
    world
        .db
        .superuser()
        .await
        .batch_execute(full)
        .await
        .expect("full links");
    let tried = page(&alice, "/console/try?number=%2B18005550101").await;
    assert!(
        tried.contains("goes to")
            && tried.contains("None of these takes it, so campaign <a href=\"/console/campaigns/2\">"),
        "{tried}"
    );
    let call = "select from capconduit.route_call('+18005550101', 'pbx1-1.1');
                select from capconduit.log_call('pbx1-1.1', '+18005550101', 'ANSWERED')";
    world.switch.batch_execute(call).await.expect("a call");
    let calls = page(&alice, "/console/calls?uniqueid=pbx1-1.1").await;
    let (_, rest) = calls
        .split_once("<td><a href=\"/console/calls/")
        .expect("the call");
    let path = format!("/console/calls/{}", rest.split('"').next().expect("its id"));
    let shown = page(&alice, &path).await;
    for part in [
        "so the campaign's overflow was asked",
        "from <a href=\"/console/campaigns/1\">campaign 1</a>",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
