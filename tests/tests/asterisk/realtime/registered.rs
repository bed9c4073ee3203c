//! Whoever registers meets what is set: passwords, addresses and registrations are not kept.

use capconduit_tests::{Caller, Center, Place, Seen};

use super::Stage;

impl Stage {
    async fn register(&self, address: &str, password: &str) -> bool {
        self.register_as(&self.identifier().await, address, password)
            .await
    }

    async fn register_as(&self, identifier: &str, address: &str, password: &str) -> bool {
        let seen: Seen = Caller::new(&self.traffic.site, &self.traffic.switch, "+15550000000")
            .from_address(address)
            .plays("registers")
            .named(identifier)
            .start_with(&["-m", "1", "-au", identifier, "-ap", password])
            .finish_anyhow()
            .await;
        seen.messages.iter().any(|message| message.status() == Some(200))
    }
}

#[tokio::test]
async fn a_changed_password_and_a_new_address_count_at_once() {
    let stage = Stage::new().await;
    let admin = &stage.traffic.admin;
    let made = "with a as (insert into pjsip_auths (client_id, id, username, password)
                           select id, client_identifier || '-auth', client_identifier, 'first' from clients where id = $1),
                     e as (update pjsip_endpoints set auth = id || '-auth' where client_id = $1)
                update pjsip_aors set contact = null where client_id = $1";
    admin
        .execute(made, &[&stage.client()])
        .await
        .expect("credentials");
    assert_eq!(stage.call().await.final_status(), 480, "nobody has registered");

    let first = stage.traffic.site.address(Place::Center);
    assert!(stage.register(&first, "first").await);
    let center = Center::start_at(&stage.traffic.site, &first, "answers", &[("RING", "100")], &[]).await;
    assert_eq!(stage.call().await.final_status(), 200);
    assert_eq!(center.seen().requests("INVITE").len(), 1);

    // The endpoint is kept now.
    let changed = "update pjsip_auths set password = 'second' where client_id = $1";
    admin
        .execute(changed, &[&stage.client()])
        .await
        .expect("a password");
    let second = stage.traffic.site.address(Place::Center);
    assert!(
        !stage.register(&second, "first").await,
        "the old password is over"
    );
    assert!(stage.register(&second, "second").await);
    let moved = Center::start_at(&stage.traffic.site, &second, "answers", &[("RING", "100")], &[]).await;
    assert_eq!(stage.call().await.final_status(), 200);
    assert_eq!(
        moved.seen().requests("INVITE").len(),
        1,
        "it is where it registered last"
    );

    let inactive = "update clients set status = 'inactive' where id = $1";
    admin
        .execute(inactive, &[&stage.client()])
        .await
        .expect("the client");
    let third = stage.traffic.site.address(Place::Center);
    assert!(
        !stage.register(&third, "second").await,
        "a deactivated client registers nobody"
    );
}

/// Asterisk asks for registrations with a pattern in which the `_` of a name stands for any character.
#[tokio::test]
async fn a_call_center_of_a_similar_name_gets_no_call_and_is_not_unregistered() {
    let stage = Stage::new().await;
    let admin = &stage.traffic.admin;
    let identifier = stage.identifier().await;
    let similar = identifier.replace('_', "-");
    assert_ne!(identifier, similar);
    let made = "with c as (insert into clients (client_identifier, name) values ($1, 'similar') returning id),
                     a as (insert into pjsip_auths (client_id, id, username, password)
                           select id, $1 || '-auth', $1, 'word' from c returning client_id, id),
                     e as (insert into pjsip_endpoints (client_id, id, aors, auth, context)
                           select client_id, $1, $1, id, 'from-capconduit' from a),
                     o as (insert into pjsip_auths (client_id, id, username, password)
                           select id, client_identifier || '-auth', client_identifier, 'word' from clients where id = $2
                           returning client_id, id),
                     p as (update pjsip_endpoints e set auth = o.id from o where e.client_id = o.client_id),
                     n as (update pjsip_aors set contact = null where client_id = $2)
                insert into pjsip_aors (client_id, id, qualify_frequency) select id, $1, 0 from c";
    admin
        .execute(made, &[&similar, &stage.client()])
        .await
        .expect("two call centers");
    let theirs = stage.traffic.site.address(Place::Center);
    let ours = stage.traffic.site.address(Place::Center);
    assert!(stage.register_as(&similar, &theirs, "word").await);
    let their_center =
        Center::start_at(&stage.traffic.site, &theirs, "answers", &[("RING", "100")], &[]).await;
    // The database knows that nobody registered for this one.
    assert_eq!(stage.call().await.final_status(), 480);
    assert!(stage.register(&ours, "word").await);
    let our_center = Center::start_at(&stage.traffic.site, &ours, "answers", &[("RING", "100")], &[]).await;
    for _ in 0..5 {
        assert_eq!(stage.call().await.final_status(), 200);
    }
    assert_eq!(our_center.seen().requests("INVITE").len(), 5);
    assert_eq!(their_center.seen().messages.len(), 0);
    let kept = "select count(*) from pjsip_contacts where endpoint = any ($1)";
    let row = admin.query_one(kept, &[&vec![identifier, similar]]).await;
    assert_eq!(
        row.expect("registrations").get::<_, i64>(0),
        2,
        "neither ended the other's"
    );
}
