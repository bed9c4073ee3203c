//! The present windows of a link, in rows beside its counters: changed by whoever has just changed those, so nobody waits for
//! them. Of a call that begins and ends in the present hour none is read.

use capconduit_core::cap::Meter;
use capconduit_core::meter::{self, Calendar, Counts, Mark};
use capconduit_core::window::Span;
use capconduit_core::zone;

use crate::postgres::access;
use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::insert::insert;
use crate::postgres::look::{At, View};
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::row_change::RowChange;
use crate::postgres::scan::Row;
use crate::postgres::tables::{campaign_client_settings, clients, link_windows};

static WINDOWS: Lookup<link_windows::Of> = lookup!(
    link_windows by link_windows_pkey (Int8):
    link_id, span, starts_at, ends_at, time_zone, active, unsettled, offered, answered, qualified
)
.before_write();

fn read(row: &Row<'_, link_windows::Of>) -> Mark {
    use link_windows as of;
    let span = row.need(of::span);
    Mark {
        span: Span::parse(span)
            .unwrap_or_else(|| access::refuse(link_windows::NAME, &format!("{span:?} is no span"))),
        start: row.need(of::starts_at),
        end: row.need(of::ends_at),
        zone: row.need(of::time_zone).to_owned(),
        counts: Counts {
            active: row.need(of::active),
            unsettled: row.need(of::unsettled),
            offered: row.need(of::offered),
            answered: row.need(of::answered),
            qualified: row.need(of::qualified),
        },
    }
}

static LINKS: Lookup<campaign_client_settings::Of> =
    lookup!(campaign_client_settings by campaign_client_settings_pkey (Int8): client_id).remembering();
static ZONES: Lookup<clients::Of> = lookup!(clients by clients_pkey (Int8): time_zone).remembering();

/// The zone that the link's windows begin and end in: its client's. One that nothing is known of counts as UTC, under that name, so that it is a
/// change of zone when it is known again.
fn zone_of(at: At<'_>, link_id: i64) -> (String, zone::TimeZone) {
    let client_id: Option<i64> = LINKS.first(at, arg(link_id), |link| {
        link.need(campaign_client_settings::client_id)
    });
    let named = client_id.and_then(|id| ZONES.first(at, arg(id), |client| client.owned(clients::time_zone)));
    let known = named.flatten().and_then(|name| {
        let zone = zone::parse(&name)?;
        Some((name, zone))
    });
    known.unwrap_or_else(|| (zone::UTC.to_owned(), zone::TimeZone::UTC))
}

/// What caps of a link go by, of its counts at this moment.
pub fn meter(at: At<'_>, link_id: i64, life: Counts) -> Meter {
    let (zone_name, zone) = zone_of(at, link_id);
    let mut marks = Vec::with_capacity(Span::ALL.len());
    let mut windows = WINDOWS.open(at);
    windows.seek(arg(link_id));
    while let Some(mark) = windows.next().map(|row| read(&row)) {
        marks.push(mark);
    }
    Meter {
        life,
        marks,
        zone_name,
        zone,
    }
}

/// From the last start to the first end of a link's windows: between these none turns. Where there are none yet both are the
/// earliest instant.
#[derive(Clone, Copy)]
pub struct Present {
    pub from: i64,
    pub until: i64,
}

impl Present {
    pub fn is_none(self) -> bool {
        self.until == i64::MIN
    }
}

/// What becomes of a link's windows. Decided before its counters are changed, since these hold the bounds.
pub struct Moved {
    pub present: Present,
    marks: Vec<Mark>,
    are_first: bool,
}

/// `ends`: what becomes of calls, and when they were reserved. It changes nothing in windows that began later, whose marks move with
/// it. `begin`: an instant, and the counts before what happens at it; windows that are over by then make place for those it lies in.
pub fn moved(at: At<'_>, link_id: i64, ends: &[(Counts, i64)], begin: Option<(Counts, i64)>) -> Moved {
    // Where nothing begins, no zone is asked for.
    let (zone_name, zone) = match begin {
        Some(_) => zone_of(at, link_id),
        None => (zone::UTC.to_owned(), zone::TimeZone::UTC),
    };
    let calendar = Calendar {
        name: &zone_name,
        zone: &zone,
    };
    let mut windows = WINDOWS.open(at);
    windows.seek(arg(link_id));
    let mut all = Vec::with_capacity(Span::ALL.len());
    let mut marks = Vec::new();
    while let Some(mark) = windows.next().map(|row| read(&row)) {
        let earlier = ends.iter().filter(|(_, reserved)| mark.leaves_out(*reserved));
        let counts = earlier.fold(mark.counts, |sum, (change, _)| sum.plus(*change));
        let mut new = Mark {
            counts,
            ..mark.clone()
        };
        if let Some((life, instant)) = begin
            && mark.is_over(instant)
        {
            new = new.turned(life, instant, calendar);
        }
        all.push((new.start, new.end));
        if new != mark {
            marks.push(new);
        }
    }
    let are_first = all.is_empty();
    if let Some((life, instant)) = begin.filter(|_| are_first) {
        marks = meter::first(life, instant, calendar).to_vec();
        all = marks.iter().map(|mark| (mark.start, mark.end)).collect();
    }
    Moved {
        present: Present {
            from: all.iter().map(|(start, _)| *start).max().unwrap_or(i64::MIN),
            until: all.iter().map(|(_, end)| *end).min().unwrap_or(i64::MIN),
        },
        marks,
        are_first,
    }
}

/// The link's counters are this transaction's own, and so are these rows.
pub fn write(armed: Armed, link_id: i64, moved: &Moved) {
    if moved.are_first {
        for mark in &moved.marks {
            insert(armed, link_id, mark);
        }
        return;
    }
    View::Fresh.look(|at| {
        let mut rows = WINDOWS.open_to_write(at);
        rows.seek(arg(link_id));
        while let Some(span) = rows.next().map(|row| read(&row).span) {
            let Some(new) = moved.marks.iter().find(|mark| mark.span == span) else {
                continue;
            };
            use link_windows as of;
            let written = rows.change(
                armed,
                &[
                    of::starts_at.to(instant(new.start)),
                    of::ends_at.to(instant(new.end)),
                    of::time_zone.to(arg(new.zone.as_str())),
                    of::active.to(arg(new.counts.active)),
                    of::unsettled.to(arg(new.counts.unsettled)),
                    of::offered.to(arg(new.counts.offered)),
                    of::answered.to(arg(new.counts.answered)),
                    of::qualified.to(arg(new.counts.qualified)),
                ],
            );
            assert!(
                written == RowChange::Done,
                "windows of link {link_id} are locked by nobody else"
            );
        }
    });
}

fn insert(armed: Armed, link_id: i64, mark: &Mark) {
    insert!(
        armed,
        link_windows {
            link_id: arg(link_id),
            span: arg(mark.span.name()),
            starts_at: instant(mark.start),
            ends_at: instant(mark.end),
            time_zone: arg(mark.zone.as_str()),
            active: arg(mark.counts.active),
            unsettled: arg(mark.counts.unsettled),
            offered: arg(mark.counts.offered),
            answered: arg(mark.counts.answered),
            qualified: arg(mark.counts.qualified),
        }
    );
}
