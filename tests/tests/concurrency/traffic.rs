//! Everything at once: calls that are routed, moved, answered, asked about twice, logged once, twice, late or never,
//! while lists of live calls, expired leases and corrections close them. All along, every sample is a state in
//! which no cap is exceeded and every counter equals its rows.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capconduit_tests::{
    Calls, Link, Random, Scenario, Strategy, TestDb, Watch, assert_invariants, client, link, rounds,
};
use tokio_postgres::Client;

use super::{assert_no_deadlock, close_quickly, crew, crowd, drain, together};

const NODE: &str = "pbx-1";
const PAUSE: Duration = Duration::from_millis(100);

struct Stage {
    /// Each caller dials one of them.
    dids: Vec<String>,
    /// What the node lists as live.
    alive: Mutex<HashSet<String>>,
    /// Calls whose record comes only after others have closed them.
    late: Mutex<Vec<String>>,
    over: AtomicBool,
}

impl Stage {
    /// By the caller's number, with which the call's id begins.
    fn did(&self, id: &str) -> &str {
        let number: usize = id.split('-').next().unwrap().parse().unwrap();
        &self.dids[number % self.dids.len()]
    }
}

#[tokio::test]
async fn no_cap_is_exceeded_by_priority() {
    mixed_traffic(Strategy::Priority).await;
}

#[tokio::test]
async fn no_cap_is_exceeded_by_round_robin() {
    mixed_traffic(Strategy::RoundRobin).await;
}

#[tokio::test]
async fn no_cap_is_exceeded_by_weighted() {
    mixed_traffic(Strategy::Weighted).await;
}

async fn mixed_traffic(strategy: Strategy) {
    let mut random = Random::seeded();
    for (callers, cap) in [(16, 1), (16, 7), (64, 7), (64, 50)] {
        let _crowd = crowd(callers).await;
        let db = TestDb::new().await;
        close_quickly(&db).await;
        let links: Vec<Link> = (1..=3).map(|weight| Link::cap(cap).weight(weight)).collect();
        let scenario = Scenario::new(&db.admin().await, strategy, &links).await;
        // The others are as full as their slots allow.
        let capped = (callers, cap) == (64, 7);
        if capped {
            cap_windows(&db).await;
        }
        let watch = Watch::start(&db, PAUSE).await;
        let (routed, refused) = play(
            &db,
            vec![scenario.did],
            callers,
            rounds(1600, 40_000) / callers,
            &mut random,
        )
        .await;
        let samples = watch.finish().await;
        println!("{strategy:?} cap {cap}: {routed} routed, {refused} refused, {samples} samples");
        let least = if capped { 20 } else { callers };
        assert!(routed > least, "{routed} calls went through");
        assert_invariants(&db).await;
        drain(&db).await;
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

/// Each link by other kinds over other windows, low enough to be met between two turns of a window.
async fn cap_windows(db: &TestDb) {
    let sql = "insert into caps (link_id, counts, span, set_by, max_calls)
               select n.link_id, c.counts, c.span, c.set_by, c.max_calls
                 from (select link_id, row_number() over (order by link_id) as place from link_counters) n
                 join (values (1, 'answered', 'hour', 'seller', 20), (1, 'offered', 'day', 'platform', 100),
                              (2, 'qualified', 'week', 'seller', 1), (2, 'offered', 'hour', 'seller', 20),
                              (3, 'answered', 'month', 'platform', 50), (3, 'answered', 'day', 'platform', 20)
                      ) c (place, counts, span, set_by, max_calls) using (place);
               update campaign_client_settings set qualify_seconds = 0;
               insert into caps (link_id, counts, span, set_by, max_calls)
               select min(link_id), 'offered', 'concurrent', 'platform', 5 from link_counters";
    db.superuser().await.batch_execute(sql).await.unwrap();
}

/// Each campaign to the next one of its seller, the last one to the first.
const OVERFLOW: &str = "
    update campaigns c
       set overflow = jsonb_build_array(jsonb_build_object('exit', 'all_capped', 'campaign', n.next),
                                        jsonb_build_object('exit', 'no_more_targets', 'campaign', n.next))
      from (select id, coalesce(lead(id) over seller, first_value(id) over seller) as next
              from campaigns window seller as (partition by user_id order by id)) n
     where n.id = c.id and n.next <> c.id";

/// Each link by another kind over another window.
const CAPS_OF_LINKS: &str = "
    insert into caps (link_id, counts, span, set_by, max_calls)
    select n.link_id, c.counts, c.span, c.set_by, c.max_calls
      from (select link_id, row_number() over (order by link_id) % 6 as place from link_counters) n
      join (values (0, 'offered', 'hour', 'seller', 4), (1, 'answered', 'day', 'platform', 4),
                   (2, 'qualified', 'week', 'seller', 3), (3, 'answered', 'month', 'platform', 6),
                   (4, 'offered', 'concurrent', 'seller', 2), (5, 'answered', 'total', 'seller', 20)
           ) c (place, counts, span, set_by, max_calls) using (place)";

/// Three clients with a hundred links of ten sellers, and caps of all of these, of links, campaigns and numbers: some from the beginning, the
/// first ones of the others while calls run. They are lowered to what is used, raised, made to warn alone and to hold again, deleted and made
/// anew, and adjusted; their zones change, too.
#[tokio::test]
async fn no_cap_of_what_calls_share_is_exceeded() {
    let mut random = Random::seeded();
    for (callers, limits) in [(16, [1, 2, 3]), (64, [1, 7, 50])] {
        let _crowd = crowd(callers).await;
        let db = TestDb::new().await;
        close_quickly(&db).await;
        let admin = db.admin().await;
        let mut clients = Vec::new();
        for _ in limits {
            clients.push(client(&admin).await);
        }
        let mut dids = Vec::new();
        let mut sellers = Vec::new();
        // What a call has of its own, and how many calls of it may be up.
        let mut capped = Vec::new();
        for place in 0..34 {
            let scenario = Scenario::new(&admin, Strategy::ALL[place % 3], &[]).await;
            for client_id in &clients {
                // Some campaigns have had all their calls: those that come go beyond.
                let of_link = if place % 3 == 0 {
                    Link::cap(50).allowed(0)
                } else {
                    Link::cap(50)
                };
                link(&admin, scenario.campaign_id, *client_id, of_link).await;
            }
            dids.push(scenario.did);
            sellers.push(scenario.user_id);
            let limit = limits[place % 3];
            capped.push(("campaign_id", "campaign", scenario.campaign_id, limit));
            capped.push(("did_id", "did", scenario.did_id, limit * 2));
        }
        capped.extend((0..10).map(|place| ("user_id", "seller", sellers[place], limits[place % 3] * 3)));
        // Ten of them: the others' numbers and campaigns become theirs.
        for (place, seller) in sellers.iter().enumerate().skip(10) {
            let owner = sellers[place % 10];
            let sql = format!(
                "update dids set user_id = {owner} where user_id = {seller};
                 update campaigns set user_id = {owner} where user_id = {seller}"
            );
            db.superuser().await.batch_execute(&sql).await.unwrap();
        }
        let superuser = db.superuser().await;
        superuser
            .batch_execute("update campaigns set qualify_seconds = 0")
            .await
            .unwrap();
        superuser.batch_execute(OVERFLOW).await.unwrap();
        superuser.batch_execute(CAPS_OF_LINKS).await.unwrap();
        let caps_of = |client: i64, limit: i64| {
            format!(
                "insert into caps (client_id, counts, span, set_by, max_calls)
                 values ({client}, 'offered', 'concurrent', 'platform', {limit}),
                        ({client}, 'answered', 'hour', 'platform', {limit} * 2),
                        ({client}, 'qualified', 'week', 'platform', {limit} * 3),
                        ({client}, 'offered', 'day', 'platform', {limit} * 10)"
            )
        };
        superuser
            .batch_execute(&caps_of(clients[0], limits[0]))
            .await
            .unwrap();
        for (place, (column, _, id, limit)) in capped.iter().enumerate() {
            if place % 4 < 2 {
                let sql = format!(
                    "insert into caps ({column}, counts, span, set_by, max_calls)
                     values ({id}, 'offered', 'concurrent', 'seller', {limit}),
                            ({id}, 'answered', 'hour', 'platform', {limit} * 2),
                            ({id}, 'qualified', 'week', 'platform', {limit} * 3),
                            ({id}, 'offered', 'day', 'seller', {limit} * 10)"
                );
                superuser.batch_execute(&sql).await.unwrap();
            }
        }
        let watch = Watch::start(&db, PAUSE).await;
        let late = async {
            for (place, (column, kind, id, limit)) in capped.iter().enumerate() {
                if place % 4 < 2 {
                    continue;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                let first = format!(
                    "insert into caps ({column}, counts, span, set_by, max_calls)
                     values ({id}, 'qualified', 'month', 'seller', 1000000)"
                );
                superuser.batch_execute(&first).await.unwrap();
                let room = format!(
                    "insert into caps ({column}, counts, span, set_by, max_calls)
                     select {id}, 'answered', 'total', 'seller', n.answered + n.active + n.unsettled + {limit} * 20
                       from meters n where (n.subject_type, n.subject_id) = ('{kind}', {id})"
                );
                superuser.batch_execute(&room).await.unwrap();
            }
            for (client, limit) in clients.iter().zip(limits).skip(1) {
                tokio::time::sleep(Duration::from_millis(300)).await;
                // What it has more than that already it keeps: a limit that a call may have passed before is no limit to watch.
                let first = format!(
                    "insert into caps (client_id, counts, span, set_by, max_calls)
                     values ({client}, 'qualified', 'month', 'platform', 1000000)"
                );
                superuser.batch_execute(&first).await.unwrap();
                let room = format!(
                    "insert into caps (client_id, counts, span, set_by, max_calls)
                     select {client}, 'answered', 'total', 'platform', n.answered + n.active + n.unsettled + {limit} * 20
                       from meters n where (n.subject_type, n.subject_id) = ('client', {client})"
                );
                superuser.batch_execute(&room).await.unwrap();
            }
        };
        let calls = rounds(2400, 40_000) / callers;
        let over = Arc::new(AtomicBool::new(false));
        let changes = tokio::spawn(change_caps(over.clone(), db.superuser().await, random.fork()));
        let ((routed, refused), ()) = tokio::join!(play(&db, dids, callers, calls, &mut random), late);
        over.store(true, Ordering::Relaxed);
        let changed = changes.await.expect("changes of caps cause no error");
        println!("caps changed: {changed:?}");
        let samples = watch.finish().await;
        println!("{callers} callers: {routed} routed, {refused} refused, {samples} samples");
        assert!(
            routed > 20 && refused > 0,
            "{routed} calls went through, {refused} did not"
        );
        assert_invariants(&db).await;
        let overflowed = "select count(*) from call_logs where overflowed_from is not null";
        let overflowed: i64 = superuser.query_one(overflowed, &[]).await.unwrap().get(0);
        assert!(overflowed > 0, "no call left its campaign");
        println!("{overflowed} calls left their campaigns");
        drain(&db).await;
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

/// What people do to caps while calls run. A limit is never below what is used at that moment, which holds as long as the counters are locked: so
/// each of them is one that no call may pass. Gives how often each was done.
async fn change_caps(over: Arc<AtomicBool>, superuser: Client, mut random: Random) -> [u64; 6] {
    const CAPS: &str = "
        select c.id, coalesce(m.id, c.link_id) as counters_id, m.id is not null as is_metered,
               c.span in ('concurrent', 'total') as has_no_window
          from caps c
          left join lateral (values ('client', c.client_id), ('did', c.did_id), ('campaign', c.campaign_id), ('seller', c.user_id))
               s (subject_type, subject_id) on s.subject_id is not null
          left join meters m on (m.subject_type, m.subject_id) = (s.subject_type, s.subject_id)
         where m.id is not null or c.link_id is not null";
    let mut done = [0; 6];
    let mut asked = 0;
    while !over.load(Ordering::Relaxed) {
        let caps = superuser.query(CAPS, &[]).await.unwrap();
        let cap = &caps[random.below(caps.len())];
        let (id, counters_id): (i64, i64) = (cap.get(0), cap.get(1));
        let (table, key) = if cap.get(2) {
            ("meters", "id")
        } else {
            ("link_counters", "link_id")
        };
        let set = |set: &str, more: usize| {
            format!(
                "update caps c set {set} max_calls = v.used + v.in_flight + {more} from caps_view v where v.id = c.id and c.id = {id}"
            )
        };
        // Each of them first, then any.
        let change = if asked < 30 {
            asked % done.len()
        } else {
            random.below(done.len())
        };
        if change == 5 && cap.get(3) {
            continue;
        }
        asked += 1;
        let sql = match change {
            0 => set("", 0),
            1 => set("", 10),
            2 => format!("update caps set enforce = false where id = {id}"),
            3 => set("enforce = true,", random.below(3)),
            4 => format!(
                "create temporary table anew on commit drop as
                 select c.client_id, c.link_id, c.did_id, c.campaign_id, c.user_id, c.counts, c.span, c.set_by,
                        v.used + v.in_flight + 5 as max_calls
                   from caps c join caps_view v using (id) where c.id = {id};
                 delete from caps where id = {id};
                 insert into caps (client_id, link_id, did_id, campaign_id, user_id, counts, span, set_by, max_calls) table anew"
            ),
            // Of several that count the same the one with the least room decides.
            _ => format!(
                "select adjust_cap({id}, case when {} then - least(v.used, 2) else least(r.room, 2) end, 'a test')
                   from caps_view v,
                        lateral (select min(o.remaining) as room from caps_view o
                                  where (o.subject_type, o.subject_id, o.counts, o.span)
                                        = (v.subject_type, v.subject_id, v.counts, v.span)) r
                  where v.id = {id}",
                random.chance(50)
            ),
        };
        superuser.batch_execute("begin").await.unwrap();
        // What is used now is told as of this transaction's beginning: not where a window began while it waited.
        let lock = format!(
            "select coalesce(windows_from <= now(), true) from {table} where {key} = {counters_id} for no key update"
        );
        if superuser.query_one(&lock, &[]).await.unwrap().get(0) {
            done[change] += if change == 4 {
                superuser.batch_execute(&sql).await.unwrap();
                1
            } else {
                superuser.execute(&sql, &[]).await.unwrap()
            };
        }
        superuser.batch_execute("commit").await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(done.iter().all(|times| *times > 0), "{done:?}");
    done
}

/// Near its limit a cap keeps out calls that would have been good, since those that are up may still be: never one too many. How many too
/// few depends on how many call at one time; this prints it. A caller who is refused is gone for as long as a call lasts.
#[tokio::test]
async fn a_cap_on_good_calls_is_reached_and_never_passed() {
    for (callers, calls) in [(30, 20), (3, 100)] {
        offer_good_calls(callers, calls).await;
    }
}

async fn offer_good_calls(callers: usize, calls: usize) {
    let mut random = Random::seeded();
    let db = TestDb::new().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(50)]).await;
    let sql = format!(
        "insert into caps (client_id, counts, span, set_by, max_calls) values ({}, 'qualified', 'day', 'platform', 10)",
        scenario.client_ids[0]
    );
    db.superuser().await.batch_execute(&sql).await.unwrap();
    let watch = Watch::start(&db, PAUSE).await;
    let did = scenario.did.clone();
    let (known, tenth) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let workers: Vec<(Client, Random)> = crew(&db, callers)
        .await
        .into_iter()
        .map(|client| (client, random.fork()))
        .collect();
    let kept_out: Vec<usize> = together(workers, move |number, (switch, mut random)| {
        let (did, known, tenth) = (did.clone(), known.clone(), tenth.clone());
        async move {
            let mut kept_out = 0;
            for call in 0..calls {
                let id = format!("{number}-{call}");
                // Half of the calls are good ones, whether there is room for them or not.
                let good = random.chance(50);
                let is_open = !tenth.load(Ordering::Relaxed);
                let is_routed = switch.route(&did, &id).await.unwrap().is_ok();
                tokio::time::sleep(Duration::from_millis(20 + random.below(20) as u64)).await;
                if is_routed {
                    let talk = if good { 60 } else { 10 };
                    let sql = format!(
                        "select log_call('{id}', '{did}', 'ANSWERED', answered_at => now(), billsec_seconds => {talk})"
                    );
                    switch.batch_execute(&sql).await.unwrap();
                    let before = known.fetch_add(usize::from(good), Ordering::Relaxed);
                    tenth.fetch_or(good && before == 9, Ordering::Relaxed);
                } else {
                    kept_out += usize::from(good && is_open);
                }
            }
            kept_out
        }
    })
    .await;
    watch.finish().await;
    let good: i64 = db
        .superuser()
        .await
        .query_one("select count(*) from call_logs where qualified", &[])
        .await
        .unwrap()
        .get(0);
    let kept_out: usize = kept_out.iter().sum();
    println!(
        "{callers} callers at a time: of {} good calls that came before the tenth was known {kept_out} were kept out",
        10 + kept_out
    );
    assert_eq!(good, 10);
    assert_invariants(&db).await;
    assert_no_deadlock(&db).await;
}

/// How many calls were routed, and how many were refused.
async fn play(
    db: &TestDb,
    dids: Vec<String>,
    callers: usize,
    calls: usize,
    random: &mut Random,
) -> (usize, usize) {
    let stage = Arc::new(Stage {
        dids,
        alive: Mutex::default(),
        late: Mutex::default(),
        over: AtomicBool::new(false),
    });
    let lists = tokio::spawn(list_calls(stage.clone(), db.asterisk().await, random.fork()));
    let leases = tokio::spawn(end_leases(
        stage.clone(),
        db.superuser().await,
        db.asterisk().await,
    ));
    let records = tokio::spawn(log_late(stage.clone(), db.asterisk().await, random.fork()));
    let turns = tokio::spawn(end_windows(stage.clone(), db.superuser().await, random.fork()));
    let workers = crew(db, callers)
        .await
        .into_iter()
        .map(|client| (client, random.fork()))
        .collect();
    let results = together(workers, |number, (client, random)| {
        take_calls(stage.clone(), number, client, random, calls)
    })
    .await;
    stage.over.store(true, Ordering::Relaxed);
    for helper in [lists, leases, records] {
        helper
            .await
            .expect("lists, leases and late records cause no error");
    }
    turns.await.expect("windows that end cause no error");
    let routed = results.iter().sum();
    (routed, callers * calls - routed)
}

async fn take_calls(
    stage: Arc<Stage>,
    number: usize,
    switch: Client,
    mut random: Random,
    calls: usize,
) -> usize {
    let mut routed = 0;
    for call in 0..calls {
        let id = format!("{number}-{call}");
        stage.alive.lock().unwrap().insert(id.clone());
        let went = route_and_move(&stage, &switch, &mut random, &id).await;
        stage.alive.lock().unwrap().remove(&id);
        routed += usize::from(went);
        if went {
            hang_up(&stage, &switch, &mut random, id).await;
        } else if random.chance(50) {
            let logged = switch
                .log(&id, stage.did(&id), "REJECTED_NO_ELIGIBLE_CLIENTS_AVAILABLE")
                .await;
            assert_eq!(logged.unwrap().status, "logged");
        }
    }
    routed
}

/// Ends one window of one link or meter every few milliseconds: as if it had begun long before the first call, and its last instant were
/// now. Whoever comes next begins another.
async fn end_windows(stage: Arc<Stage>, superuser: Client, mut random: Random) {
    let links = superuser
        .query("select link_id from link_counters", &[])
        .await
        .unwrap();
    while !stage.over.load(Ordering::Relaxed) {
        let meters = superuser.query("select id from meters", &[]).await.unwrap();
        if random.chance(5) && !meters.is_empty() {
            let zone = ["UTC", "Asia/Kathmandu", "America/Havana", "Pacific/Chatham"][random.below(4)];
            let sql =
                format!("update clients set time_zone = '{zone}'; update users set time_zone = '{zone}'");
            superuser.batch_execute(&sql).await.unwrap();
        }
        let of_meter = random.chance(50) && !meters.is_empty();
        let (counters, key, windows, of, ids) = if of_meter {
            ("meters", "id", "meter_windows", "meter_id", &meters)
        } else {
            ("link_counters", "link_id", "link_windows", "link_id", &links)
        };
        let id: i64 = ids[random.below(ids.len())].get(0);
        let span = ["hour", "day", "week", "month"][random.below(4)];
        let end = format!(
            "begin;
             select from {counters} where {key} = {id} for no key update;
             update {windows} set starts_at = now() - interval '100 days', ends_at = clock_timestamp(), active = 0,
                    unsettled = 0, offered = 0, answered = 0, qualified = 0
              where {of} = {id} and span = '{span}';
             update {counters} n set windows_until = w.ends_at
               from (select min(ends_at) as ends_at from {windows} where {of} = {id}) w
              where n.{key} = {id} and w.ends_at is not null;
             commit"
        );
        superuser.batch_execute(&end).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let starts = superuser
        .query_one("select count(distinct starts_at) from link_windows", &[])
        .await
        .unwrap();
    let starts: i64 = starts.get(0);
    assert!(starts > 1, "windows turned: {starts} starts");
}

/// `false`: there was no room.
async fn route_and_move(stage: &Stage, switch: &Client, random: &mut Random, id: &str) -> bool {
    let first = switch
        .route_on(stage.did(id), id, "+15550001111", NODE)
        .await
        .unwrap();
    if !first.is_ok() {
        let reason = first.reject_reason();
        assert!(
            ["no_eligible_clients_available", "all_capped"].contains(&reason) || reason.ends_with("_cap"),
            "{reason}"
        );
        return false;
    }
    if random.chance(10) {
        let again = switch
            .route_on(stage.did(id), id, "+15550001111", NODE)
            .await
            .unwrap();
        // Lists and leases may have closed it meanwhile.
        assert!(
            again == first || again.reason.as_deref() == Some("call_ended"),
            "{first:?} {again:?}"
        );
    }
    let mut attempt = 1;
    while random.chance(30) {
        let moved = switch.next(id, attempt, "BUSY").await.unwrap();
        if random.chance(20) {
            let again = switch.next(id, attempt, "BUSY").await.unwrap();
            assert!(
                again == moved || again.reason.as_deref() == Some("call_ended"),
                "{moved:?} {again:?}"
            );
        }
        if !moved.is_ok() {
            assert!(
                ["no_more_targets", "call_ended"].contains(&moved.reject_reason()),
                "{moved:?}"
            );
            break;
        }
        attempt += 1;
    }
    if random.chance(60) {
        switch.answered(id).await.unwrap();
    }
    true
}

async fn hang_up(stage: &Stage, switch: &Client, random: &mut Random, id: String) {
    let status = if random.chance(60) { "ANSWERED" } else { "NOANSWER" };
    match random.below(10) {
        // Never heard of again: the lists, or its lease, end it.
        0 => {}
        1 => stage.late.lock().unwrap().push(id),
        2 => {
            let logged = switch.log(&id, stage.did(&id), status).await.unwrap();
            let again = switch.log(&id, stage.did(&id), status).await.unwrap();
            assert_eq!(
                (again.status.as_str(), again.cdr_id),
                ("duplicate", logged.cdr_id)
            );
        }
        _ => {
            let logged = switch.log(&id, stage.did(&id), status).await.unwrap();
            assert!(
                ["logged", "corrected"].contains(&logged.status.as_str()),
                "{logged:?}"
            );
        }
    }
}

/// The node's lists, some of which miss a call that lives.
async fn list_calls(stage: Arc<Stage>, agent: Client, mut random: Random) {
    while !stage.over.load(Ordering::Relaxed) {
        let taken_at = agent.database_time().await.unwrap();
        let mut list: Vec<String> = stage.alive.lock().unwrap().iter().cloned().collect();
        list.retain(|_| !random.chance(5));
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        let beat = agent.heartbeat(NODE, "one", taken_at, &list).await.unwrap();
        assert_eq!(beat.status, "ok");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Leases end hours after their calls: here somebody moves the hand of the clock.
async fn end_leases(stage: Arc<Stage>, superuser: Client, agent: Client) {
    let expire = "update live_calls set lease_until = now() - interval '1 second' \
                   where uniqueid in (select uniqueid from live_calls order by random() limit 2 \
                                         for update skip locked)";
    while !stage.over.load(Ordering::Relaxed) {
        superuser.execute(expire, &[]).await.unwrap();
        assert_eq!(agent.release_expired(100).await.unwrap().status, "ok");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn log_late(stage: Arc<Stage>, switch: Client, mut random: Random) {
    loop {
        let over = stage.over.load(Ordering::Relaxed);
        let late: Vec<String> = {
            let mut late = stage.late.lock().unwrap();
            // The last ones wait until all others are done.
            let ready = if over {
                late.len()
            } else {
                late.len().saturating_sub(40)
            };
            late.drain(..ready).collect()
        };
        for id in late {
            let status = if random.chance(60) { "ANSWERED" } else { "NOANSWER" };
            let logged = switch.log(&id, stage.did(&id), status).await.unwrap();
            assert!(
                ["logged", "corrected"].contains(&logged.status.as_str()),
                "{logged:?}"
            );
        }
        if over {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Totals are exact to the last call: what may be counted is counted, not one more.
#[tokio::test]
async fn totals_are_reached_and_never_passed() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let links = [Link::cap(7).allowed(40), Link::cap(7).allowed(60)];
        let scenario = Scenario::new(&db.admin().await, strategy, &links).await;
        let watch = Watch::start(&db, PAUSE).await;
        let did = scenario.did.clone();
        together(crew(&db, 16).await, move |number, switch| {
            let did = did.clone();
            async move {
                for call in 0..60 {
                    let id = format!("{number}-{call}");
                    if switch.route(&did, &id).await.unwrap().is_ok() {
                        // One in three is not answered, and makes room again.
                        let status = if call % 3 == 0 { "NOANSWER" } else { "ANSWERED" };
                        assert_eq!(switch.log(&id, &did, status).await.unwrap().status, "logged");
                    }
                }
            }
        })
        .await;
        watch.finish().await;
        assert_invariants(&db).await;
        let totals: Vec<i64> = db
            .superuser()
            .await
            .query("select total from link_counters order by link_id", &[])
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect();
        assert_eq!(totals, [40, 60], "{strategy:?}");
        assert_no_deadlock(&db).await;
    }
}

/// A record that comes after its slot was given to somebody else may pass a total: it is counted, and marked.
#[tokio::test]
async fn late_records_pass_a_total_only_marked() {
    let mut random = Random::seeded();
    let db = TestDb::new().await;
    close_quickly(&db).await;
    let links = [Link::cap(7).allowed(200), Link::cap(7).allowed(150)];
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &links).await;
    let watch = Watch::start_consistent(&db, PAUSE).await;
    play(&db, vec![scenario.did], 16, rounds(100, 1000), &mut random).await;
    watch.finish().await;
    drain(&db).await;
    assert_invariants(&db).await;
    assert_no_deadlock(&db).await;
}
