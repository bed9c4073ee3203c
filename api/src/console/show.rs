//! How values are shown: instants, durations, reasons, states. The bar of a cap is in `bar`.

use askama::Template;
use capconduit_core::zone;

use crate::error::ApiResult;
use crate::http::clock::Instant;
use crate::resources::callers::objects::Mark;
use crate::resources::caps::objects::Cap;
use crate::resources::explain::{ExplainedLink, Explanation, Question, Whose, explain_did};
use crate::resources::pauses::objects::Pause;
use crate::resources::schedules::objects::Schedule;
use crate::store::tx::Tx;

/// An absolute instant with its zone; the script may say how long ago it was.
#[derive(Template)]
#[template(ext = "html", source = r#"<time datetime="{{ full }}">{{ short }}</time>"#)]
pub struct Time {
    full: String,
    pub short: String,
}

pub fn time(instant: &Instant) -> Time {
    Time {
        full: instant.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        short: instant.0.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    }
}

/// The same as a clock in this zone tells it.
pub fn time_in(instant: &Instant, zone: &str) -> Time {
    let known = zone::parse(zone).unwrap_or(zone::TimeZone::UTC);
    let local = instant.0.to_zoned(known).strftime("%Y-%m-%d %H:%M");
    Time {
        short: format!("{local} {zone}"),
        ..time(instant)
    }
}

/// 0:42, 12:05, 1:02:03.
pub fn duration(seconds: &i32) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// 1 call, 2 calls.
pub fn calls(count: &i32) -> String {
    format!("{count} {}", if *count == 1 { "call" } else { "calls" })
}

/// How a call ended, in words.
pub fn outcome(status: &str) -> String {
    match status {
        "NOANSWER" => "no answer".into(),
        other => other.replace('_', " ").to_lowercase(),
    }
}

/// What a reason of the engine means, in words.
pub fn reason(token: &str) -> String {
    let text = match token {
        "eligible" => "takes calls",
        "selected" => "was picked",
        "held" => "was being changed by somebody at that moment",
        "concurrency_cap" => "full: as many calls at one time as it may have",
        "total_cap" | "link_total_cap" => "full: all calls that it may have in total",
        "link_month_cap" => "full: all calls that it may have this month",
        "link_week_cap" => "full: all calls that it may have this week",
        "link_day_cap" => "full: all calls that it may have today",
        "link_hour_cap" => "full: all calls that it may have this hour",
        "link_concurrent_cap" => "full: as many calls at one time as a cap allows",
        "client_total_cap" => "the client is full: all calls that it may have in total",
        "client_month_cap" => "the client is full: all calls that it may have this month",
        "client_week_cap" => "the client is full: all calls that it may have this week",
        "client_day_cap" => "the client is full: all calls that it may have today",
        "client_hour_cap" => "the client is full: all calls that it may have this hour",
        "client_concurrent_cap" => "the client is full: as many calls at one time as it may have",
        "seller_total_cap" => "the seller has had all calls that it may have",
        "seller_month_cap" => "the seller has had all calls that it may have this month",
        "seller_week_cap" => "the seller has had all calls that it may have this week",
        "seller_day_cap" => "the seller has had all calls that it may have today",
        "seller_hour_cap" => "the seller has had all calls that it may have this hour",
        "seller_concurrent_cap" => "the seller has as many calls at one time as it may have",
        "campaign_total_cap" => "the campaign has had all calls that it may have",
        "campaign_month_cap" => "the campaign has had all calls that it may have this month",
        "campaign_week_cap" => "the campaign has had all calls that it may have this week",
        "campaign_day_cap" => "the campaign has had all calls that it may have today",
        "campaign_hour_cap" => "the campaign has had all calls that it may have this hour",
        "campaign_concurrent_cap" => "the campaign has as many calls at one time as it may have",
        "did_total_cap" => "the number has had all calls that it may have",
        "did_month_cap" => "the number has had all calls that it may have this month",
        "did_week_cap" => "the number has had all calls that it may have this week",
        "did_day_cap" => "the number has had all calls that it may have today",
        "did_hour_cap" => "the number has had all calls that it may have this hour",
        "did_concurrent_cap" => "the number has as many calls at one time as it may have",
        "spacing" => "waits: its last call came a moment ago",
        "client_spacing" => "waits: the client's last call came a moment ago",
        "kept_back" => "is asked when there is nobody else",
        "already_tried" => "was tried for this call already",
        "link_inactive" => "the link is inactive",
        "client_inactive" => "the client is inactive",
        "link_paused" => "the link is paused",
        "client_paused" => "the platform has paused the client",
        "no_contact" => "the client is not registered and has no fixed address",
        "did_inactive" => "the number is inactive",
        "did_not_found" => "the number is not known here",
        "invalid_did_input" => "this is no number as E.164 writes it, such as +18005550101",
        "owner_inactive" => "the seller's account is not active",
        "campaign_inactive" => "the campaign is not active",
        "campaign_paused" => "the campaign is paused",
        "link_closed" => "outside the hours of the link",
        "client_closed" => "outside the hours of the client",
        "did_closed" | "campaign_closed" | "closed" => "outside the hours of the number or the campaign",
        "all_closed" => "every link that could take it is outside its hours",
        "caller_blocked" => "the caller is blocked",
        "client_blocks_caller" => "the caller is blocked at the client",
        "link_blocks_caller" => "the caller is blocked on the link",
        "anonymous_caller" => "the campaign takes no calls without a caller's number",
        "duplicate_caller" => "the caller has called before",
        "client_duplicate_caller" => "the client has had the caller",
        "link_duplicate_caller" => "the link has had the caller",
        "same_client_only" => "the caller is another client's",
        "redial_too_soon" => "the caller called a moment ago",
        "no_campaign" | "no_active_campaign_for_did" => "the number is in no active campaign",
        "no_active_clients_in_campaign" => "the campaign has no active link",
        "all_capped" => "every link that could take it has had its calls",
        "client_seats" => "as many calls are up as the client has seats",
        "client_seats_stale" => "the client has stopped telling its seats",
        "no_eligible_clients_available" => "no link can take a call now",
        "no_more_targets" => "every link was tried",
        "ring_budget_spent" => "it rang for as long as the campaign allows",
        "call_ended" => "the call had ended",
        other => return other.replace('_', " "),
    };
    text.to_owned()
}

const WAITS: State = State {
    class: "waits",
    sign: "◐",
    word: "waits",
};

/// Until when, why and by whom something is paused.
pub fn pause(pause: &Pause) -> String {
    let until = match &pause.until {
        Some(until) => format!("until {}", until.0.strftime("%Y-%m-%d %H:%M:%S UTC")),
        None => "until somebody lifts it".to_owned(),
    };
    let by = match pause.by {
        "platform" => " by the platform",
        _ => "",
    };
    match &pause.reason {
        Some(reason) => format!("paused{by} {until}: {reason}"),
        None => format!("paused{by} {until}"),
    }
}

/// Whether the one that is told is the seller's own.
pub fn is_own(pause: &Option<Pause>) -> bool {
    pause.as_ref().is_some_and(|pause| pause.by == "seller")
}

/// The class and the sign of a link's state. The sign and the words beside it say it without colour, too.
pub fn state(reason: &str) -> State {
    match reason {
        "eligible" => State {
            class: "open",
            sign: "●",
            word: "open",
        },
        "selected" => State {
            class: "open",
            sign: "●",
            word: "picked",
        },
        cap if cap.ends_with("_cap") => State {
            class: "full",
            sign: "■",
            word: "full",
        },
        "link_closed" | "client_closed" => State {
            word: "closed",
            ..WAITS
        },
        "link_paused" | "client_paused" => State {
            word: "paused",
            ..WAITS
        },
        "client_blocks_caller" | "link_blocks_caller" => State {
            word: "blocked",
            ..WAITS
        },
        "client_duplicate_caller" | "link_duplicate_caller" | "same_client_only" => State {
            word: "had caller",
            ..WAITS
        },
        "spacing" | "client_spacing" | "already_tried" | "kept_back" | "held" => WAITS,
        _ => State {
            class: "off",
            sign: "○",
            word: "off",
        },
    }
}

#[derive(Debug, Clone, Copy)]
pub struct State {
    pub class: &'static str,
    pub sign: &'static str,
    pub word: &'static str,
}

/// The words and the class of `active`, `inactive` and `paused`.
pub fn status(status: &str) -> State {
    match status {
        "active" => State {
            class: "open",
            sign: "●",
            word: "active",
        },
        "paused" => State {
            class: "waits",
            sign: "◐",
            word: "paused",
        },
        _ => State {
            class: "off",
            sign: "○",
            word: "inactive",
        },
    }
}

/// What somebody is, in the console's words.
pub fn role(role: &str) -> &str {
    if role == "user" { "seller" } else { role }
}

/// The words and the class of an account's state.
pub fn account(status: &str) -> State {
    match status {
        "active" => self::status(status),
        "pending_approval" => State {
            word: "waits for approval",
            ..WAITS
        },
        "suspended" => State {
            class: "full",
            sign: "■",
            word: "suspended",
        },
        _ => self::status("inactive"),
    }
}

/// The words and the class of what a caller is.
pub fn mark(kind: &str) -> State {
    match kind {
        "blocked" => State {
            class: "full",
            sign: "■",
            word: "blocked",
        },
        "allowed" => State {
            class: "open",
            sign: "●",
            word: "allowed",
        },
        _ => State {
            class: "off",
            sign: "○",
            word: "has called",
        },
    }
}

/// Whose calls a mark is about.
pub fn scope(mark: &Mark) -> String {
    match (mark.scope.as_str(), &mark.scope_name) {
        ("platform", _) => "all calls of all sellers".into(),
        (scope, Some(name)) => format!("{scope} {name}"),
        (scope, None) => scope.into(),
    }
}

/// Whether hours are open now, and when that changes.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<span class="state {{ class }}">{{ sign }}</span> {{ text }}{% if let Some(at) = at %} {{ at|safe }}{% endif %}"#
)]
pub struct Open {
    class: &'static str,
    sign: &'static str,
    text: &'static str,
    at: Option<Time>,
}

impl Open {
    pub fn of(schedule: &Schedule) -> Self {
        let at = schedule.closes_at.as_ref().or(schedule.opens_at.as_ref());
        let (class, sign, text) = match (schedule.open_now, at) {
            (true, Some(_)) => ("open", "●", "open now, until"),
            (true, None) => ("open", "●", "open now"),
            (false, Some(_)) => ("waits", "◐", "closed now, opens at"),
            (false, None) => ("off", "○", "closed"),
        };
        Open {
            class,
            sign,
            text,
            at: at.map(|at| time_in(at, &schedule.time_zone)),
        }
    }
}

/// What a cap counts.
pub fn counted(counts: &str) -> &'static str {
    match counts {
        "qualified" => "good calls",
        "answered" => "answered calls",
        _ => "offered calls",
    }
}

/// Over which window.
pub fn over(window: &str) -> &'static str {
    match window {
        "hour" => "an hour",
        "day" => "a day",
        "week" => "a week",
        "month" => "a month",
        "concurrent" => "at one time",
        _ => "in total",
    }
}

/// answered calls a day
pub fn cap_name(cap: &Cap) -> String {
    format!("{} {}", counted(&cap.counts), over(&cap.window))
}

/// The decision for the next call to a number, its links in the order in which they would get it.
pub async fn next_call(tx: &Tx, whose: Whose, asked: Question) -> ApiResult<Explanation> {
    let mut asked = explain_did(tx, whose, asked).await?;
    asked.links.sort_by_key(|link| (!link.eligible, link.place));
    Ok(asked)
}

/// A link's place in that order, or its share where chance decides.
pub fn place(link: &ExplainedLink) -> String {
    match (link.eligible, link.place, link.share) {
        (true, Some(place), _) => format!("{place}."),
        (true, None, Some(share)) => format!("{:.0} %", share * 100.0),
        _ => "–".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_on_a_telephone() {
        assert_eq!(
            [0, 42, 725, 3723].map(|s| duration(&s)),
            ["0:00", "0:42", "12:05", "1:02:03"]
        );
    }
}
