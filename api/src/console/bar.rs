//! The bar of a cap, and the same in words.

use std::fmt::Write;

use askama::Template;

use super::show;
use crate::resources::caps::objects::Cap;
use crate::resources::links::objects::LinkUsage;

/// Used and in flight of a limit, as a bar and in words. It never shows more than the limit.
#[derive(Debug, Template, PartialEq, Eq)]
#[template(path = "bar.html")]
pub struct Bar {
    pub name: String,
    /// Of 1000.
    pub used: i64,
    pub flying: i64,
    pub is_full: bool,
    pub text: String,
}

/// Of a limit of 0, which by itself could be read as none.
pub const CLOSED: &str = "closed (0)";

impl Bar {
    fn new(name: impl Into<String>, used: i64, flying: i64, limit: i64, text: String) -> Self {
        let part = |value: i64| {
            let wide = i128::from(value.max(0)) * 1000 / i128::from(limit.max(1));
            i64::try_from(wide.min(1000)).unwrap_or(1000)
        };
        let shown = part(used);
        Bar {
            name: name.into(),
            used: shown,
            flying: part(flying).min(1000 - shown),
            is_full: used + flying >= limit,
            text: if limit == 0 { CLOSED.to_owned() } else { text },
        }
    }

    pub fn concurrency(active: i32, most: i32) -> Self {
        let text = format!("{active} of {most} at one time");
        Self::new("Calls at one time", 0, active.into(), most.into(), text)
    }

    pub fn total(counted: i64, active: i32, allowed: i64) -> Self {
        let left = (allowed - counted - i64::from(active)).max(0);
        let text = format!("{counted} used + {active} in flight of {allowed} in total, {left} left");
        Self::new("Calls in total", counted, active.into(), allowed, text)
    }

    /// With when it resets.
    pub fn cap(cap: &Cap) -> Self {
        let (used, flying) = match cap.window.as_str() {
            // All of them are up.
            "concurrent" => (0, cap.used),
            _ => (cap.used, cap.in_flight),
        };
        let mut text = format!(
            "{} used + {} in flight of {}, {} left",
            cap.used, cap.in_flight, cap.limit, cap.remaining
        );
        if let Some(at) = &cap.resets_at {
            let _ = write!(text, ", resets at {}", show::time_in(at, &cap.zone).short);
        }
        let mut bar = Self::new(show::cap_name(cap), used, flying, cap.limit, text);
        if !cap.enforce {
            bar.text.push_str(", warns only");
        }
        bar
    }

    pub fn of(link: &LinkUsage) -> Vec<Self> {
        Self::of_caps(
            link.active,
            Some(link.settings.max_concurrency),
            link.counted,
            link.settings.total_calls_allowed,
        )
    }

    /// One for each cap that a link has.
    pub fn of_caps(active: i32, most: Option<i32>, counted: i64, allowed: Option<i64>) -> Vec<Self> {
        let concurrency = most.map(|most| Self::concurrency(active, most));
        let total = allowed.map(|allowed| Self::total(counted, active, allowed));
        concurrency.into_iter().chain(total).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_never_shows_more_than_its_limit() {
        let bar = Bar::total(37, 2, 40);
        assert_eq!((bar.used, bar.flying, bar.is_full), (925, 50, false));
        assert_eq!(bar.text, "37 used + 2 in flight of 40 in total, 1 left");
        assert_eq!(Bar::total(3, 0, 0).text, CLOSED);
        for bar in [
            Bar::total(50, 9, 40),
            Bar::total(i64::MAX / 2, 1, 1),
            Bar::concurrency(3, 2),
            Bar::total(0, 0, 0),
        ] {
            assert!(bar.is_full && bar.used + bar.flying <= 1000, "{bar:?}");
        }
    }
}
