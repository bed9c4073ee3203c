//! Time zones: one list of accepted names and one meaning, whatever PostgreSQL makes of the name.

use std::collections::BTreeSet;

use capconduit_tests::Visitor;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;
use tokio_postgres::Client;

use super::support::{World, field_error, run};

/// A call every quarter of an hour of a year: no zone is off by less.
const CALLS: &str = "
    insert into call_logs (asterisk_uniqueid, user_id, campaign_id, incoming_did_number, timestamp_start, call_status, counted)
    select 'zone-' || at::text, 4, 3, '+13105550103', at, 'BUSY', false
      from generate_series(timestamptz '2025-12-30 00:00Z', '2027-01-03 00:00Z', '15 min') at;
    analyze call_logs";

/// The local days of 2026 on which the zone's clocks change, and one on which they do not.
fn days(zone: &TimeZone) -> Vec<Date> {
    let year: Timestamp = "2026-01-02T00:00:00Z".parse().expect("an instant");
    let end: Timestamp = "2026-12-30T00:00:00Z".parse().expect("an instant");
    let local = |at: Timestamp| at.to_zoned(zone.clone()).date();
    let mut days: Vec<Date> = zone
        .following(year)
        .take_while(|change| change.timestamp() < end)
        .map(|change| local(change.timestamp()))
        .collect();
    days.push("2026-07-15".parse().expect("a day"));
    days
}

/// By PostgreSQL alone: the day's calls by the hour of the zone's clock.
async fn recount(client: &Client, zone: &str, day: Date) -> (i64, Value) {
    let sql = format!(
        "select coalesce(sum(n), 0)::bigint, coalesce(jsonb_object_agg(hour, n), '{{}}') from (
            select extract(hour from timestamp_start at time zone '{zone}')::integer as hour, count(*) as n
              from call_logs
             where user_id = 4 and timestamp_start between '{day} 00:00Z'::timestamptz - interval '2 days'
                                                       and '{day} 00:00Z'::timestamptz + interval '3 days'
               and (timestamp_start at time zone '{zone}')::date = date '{day}'
             group by 1) t"
    );
    let row = client
        .query_one(&sql, &[])
        .await
        .unwrap_or_else(|error| panic!("{zone}: {error}"));
    (row.get(0), row.get(1))
}

fn by_hour(report: &Value) -> Value {
    let hours = report["byHour"].as_array().expect("a list").iter();
    hours
        .map(|entry| (entry["hour"].to_string(), entry["calls"].clone()))
        .collect()
}

/// True when the zone is accepted; then its days are what PostgreSQL counts.
async fn is_accepted(bob: &Visitor, client: &Client, zone: &str) -> bool {
    let known = TimeZone::get(zone).unwrap_or_else(|error| panic!("{zone}: {error}"));
    let query = zone.replace('+', "%2B");
    for day in days(&known) {
        let answer = bob
            .get(&format!(
                "/api/seller/stats?start_date={day}&end_date={day}&tz={query}"
            ))
            .await;
        if answer.status != 200 {
            let problem = answer.problem(400, "validation_failed");
            assert!(
                field_error(&problem, "tz").contains(&format!("'{zone}'")),
                "refused by name: {problem}"
            );
            return false;
        }
        let report = answer.ok();
        let (calls, hours) = recount(client, zone, day).await;
        assert_eq!(report["totals"]["calls"], calls, "{zone} {day}");
        assert_eq!(report["byDay"][0]["day"], day.to_string(), "{zone}");
        assert_eq!(by_hour(&report), hours, "{zone} {day}");
        let logs = bob
            .get(&format!(
                "/api/seller/logs?per_page=1&start_date={day}&end_date={day}&tz={query}"
            ))
            .await
            .ok();
        assert_eq!(
            logs["total"], calls,
            "{zone} {day}: the list has the report's calls"
        );
    }
    true
}

#[tokio::test]
async fn every_accepted_zone_s_day_is_what_postgresql_counts() {
    let world = World::new().await;
    let client = world.db.superuser().await;
    run(&client, CALLS).await;
    let names: Vec<String> = client
        .query("select name from pg_timezone_names order by name", &[])
        .await
        .expect("PostgreSQL's zones")
        .iter()
        .map(|row| row.get(0))
        .collect();
    // What both know; jiff knows names in any case.
    let both: Vec<String> = names
        .into_iter()
        .filter(|name| TimeZone::get(name).is_ok())
        .collect();
    let answers: Vec<(String, bool)> = stream::iter(both)
        .map(|name| {
            let (world, client) = (&world, &client);
            async move {
                let accepted = is_accepted(&world.bob, client, &name).await;
                (name, accepted)
            }
        })
        .buffer_unordered(4)
        .collect()
        .await;
    let accepted = answers.iter().filter(|(_, accepted)| *accepted).count();
    assert!(accepted > 400, "{accepted} zones were accepted");
    let refused: BTreeSet<&str> = answers
        .iter()
        .filter(|(name, accepted)| !accepted && !name.starts_with("posix/"))
        .map(|(name, _)| name.as_str())
        .collect();
    let expected = [
        "CET",
        "EET",
        "EST",
        "Factory",
        "HST",
        "MET",
        "MST",
        "WET",
        "localtime",
        "posixrules",
    ];
    assert!(
        refused.iter().all(|name| expected.contains(name)),
        "nothing else is refused: {refused:?}"
    );
}

/// Wherever a zone can be given.
#[tokio::test]
async fn names_that_postgresql_and_jiff_read_differently_are_refused() {
    let world = World::new().await;
    for name in [
        "CET",
        "EET",
        "EST",
        "HST",
        "MET",
        "MST",
        "WET",
        "CEST",
        "posix/Europe/Berlin",
        "right/UTC",
        "Factory",
        "localtime",
        "posixrules",
        "Etc/Unknown",
        "europe/berlin",
        "EUROPE/BERLIN",
        "utc",
        "UTC-5",
        "CET-1CEST",
        "EST5EDT4",
        "%3CX%3E-2",
        "%2B02:00",
        "Europe/../UTC",
        "Mars/Olympus",
        "%20UTC",
    ] {
        for (who, path) in [
            (&world.alice, "/api/seller/stats"),
            (&world.alice, "/api/seller/logs"),
            (&world.alice, "/api/seller/logs.csv"),
            (&world.staff, "/api/admin/stats"),
            (&world.staff, "/api/admin/logs"),
            (&world.staff, "/api/admin/logs.csv"),
        ] {
            let problem = who
                .get(&format!("{path}?tz={name}"))
                .await
                .problem(400, "validation_failed");
            field_error(&problem, "tz");
        }
    }
}
