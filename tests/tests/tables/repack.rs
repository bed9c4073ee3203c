//! Tools that write a table anew beside its traffic, collecting changes by a trigger: pg_repack, and what works like it.

use std::process::Command;

use capconduit_tests::{SUPERUSER, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::{Load, READ, WRITTEN, scenario};
use crate::sql::support::{run, value};

/// As pg_repack does it: a trigger that notes each change, a copy at one snapshot, what was noted since applied to the copy,
/// and the copy put in the table's place under a short lock.
async fn write_anew(superuser: &Client, table: &str) {
    let key: String = value(
        superuser,
        &format!(
            "select string_agg(quote_ident(a.attname), ', ' order by k.place)
               from pg_index i, unnest(i.indkey) with ordinality k (number, place)
               join pg_attribute a on a.attnum = k.number
              where i.indrelid = 'capconduit.{table}'::regclass and i.indisprimary and a.attrelid = i.indrelid"
        ),
    )
    .await;
    run(
        superuser,
        &format!(
            "begin;
             lock table capconduit.{table} in access exclusive mode;
             create table public.noted (id bigserial primary key, former capconduit.{table}, fresh capconduit.{table});
             create function public.note() returns trigger language plpgsql security definer as $$ begin
                 insert into public.noted (former, fresh) values (old, new);
                 return new;
             end $$;
             create trigger repack_trigger after insert or delete or update on capconduit.{table}
                 for each row execute function public.note();
             alter table capconduit.{table} enable always trigger repack_trigger;
             commit;
             begin isolation level repeatable read;
             create table public.copied as select * from capconduit.{table};
             delete from public.noted;
             commit;
             create unique index on public.copied ({key})"
        ),
    )
    .await;
    // In order, one by one: the same row may have changed many times.
    let apply_in_order = format!(
        "do $$ declare n record; begin
             for n in select * from public.noted order by id loop
                 if n.former is distinct from null then
                     delete from public.copied c where ({copied}) = ({former});
                 end if;
                 if n.fresh is distinct from null then
                     insert into public.copied select (n.fresh).*;
                 end if;
                 delete from public.noted d where d.id = n.id;
             end loop;
         end $$",
        former = columns("(n.former)", &key),
        copied = columns("c", &key),
    );
    run(superuser, &apply_in_order).await;
    let is_referenced: bool = value(
        superuser,
        &format!(
            "select exists (select from pg_constraint where confrelid = 'capconduit.{table}'::regclass)"
        ),
    )
    .await;
    // A copy holds what is generated; the table makes it anew.
    let written: String = value(
        superuser,
        &format!(
            "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
              where attrelid = 'capconduit.{table}'::regclass and attnum > 0 and not attisdropped and attgenerated = ''"
        ),
    )
    .await;
    let empty = if is_referenced { "delete from" } else { "truncate" };
    run(
        superuser,
        &format!(
            "begin;
             lock table capconduit.{table} in access exclusive mode;
             {apply_in_order};
             drop trigger repack_trigger on capconduit.{table};
             set local session_replication_role = replica;
             {empty} capconduit.{table};
             insert into capconduit.{table} ({written}) overriding system value select {written} from public.copied;
             drop table public.noted, public.copied;
             drop function public.note();
             commit"
        ),
    )
    .await;
}

fn columns(of: &str, key: &str) -> String {
    key.split(", ")
        .map(|column| format!("{of}.{column}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_written_anew_by_a_trigger_s_notes_under_calls() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let scenario = scenario(&db).await;
    let load = Load::start(&db, &scenario.did, 4).await;
    for _ in 0..2 {
        for table in WRITTEN.into_iter().chain(READ) {
            write_anew(&superuser, table).await;
        }
    }
    let calls = load.finish().await;
    println!("{calls} calls");
    assert_invariants(&db).await;
    let records: i64 = value(&superuser, "select count(*) from capconduit.call_logs").await;
    assert_eq!(records, calls as i64, "a record for each call");
}

/// The tool itself (Debian's package).
#[ignore = "needs pg_repack, and a minute"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pg_repack_runs_on_every_table_under_calls() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    run(&superuser, "create extension pg_repack schema public").await;
    let scenario = scenario(&db).await;
    let load = Load::start(&db, &scenario.did, 4).await;
    for _ in 0..3 {
        for table in WRITTEN.into_iter().chain(READ) {
            let (name, port) = (db.name().to_owned(), db.cluster().port());
            let table = format!("capconduit.{table}");
            let config = db.config(SUPERUSER);
            let password = config.get_password().expect("a password").to_vec();
            let password = String::from_utf8(password).expect("text");
            let done = tokio::task::spawn_blocking(move || {
                let bin = Command::new("pg_config")
                    .arg("--bindir")
                    .output()
                    .expect("pg_config");
                let bin = String::from_utf8(bin.stdout).expect("a folder");
                Command::new(format!("{}/pg_repack", bin.trim()))
                    .args(["--no-order", "--table", &table, "--dbname", &name])
                    .args(["--host=127.0.0.1", "--username", SUPERUSER])
                    .arg(format!("--port={port}"))
                    .env("PGPASSWORD", password)
                    .output()
            });
            let done = done
                .await
                .expect("it runs")
                .expect("pg_repack: scripts/setup lint installs it");
            assert!(done.status.success(), "{done:?}");
        }
    }
    let calls = load.finish().await;
    println!("{calls} calls");
    assert_invariants(&db).await;
    let records: i64 = value(&superuser, "select count(*) from capconduit.call_logs").await;
    assert_eq!(records, calls as i64, "a record for each call");
}
