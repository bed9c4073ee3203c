//! What people set is read where they set it. Whatever administrators change at the same time, the next decision of every
//! connection is the one that the tables give, also of one that remembers where it found their rows; nobody meets a deadlock, and a
//! change of one row touches no other.

use capconduit_tests::{Calls, Random, TestDb, rounds};
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

/// What each number's callers meet, as a join of all the tables has it: its campaign, and each link with whether it takes calls.
const BY_A_JOIN: &str = "
    select concat_ws(' ', d.number, d.id, c.id, string_agg(s.id || '=' ||
               (s.status = 'active' and k.status = 'active' and a.contact is not null
                and n.active < s.max_concurrency and d.status = 'active' and u.status = 'active'), ' ' order by s.id))
      from dids d
      join users u on u.id = d.user_id
      left join lateral (
          select c.id from campaign_dids x join campaigns c on c.id = x.campaign_id
           where x.did_id = d.id and c.status = 'active' and c.user_id = d.user_id
           order by c.id limit 1) c on true
      left join campaign_client_settings s on s.campaign_id = c.id
      left join clients k on k.id = s.client_id
      left join pjsip_aors a on a.client_id = k.id
      left join link_counters n on n.link_id = s.id
     where d.status = 'active' and u.status = 'active' and s.id is not null
     group by d.number, d.id, c.id
     order by d.number";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_changed_counts_for_the_next_decision_of_every_connection() {
    let mut random = Random::seeded();
    let db = TestDb::new().await;
    let control = db.superuser().await;
    run(&control, WORLD).await;
    // They ask again and again.
    let (asks, decides) = (db.superuser().await, db.superuser().await);
    for _ in 0..rounds(4, 30) {
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
        assert!(made > changes, "{made} changes");
        let expected: Vec<String> = values(&control, BY_A_JOIN).await;
        println!("{made} changes; {} numbers have links", expected.len());
        let numbers: Vec<String> = values(&control, "select number from dids order by 1").await;
        let mut told = Vec::new();
        for number in &numbers {
            told.extend(decided(&asks, &decides, number).await);
        }
        assert_eq!(told, expected);
        assert_no_deadlock(&db).await;
    }
}

/// A line as the join has it, if links are looked at; by explain, which preview and a route agree with.
async fn decided(asks: &Client, decides: &Client, number: &str) -> Option<String> {
    let explained = asks.explain(number).await.unwrap();
    let preview = asks.preview(number).await.unwrap();
    // Routed for real, and taken back.
    run(decides, "begin").await;
    let routed = decides.route(number, "who gets it").await.unwrap();
    run(decides, "rollback").await;
    assert_eq!(preview.status, routed.status, "{number}");
    assert_eq!(preview.reason, routed.reason, "{number}");
    let takes = |link: Option<i64>| {
        explained
            .iter()
            .any(|row| link.is_some() && row.link_id == link && row.eligible == Some(true))
    };
    let anybody = explained.iter().any(|row| row.eligible == Some(true));
    assert_eq!(anybody, preview.status == "ok", "{number}: {explained:?}");
    assert_eq!(anybody, takes(preview.link_id), "{number}: {preview:?}");
    assert_eq!(anybody, takes(routed.link_id), "{number}: {routed:?}");
    let mut links: Vec<(i64, bool)> = explained
        .iter()
        .filter_map(|row| Some((row.link_id?, row.eligible?)))
        .collect();
    links.sort_unstable();
    let campaign = explained[0].campaign_id?;
    (!links.is_empty()).then(|| {
        let links: Vec<String> = links.iter().map(|(id, takes)| format!("{id}={takes}")).collect();
        let did = preview.did_id.expect("a known number");
        format!("{number} {did} {campaign} {}", links.join(" "))
    })
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
        // Another seller's: no call comes that way. By hand alone.
        _ => format!(
            "update campaigns set user_id = {user}, name = 'moved ' || id || clock_timestamp() where id = {campaign}"
        ),
    };
    match admin.batch_execute(&sql).await {
        Ok(()) => true,
        // A number that is taken.
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => false,
        Err(error) => panic!("{sql}: {error:?}"),
    }
}

/// What hangs on many links is changed in one row: such changes wait for nobody but each other, whatever their order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_what_many_links_hang_on_meet_no_deadlock() {
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
            let table = ["users", "clients", "campaigns"][(n + number) % 3];
            let id = if table == "users" { 1 } else { 1 + (n + number) % 6 };
            let status = ["active", "inactive"][n % 2];
            // Several in one transaction, each worker in the same order of tables, links in none.
            let sql = format!(
                "begin; update {table} set status = '{status}' where id = {id};
                 update campaign_client_settings set weight = 1 + {n} % 9
                  where id = (select 1 + ({n} * 7 + {number}) % max(id) from campaign_client_settings); commit"
            );
            run(&admin, &sql).await;
        }
    })
    .await;
    assert_no_deadlock(&db).await;
}

/// A client of 10,000 links: its status is one row, and so is what is written of the change.
#[tokio::test]
async fn a_client_with_ten_thousand_links_is_deactivated_cheaply() {
    let db = TestDb::new().await;
    let control = db.superuser().await;
    run(
        &control,
        "insert into users (username, email, password_hash, role)
         values ('seller', 'seller@example.com', '$argon2id$none', 'user');
         insert into clients (client_identifier, name) values ('busy', 'busy');
         insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds)
         select 1, 'campaign ' || n, 'priority', 20 from generate_series(1, 10000) n;
         insert into campaign_client_settings (campaign_id, client_id, max_concurrency)
         select id, 1, 5 from campaigns;
         checkpoint",
    )
    .await;
    let links = "select md5(string_agg(concat_ws(' ', id, xmin, updated_at, version), ',' order by id)) from
        campaign_client_settings";
    let before: String = value(&control, links).await;
    let audited = "select count(*) from audit_log";
    let told: i64 = value(&control, audited).await;
    // Of each direction the least: others write to the same log.
    let (mut written, mut slowest) = ([i64::MAX; 2], std::time::Duration::ZERO);
    for (number, status) in ["inactive", "active"].repeat(3).into_iter().enumerate() {
        let position: String = value(&control, "select pg_current_wal_insert_lsn()::text").await;
        let begun = std::time::Instant::now();
        run(
            &control,
            &format!("update clients set status = '{status}' where id = 1"),
        )
        .await;
        slowest = slowest.max(begun.elapsed());
        let since = format!("select (pg_current_wal_insert_lsn() - '{position}'::pg_lsn)::bigint");
        let least = &mut written[number % 2];
        *least = value::<i64>(&control, &since).await.min(*least);
    }
    let most = written.into_iter().max().unwrap();
    println!("a change wrote {most} bytes of WAL, the slowest took {slowest:?}");
    assert!(most < 256 * 1024, "{most} bytes");
    assert_eq!(
        value::<String>(&control, links).await,
        before,
        "no link was touched"
    );
    assert_eq!(value::<i64>(&control, audited).await, told + 6);
}
