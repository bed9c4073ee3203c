//! What decisions read is copied to where they read it (migrations V0002 to V0005). Whatever administrators change at
//! the same time, each copy equals its source afterwards, nobody meets a deadlock, and a decision that reads copies is the
//! one that the tables give.

use std::time::Duration;

use capconduit_tests::{Calls, Explained, Preview, Random, TestDb, rounds};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{assert_no_deadlock, together};
use crate::sql::support::{run, value, values};

/// Three sellers with four campaigns and four numbers each, six clients, and some links and assignments.
const WORLD: &str = "
    insert into users (username, email, password_hash, role)
    select 'seller ' || n, n || '@example.com', '$argon2id$none', 'user' from generate_series(1, 3) n;
    insert into clients (client_identifier, name) select 'client_' || n, n::text from generate_series(1, 6) n;
    insert into pjsip_endpoints (client_id, id, aors, context)
    select id, client_identifier, client_identifier, 'from-capconduit' from clients;
    insert into pjsip_aors (client_id, id, contact) select id, client_identifier, 'sip:127.0.0.1' from clients;
    insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds)
    select u, 'campaign ' || n, (array['priority', 'round_robin', 'weighted'])[1 + n % 3], 20
      from generate_series(1, 3) u cross join generate_series(1, 4) n order by n, u;
    insert into dids (user_id, number)
    select u, '+1555000' || u || n from generate_series(1, 3) u cross join generate_series(1, 4) n;
    insert into campaign_dids (campaign_id, did_id)
    select c.id, d.id from campaigns c join dids d using (user_id) where (c.id + d.id) % 2 = 0;
    insert into campaign_client_settings (campaign_id, client_id, max_concurrency, forwarding_priority, weight)
    select c.id, k.id, 5, k.id % 3, k.id from campaigns c cross join clients k where (c.id + k.id) % 2 = 0";

/// A row for each copy that is not its source.
const DIFFERENT: &str = "
    select 'clients ' || k.id from clients k
     where k.has_contact is distinct from
           exists (select from pjsip_aors a where a.client_id = k.id and a.contact is not null)
    union all
    select 'campaigns ' || c.id from campaigns c join users u on u.id = c.user_id
     where c.owner_status is distinct from u.status
    union all
    select 'campaign_dids ' || a.did_id from campaign_dids a join dids d on d.id = a.did_id
     where (a.did_number, a.did_status, a.did_user_id) is distinct from (d.number, d.status, d.user_id)
    union all
    select 'links ' || s.id
      from campaign_client_settings s join campaigns c on c.id = s.campaign_id join clients k on k.id = s.client_id
     where (s.client_endpoint, s.client_status, s.client_has_contact, s.campaign_user_id, s.campaign_owner_status,
            s.campaign_status, s.campaign_strategy)
           is distinct from (k.client_identifier, k.status, k.has_contact, c.user_id, c.owner_status, c.status,
                             c.routing_strategy)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_copy_follows_its_source_and_gives_the_same_decision() {
    let mut random = Random::seeded();
    let db = TestDb::new().await;
    let control = db.superuser().await;
    run(&control, WORLD).await;
    for _ in 0..rounds(3, 30) {
        let mut workers = Vec::new();
        for _ in 0..8 {
            workers.push((db.superuser().await, random.fork()));
        }
        let changes = rounds(60, 300);
        let made = together(workers, move |_, (admin, mut random)| async move {
            let mut made = 0;
            for _ in 0..changes {
                made += usize::from(change(&admin, &mut random).await);
            }
            made
        })
        .await;
        let made: usize = made.iter().sum();
        println!("{made} changes");
        assert!(made > changes, "{made} changes");
        let different: Vec<String> = values(&control, DIFFERENT).await;
        assert!(different.is_empty(), "copies that differ: {different:?}");
        same_decisions(&db).await;
        assert_no_deadlock(&db).await;
    }
}

/// Something that an administrator does. `false`: somebody else's change was in its way.
async fn change(admin: &Client, random: &mut Random) -> bool {
    let mut one = |table: &str| {
        format!(
            "(select id from {table} order by (id * {}) % 17, id limit 1)",
            1 + random.below(16)
        )
    };
    let (user, campaign, client, did) = (one("users"), one("campaigns"), one("clients"), one("dids"));
    let on = random.chance(85);
    let status = if on { "active" } else { "inactive" };
    let sql = match random.below(12) {
        0 => format!("update users set status = '{status}' where id = {user}"),
        1 => format!("update campaigns set status = '{status}' where id = {campaign}"),
        2 => {
            let strategy = ["priority", "round_robin", "weighted"][random.below(3)];
            format!("update campaigns set routing_strategy = '{strategy}' where id = {campaign}")
        }
        3 => format!("update clients set status = '{status}' where id = {client}"),
        4 => {
            let contact = if on { "'sip:127.0.0.1'" } else { "null" };
            format!("update pjsip_aors set contact = {contact} where client_id = {client}")
        }
        5 => format!("update dids set status = '{status}' where id = {did}"),
        6 => format!(
            "update dids set number = '+1555000{}' where id = {did}",
            11 + random.below(60)
        ),
        7 => format!(
            "insert into campaign_dids (campaign_id, did_id)
             select c.id, {did} from campaigns c where c.id = {campaign} on conflict do nothing"
        ),
        8 => format!("delete from campaign_dids where campaign_id = {campaign} and did_id = {did}"),
        9 => format!(
            "insert into campaign_client_settings (campaign_id, client_id, max_concurrency)
             values ({campaign}, {client}, 3) on conflict do nothing"
        ),
        10 => format!(
            "delete from campaign_client_settings where campaign_id = {campaign} and client_id = {client}"
        ),
        // Another seller's: no call comes that way, and no copy may be left behind. By hand alone, and the seller first: a
        // suspension goes from the seller to the campaigns.
        _ => format!(
            "update campaigns c set user_id = u.id, name = 'moved ' || c.id || clock_timestamp()
               from (select id from users where id = {user} for key share) u where c.id = {campaign}"
        ),
    };
    match admin.batch_execute(&sql).await {
        Ok(()) => true,
        // A number that is taken.
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => false,
        Err(error) => panic!("{sql}: {error:?}"),
    }
}

/// Without their indexes, the copies are not read.
const BY_THE_TABLES: &str = "
    alter index campaign_dids_number_idx rename to hidden_numbers;
    alter index campaign_client_settings_decision_idx rename to hidden_links";

async fn same_decisions(db: &TestDb) {
    let client = db.superuser().await;
    let numbers: Vec<String> = values(
        &client,
        "select number from dids union select '+15559999' order by 1",
    )
    .await;
    let indexes = "select count(*) from pg_class where relname in
        ('campaign_dids_number_idx', 'campaign_client_settings_decision_idx')";
    assert_eq!(
        value::<i64>(&client, indexes).await,
        2,
        "without them the test compares the tables with themselves"
    );
    let mut offered = 0;
    run(&client, "begin").await;
    let by_copies = decisions(&client, &numbers).await;
    run(&client, BY_THE_TABLES).await;
    let by_tables = decisions(&client, &numbers).await;
    run(&client, "rollback").await;
    for ((copies, tables), number) in by_copies.into_iter().zip(by_tables).zip(&numbers) {
        assert_eq!(copies.explained, tables.explained, "{number}");
        assert_eq!(copies.outcome(), tables.outcome(), "{number}");
        // A weighted campaign draws each time anew.
        if tables.explained[0].share.is_none() && tables.explained.iter().all(|row| row.share.is_none()) {
            assert_eq!(
                (&copies.preview, &copies.routed),
                (&tables.preview, &tables.routed),
                "{number}"
            );
        }
        offered += usize::from(tables.preview.status == "ok");
    }
    println!("{offered} of {} numbers have a taker", numbers.len());
}

struct Decision {
    explained: Vec<Explained>,
    preview: Preview,
    routed: capconduit_tests::Target,
}

impl Decision {
    fn outcome(&self) -> (Option<&str>, Option<i64>, &str, Option<&str>, Option<i64>) {
        (
            self.preview.reason.as_deref(),
            self.preview.campaign_id,
            &self.routed.status,
            self.routed.reason.as_deref(),
            self.routed.campaign_id,
        )
    }
}

async fn decisions(client: &Client, numbers: &[String]) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for number in numbers {
        let explained = client.explain(number).await.unwrap();
        let preview = client.preview(number).await.unwrap();
        // Routed for real, and taken back.
        run(client, "savepoint one").await;
        let routed = client.route(number, "who gets it").await.unwrap();
        run(client, "rollback to one").await;
        decisions.push(Decision {
            explained,
            preview,
            routed,
        });
    }
    decisions
}

/// What hangs on many links is changed in all of them: in one order, or two such changes would close a circle. Each
/// change moves its rows to another place of the table, so the order in which they lie is soon another one everywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_many_links_wait_in_one_order() {
    let db = TestDb::new().await;
    let control = db.superuser().await;
    run(&control, WORLD).await;
    run(
        &control,
        "insert into campaign_client_settings (campaign_id, client_id, max_concurrency)
         select c.id, k.id, 5 from campaigns c cross join clients k where c.user_id = 1 on conflict do nothing",
    )
    .await;
    let mut workers = Vec::new();
    for _ in 0..8 {
        workers.push(db.superuser().await);
    }
    let changes = rounds(80, 500);
    together(workers, move |number, admin| async move {
        for n in 0..changes {
            let table = ["users", "clients", "clients", "clients"][number % 4];
            let id = if table == "users" { 1 } else { 1 + (n + number) % 6 };
            let status = ["active", "inactive"][n % 2];
            let sql = format!("update {table} set status = '{status}' where id = {id}");
            run(&admin, &sql).await;
        }
    })
    .await;
    let different: Vec<String> = values(&control, DIFFERENT).await;
    assert!(different.is_empty(), "copies that differ: {different:?}");
    assert_no_deadlock(&db).await;
}

#[tokio::test]
async fn a_copy_carried_over_is_nobody_s_change_of_the_row() {
    let db = TestDb::new().await;
    let control = db.superuser().await;
    run(&control, WORLD).await;
    let times = "select md5(string_agg(t.x, ',' order by t.x)) from (
        select 'c' || id || updated_at as x from campaigns union all
        select 's' || id || updated_at from campaign_client_settings) t";
    let before: String = value(&control, times).await;
    run(&control, "delete from audit_log").await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    run(
        &control,
        "update users set status = 'suspended' where id = 1; update clients set status = 'inactive' where id = 2",
    )
    .await;
    let carried = "select count(*) from campaign_client_settings
        where campaign_owner_status = 'suspended' or client_status = 'inactive'";
    assert!(value::<i64>(&control, carried).await > 0);
    assert_eq!(value::<String>(&control, times).await, before);
    let audited: Vec<String> = values(
        &control,
        "select object_type || ' ' || action || ' ' || object_id from audit_log order by id",
    )
    .await;
    assert_eq!(audited, ["users update 1", "clients update 2"]);
    let told: Vec<String> = values(
        &control,
        "select distinct key from audit_log, jsonb_object_keys(after) key where key = any (copied_columns())",
    )
    .await;
    assert_eq!(told, [""; 0], "copies are no business of the audit log");
}

/// As one that an administrator makes anew with `concurrently`, and that is not there yet, or never came to its end.
#[tokio::test]
async fn an_index_that_is_not_complete_is_not_read() {
    let db = TestDb::new().await;
    let control = db.superuser().await;
    run(&control, WORLD).await;
    let number: String = value(
        &control,
        "select min(did_number) from campaign_dids join campaign_client_settings using (campaign_id)",
    )
    .await;
    let before = control.explain(&number).await.unwrap();
    run(
        &control,
        "update pg_index set indisvalid = false, indisready = false
          where indexrelid in ('campaign_dids_number_idx'::regclass, 'campaign_client_settings_decision_idx'::regclass);
         insert into clients (client_identifier, name) values ('new', 'new');
         insert into campaign_client_settings (campaign_id, client_id, max_concurrency)
         select id, (select max(id) from clients), 1 from campaigns;
         insert into campaign_dids (campaign_id, did_id) values (1, 2)",
    )
    .await;
    let after = control.explain(&number).await.unwrap();
    assert_eq!(after.len(), before.len() + 1, "{after:?}");
    // The second number of the first seller was in the second campaign, and is in the first one now.
    let preview = control.preview("+155500012").await.unwrap();
    assert_eq!(
        (preview.did_id, preview.campaign_id),
        (Some(2), Some(1)),
        "{preview:?}"
    );
}

/// A hand may change a source, never a copy.
#[tokio::test]
async fn a_copy_that_says_something_else_is_refused() {
    let db = TestDb::new().await;
    let control = db.superuser().await;
    run(&control, WORLD).await;
    for (table, change) in [
        ("campaigns", "owner_status = 'suspended'"),
        ("campaign_dids", "did_number = '+15550009999'"),
        ("campaign_dids", "did_status = 'inactive'"),
        ("campaign_dids", "did_user_id = did_user_id + 1"),
        ("campaign_client_settings", "client_endpoint = 'client_x'"),
        ("campaign_client_settings", "client_status = 'inactive'"),
        ("campaign_client_settings", "client_has_contact = false"),
        (
            "campaign_client_settings",
            "campaign_user_id = campaign_user_id + 1",
        ),
        ("campaign_client_settings", "campaign_owner_status = 'inactive'"),
        ("campaign_client_settings", "campaign_status = 'paused'"),
        (
            "campaign_client_settings",
            "campaign_strategy = 'priority' || campaign_strategy",
        ),
    ] {
        let sql = format!("update {table} set {change}");
        let error = control.batch_execute(&sql).await.expect_err(&sql);
        assert_eq!(
            error.code(),
            Some(&SqlState::FOREIGN_KEY_VIOLATION),
            "{sql}: {error:?}"
        );
        let column = change.split(' ').next().expect("a column");
        let sql = format!("update {table} set {column} = null");
        let error = control.batch_execute(&sql).await.expect_err(&sql);
        assert_eq!(error.code(), Some(&SqlState::CHECK_VIOLATION), "{sql}: {error:?}");
    }
    // No foreign key holds this one: it is set right.
    run(&control, "update clients set has_contact = not has_contact where id < 4; update clients set has_contact = null").await;
    let different: Vec<String> = values(&control, DIFFERENT).await;
    assert!(different.is_empty(), "copies that differ: {different:?}");
}
