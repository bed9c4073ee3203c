//! `capconduit purge`: deletes the records of old calls, batch by batch, while calls go on. What a batch is and what it
//! leaves of the totals is the function `purge_call_logs`; here: how far, how fast, what is said, and when to stop.

use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::database::{self, DatabaseArgs};
use crate::process::migrate::{preflight, sql_state};

/// The exit code of a purge that was told to stop: there is more to do.
const INTERRUPTED: u8 = 3;

/// A switch that was cut off keeps its records until it is back. Too low: such a record finds its call's LOST record
/// gone, and does not count. Too high: nobody is served by it.
const SAFE_DAYS: i64 = 7;

/// How often a long purge says where it is.
const PROGRESS: Duration = Duration::from_secs(5);

/// How often it shows that to whoever looks into pg_stat_activity.
const SHOWN: Duration = Duration::from_secs(1);

/// In pg_stat_activity.
const NAME: &str = "capconduit purge";

/// One purge at a time per database; any number that nothing else in it takes.
const LOCK: i64 = 0x0CA9_C0D0_0002;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Delete the records of calls that began before: a date (its beginning, UTC), an instant with its zone, or so many
    /// days ago.
    #[arg(long, value_name = "2026-01-31 | 2026-01-31T00:00:00Z | 400d")]
    before: Before,
    /// How many ids a transaction covers. A larger batch is faster, and holds the counters of its links longer.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(i32).range(1..=100_000))]
    batch: i32,
    /// Milliseconds to rest between batches, so that calls have the machine.
    #[arg(long, value_name = "MS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pause: u64,
    /// Delete nothing: say how many records there are.
    #[arg(long)]
    dry_run: bool,
    /// Allow an instant less than seven days ago. Records that a switch still holds back may then count no more.
    #[arg(long)]
    force: bool,
}

/// The end of what goes, as it was given.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Before {
    At(Timestamp),
    DaysAgo(i32),
}

impl FromStr for Before {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(days) = text.strip_suffix('d')
            && let Ok(days @ 0..=36_500) = days.parse()
        {
            return Ok(Self::DaysAgo(days));
        }
        if let Ok(instant) = text.parse() {
            return Ok(Self::At(instant));
        }
        // A date alone: `Date` would also take the date out of a longer text.
        if text.len() == 10
            && let Ok(date) = text.parse::<Date>()
            && let Ok(zoned) = date.to_zoned(TimeZone::UTC)
        {
            return Ok(Self::At(zoned.timestamp()));
        }
        Err(
            "it must be a date like 2026-01-31, an instant like 2026-01-31T00:00:00Z, or days like 400d"
                .into(),
        )
    }
}

/// The server may not know yet that the one before has ended: it is given a moment.
async fn is_alone(client: &Client) -> Result<bool> {
    for _ in 0..20 {
        let row = client
            .query_one("select pg_try_advisory_lock($1)", &[&LOCK])
            .await?;
        if row.get(0) {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(false)
}

pub async fn run(args: Args) -> Result<ExitCode> {
    let mut config = args.database.config()?;
    config.application_name(NAME);
    let mut stop = Stop::new()?;
    let (client, _driver) = database::connect(&config).await?;
    println!("database    {}", database::describe(&config));
    preflight::check(&client).await?;
    client.batch_execute(SETTINGS).await?;
    let before = horizon(&client, args.before, args.force).await?;
    if !is_alone(&client).await? {
        bail!("another purge is at work on this database: let it end, or find it in pg_stat_activity");
    }
    // A batch behind all ids deletes nothing, and tells what would keep the others from it.
    batch(&client, before, i64::MAX - 100_000, 1)
        .await
        .map_err(explain)?;

    let found = tokio::select! {
        found = Found::read(&client, before) => found?,
        () = stop.asked() => return Ok(ExitCode::from(INTERRUPTED)),
    };
    println!("found       {} records of calls before {before}", found.records);
    if args.dry_run || found.records == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    client
        .execute(AUDIT, &[&before, &found.records])
        .await
        .context("the audit log")?;
    let mut purge = Purge::new(&found);
    let done = purge.run(&client, before, &args, &mut stop).await;
    let done =
        done.with_context(|| format!("stopped after {} records; run it again to go on", purge.records))?;
    // The commit of what follows takes the batches to the disk with it.
    client.batch_execute("set synchronous_commit = on").await?;
    found.renew_index(&client).await?;
    println!("{}", purge.line(if done { "finished" } else { "interrupted" }));
    Ok(if done {
        ExitCode::SUCCESS
    } else {
        println!("            run it again to go on");
        ExitCode::from(INTERRUPTED)
    })
}

/// A crash may bring the last batches back, records and totals alike: then the next purge takes them. So nobody waits
/// for the disk with counters in hand.
const SETTINGS: &str = "set synchronous_commit = off; set statement_timeout = 0; set lock_timeout = '10s'";

/// The instant that was meant, by the database's clock.
async fn horizon(client: &Client, before: Before, force: bool) -> Result<Timestamp> {
    let (at, days) = match before {
        Before::At(at) => (Some(at), None),
        Before::DaysAgo(days) => (None, Some(days)),
    };
    let row = client
        .query_one(
            "select now(), date_trunc('second', coalesce($1::timestamptz, now() - make_interval(days => $2::integer)))
                    as before",
            &[&at, &days],
        )
        .await?;
    let (now, before): (Timestamp, Timestamp) = (row.get("now"), row.get("before"));
    if before > now {
        bail!("{before} lies in the future");
    }
    if before > now - Duration::from_secs(SAFE_DAYS as u64 * 86_400) && !force {
        bail!(
            "{before} is less than {SAFE_DAYS} days ago: a switch that was cut off may still have records of such calls; \
             --force if none has"
        );
    }
    Ok(before)
}

/// What there is to delete when a purge begins. What comes later is for the next one.
struct Found {
    records: i64,
    last_id: i64,
    first_block: i64,
    last_block: i64,
}

impl Found {
    async fn read(client: &Client, before: Timestamp) -> Result<Self> {
        let row = client
            .query_one(
                "select count(*), coalesce(max(id), 0) as last_id,
                        coalesce((min(ctid)::text::point)[0], 0)::bigint as first_block,
                        coalesce((max(ctid)::text::point)[0], 0)::bigint as last_block
                   from capconduit.call_logs where timestamp_start < $1",
                &[&before],
            )
            .await?;
        Ok(Self {
            records: row.get("count"),
            last_id: row.get("last_id"),
            first_block: row.get("first_block"),
            last_block: row.get("last_block"),
        })
    }

    /// New records will take the room of the old ones. A block range that remembered both would be read for every day in
    /// between; so the ranges that lost records are summarized anew.
    async fn renew_index(&self, client: &Client) -> Result<()> {
        const BLOCKS: i64 = 128;
        let renew = client
            .prepare(
                "select brin_desummarize_range(i, $1), brin_summarize_range(i, $1)
                   from (values ('capconduit.call_logs_timestamp_start_idx'::regclass)) v (i)",
            )
            .await?;
        let mut block = self.first_block - self.first_block % BLOCKS;
        while block <= self.last_block {
            client
                .execute(&renew, &[&block])
                .await
                .context("the records are purged; the index of days was not renewed")?;
            block += BLOCKS;
        }
        Ok(())
    }
}

const AUDIT: &str = "\
    select capconduit.write_audit('delete', 'call_logs', null,
        jsonb_build_object('began_before', $1::timestamptz, 'records', $2::bigint), null)";

/// How far a purge has come.
struct Purge<'a> {
    found: &'a Found,
    started: Instant,
    records: i64,
    attempts: i64,
    slowest: Duration,
}

impl<'a> Purge<'a> {
    fn new(found: &'a Found) -> Self {
        Self {
            found,
            started: Instant::now(),
            records: 0,
            attempts: 0,
            slowest: Duration::ZERO,
        }
    }

    /// `false`: told to stop. A batch that has begun is finished.
    async fn run(
        &mut self,
        client: &Client,
        before: Timestamp,
        args: &Args,
        stop: &mut Stop,
    ) -> Result<bool> {
        let mut last_id = 0;
        let (mut said, mut shown) = (Instant::now(), Instant::now());
        while last_id < self.found.last_id {
            let begun = Instant::now();
            let Some(batch) = batch(client, before, last_id, args.batch).await? else {
                break;
            };
            self.slowest = self.slowest.max(begun.elapsed());
            self.records += i64::from(batch.records);
            self.attempts += i64::from(batch.attempts);
            last_id = batch.last_id;
            if said.elapsed() >= PROGRESS {
                eprintln!("{}", self.line("purged"));
                said = Instant::now();
            }
            if shown.elapsed() >= SHOWN {
                let name = format!("{NAME}: {} of {} records", self.records, self.found.records);
                client
                    .batch_execute(&format!("set application_name = '{name}'"))
                    .await?;
                shown = Instant::now();
            }
            tokio::select! {
                biased;
                () = stop.asked() => return Ok(false),
                () = tokio::time::sleep(Duration::from_millis(args.pause)) => {}
            }
        }
        Ok(true)
    }

    fn line(&self, word: &str) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        format!(
            "{word:<12}{} of {} records, {} attempts, in {seconds:.1} s ({:.0} records/s, slowest batch {} ms)",
            self.records,
            self.found.records,
            self.attempts,
            self.records as f64 / seconds,
            self.slowest.as_millis()
        )
    }
}

struct Batch {
    records: i32,
    attempts: i32,
    last_id: i64,
}

/// `None`: there is no record behind that id.
async fn batch(
    client: &Client,
    before: Timestamp,
    after_id: i64,
    max: i32,
) -> Result<Option<Batch>, tokio_postgres::Error> {
    let row = client
        .query_one(
            "select status, records, attempts, last_id from capconduit.purge_call_logs($1, $2, $3)",
            &[&before, &after_id, &max],
        )
        .await?;
    Ok((row.get::<_, &str>("status") == "ok").then(|| Batch {
        records: row.get("records"),
        attempts: row.get("attempts"),
        last_id: row.get("last_id"),
    }))
}

/// What keeps a login or a database from being purged, and how to mend it.
fn explain(error: tokio_postgres::Error) -> anyhow::Error {
    let error = anyhow::Error::from(error);
    let state = sql_state(&error);
    if state == Some(SqlState::UNDEFINED_FUNCTION) || state == Some(SqlState::INVALID_SCHEMA_NAME) {
        return error.context("the database is not prepared for this version: run `capconduit migrate`");
    }
    if state == Some(SqlState::INSUFFICIENT_PRIVILEGE) {
        return error.context("this login may not purge: use capconduit_admin, or the database's owner");
    }
    error.context("nothing was purged")
}

/// Ctrl-C and SIGTERM.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn new() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests;
