//! The present windows of a link or of what has a meter, in rows beside its counters: changed by whoever has just changed those, so nobody waits for
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
use crate::postgres::tables::{campaign_client_settings, clients, link_windows, meter_windows, users};
use crate::postgres::transaction::now;

/// What windows are of.
#[derive(Clone, Copy)]
pub enum Of {
    Link(i64),
    Meter { id: i64, zone: ZoneOf },
}

/// Whose zone windows begin and end in.
#[derive(Clone, Copy)]
pub enum ZoneOf {
    Client(i64),
    Seller(i64),
}

/// Rows of windows, in two tables with the same columns.
macro_rules! windows_in {
    ($module:ident: $table:ident by $index:ident, $key:ident) => {
        mod $module {
            use super::*;
            use $table as of;

            static WINDOWS: Lookup<$table::Of> = lookup!(
                $table by $index (Int8):
                $key, span, starts_at, ends_at, time_zone, active, unsettled, offered, answered, qualified
            )
            .before_write();

            fn span_of(row: &Row<'_, $table::Of>) -> Span {
                let span = row.need(of::span);
                Span::parse(span).unwrap_or_else(|| access::refuse(of::NAME, &format!("{span:?} is no span")))
            }

            pub fn read(at: At<'_>, id: i64) -> Vec<Mark> {
                let mut marks = Vec::with_capacity(Span::ALL.len());
                let mut rows = WINDOWS.open(at);
                rows.seek(arg(id));
                while let Some(row) = rows.next() {
                    marks.push(Mark {
                        span: span_of(&row),
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
                    });
                }
                marks
            }

            pub fn change(armed: Armed, id: i64, marks: &[Mark]) {
                View::Fresh.look(|at| {
                    let mut rows = WINDOWS.open_to_write(at);
                    rows.seek(arg(id));
                    while let Some(span) = rows.next().map(|row| span_of(&row)) {
                        let Some(new) = marks.iter().find(|mark| mark.span == span) else {
                            continue;
                        };
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
                            "windows of {} {id} are locked by nobody else",
                            stringify!($key)
                        );
                    }
                });
            }

            pub fn insert(armed: Armed, id: i64, mark: &Mark) {
                insert!(
                    armed,
                    $table {
                        $key: arg(id),
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
        }
    };
}

windows_in!(of_links: link_windows by link_windows_pkey, link_id);
windows_in!(of_meters: meter_windows by meter_windows_pkey, meter_id);

fn read(at: At<'_>, of: Of) -> Vec<Mark> {
    match of {
        Of::Link(id) => of_links::read(at, id),
        Of::Meter { id, .. } => of_meters::read(at, id),
    }
}

static LINKS: Lookup<campaign_client_settings::Of> =
    lookup!(campaign_client_settings by campaign_client_settings_pkey (Int8): client_id).remembering();
static CLIENTS: Lookup<clients::Of> = lookup!(clients by clients_pkey (Int8): time_zone).remembering();
static SELLERS: Lookup<users::Of> = lookup!(users by users_pkey (Int8): time_zone).remembering();

/// The zone that windows begin and end in: its client's for a link. One that nothing is known of counts as UTC, under that name, so that it
/// is a change of zone when it is known again.
fn zone_of(at: At<'_>, of: Of) -> (String, zone::TimeZone) {
    let whose = match of {
        Of::Link(id) => LINKS
            .first(at, arg(id), |link| link.need(campaign_client_settings::client_id))
            .map(ZoneOf::Client),
        Of::Meter { zone, .. } => Some(zone),
    };
    let named = match whose {
        Some(ZoneOf::Client(id)) => CLIENTS.first(at, arg(id), |client| client.owned(clients::time_zone)),
        Some(ZoneOf::Seller(id)) => SELLERS.first(at, arg(id), |seller| {
            seller.get_optional(users::time_zone).map(str::to_owned)
        }),
        None => None,
    };
    let known = named.flatten().and_then(|name| {
        let zone = zone::parse(&name)?;
        Some((name, zone))
    });
    known.unwrap_or_else(|| (zone::UTC.to_owned(), zone::TimeZone::UTC))
}

/// What caps of a subject go by, of its counts at this moment.
pub fn meter(at: At<'_>, of: Of, life: Counts) -> Meter {
    let (zone_name, zone) = zone_of(at, of);
    Meter {
        life,
        marks: read(at, of),
        zone_name,
        zone,
    }
}

/// From the last start to the first end of a subject's windows: between these none turns. Where there are none yet both are the
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

/// What becomes of a subject's windows. Decided before its counters are changed, since these hold the bounds.
pub struct Moved {
    pub present: Present,
    marks: Vec<Mark>,
    are_first: bool,
}

/// `ends`: what becomes of calls, and when they were reserved. It changes nothing in windows that began later, whose marks move with
/// it. `begin`: an instant, and the counts before what happens at it; windows that are over by then make place for those it lies in.
pub fn moved(at: At<'_>, of: Of, ends: &[(Counts, i64)], begin: Option<(Counts, i64)>) -> Moved {
    // Where nothing begins, no zone is asked for.
    let (zone_name, zone) = match begin {
        Some(_) => zone_of(at, of),
        None => (zone::UTC.to_owned(), zone::TimeZone::UTC),
    };
    let calendar = Calendar {
        name: &zone_name,
        zone: &zone,
    };
    let mut all = Vec::with_capacity(Span::ALL.len());
    let mut marks = Vec::new();
    for mark in read(at, of) {
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

/// What ends move beside the counters, which have come to `life` by them. A record of a call that nothing was reserved for may
/// begin windows: they are to be there before the next call reserves its slot in them.
pub fn moved_by(at: At<'_>, of: Of, present: Present, life: Counts, ends: &[(Counts, i64)]) -> Option<Moved> {
    let latest = ends.iter().map(|(_, reserved)| *reserved).max()?;
    let begin = if present.is_none() {
        Some((life, now().max(latest + 1)))
    } else {
        let later = ends.iter().filter(|(_, reserved)| present.until <= *reserved);
        let begun = later.clone().map(|(_, reserved)| *reserved).min();
        begun.map(|begun| {
            (
                later.fold(life, |before, (change, _)| before.minus(*change)),
                begun,
            )
        })
    };
    let are_earlier = ends.iter().any(|(_, reserved)| *reserved < present.from);
    (begin.is_some() || are_earlier).then(|| moved(at, of, ends, begin))
}

/// The subject's counters are this transaction's own, and so are these rows.
pub fn write(armed: Armed, of: Of, moved: &Moved) {
    if !moved.are_first {
        return match of {
            Of::Link(id) => of_links::change(armed, id, &moved.marks),
            Of::Meter { id, .. } => of_meters::change(armed, id, &moved.marks),
        };
    }
    for mark in &moved.marks {
        match of {
            Of::Link(id) => of_links::insert(armed, id, mark),
            Of::Meter { id, .. } => of_meters::insert(armed, id, mark),
        }
    }
}
