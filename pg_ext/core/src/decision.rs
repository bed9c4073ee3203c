//! The decision as text: why each link was or was not taken, kept with the call and its record.

use crate::facts::Link;
use crate::gate::Verdict;
use crate::overflow::Exit;

/// Bytes of one decision, and of all decisions of a call together.
pub const MAX_BYTES: usize = 1024;

/// `<link>=<token>|…` with the chosen link (`selected`) first, then the others as read. What does not fit ends as
/// `+<n>`, the number of links left out.
pub fn describe(links: &[Link], verdicts: &[Verdict], chosen: Option<usize>) -> String {
    let rest = (0..links.len()).filter(|&index| Some(index) != chosen);
    let mut text = String::new();
    for (written, index) in chosen.into_iter().chain(rest).enumerate() {
        let token = if Some(index) == chosen {
            "selected"
        } else {
            verdicts[index].token()
        };
        let entry = format!("{}={token}", links[index].id);
        // Room for the separator and for the note that more were left out.
        if text.len() + entry.len() + 16 > MAX_BYTES {
            text.push_str(&format!("|+{}", links.len() - written));
            break;
        }
        if written > 0 {
            text.push('|');
        }
        text.push_str(&entry);
    }
    text
}

/// The decisions of the earlier attempts with one more behind them: `first;2:second;3:third`.
pub fn append(earlier: &str, attempt: i32, decision: &str) -> String {
    let mut text = format!("{earlier};{attempt}:{decision}");
    if text.len() > MAX_BYTES {
        // Decisions are ASCII, so any place is a character boundary.
        text.truncate(MAX_BYTES);
    }
    text
}

/// Of a campaign that had nobody, why, and what was found of who is asked then: `first>all_closed>then`.
pub fn overflow(first: &str, exit: Exit, then: &str) -> String {
    // Most of the room is for those who may take the call.
    let most = first.floor_char_boundary(MAX_BYTES / 4);
    let first = if first.len() > most {
        let whole = first[..most].rfind('|').unwrap_or(most);
        &first[..whole]
    } else {
        first
    };
    let mut text = format!("{first}>{}>{then}", exit.name());
    if text.len() > MAX_BYTES {
        let begins = text.len() - then.len();
        let whole = text[..MAX_BYTES].rfind('|').filter(|whole| *whole > begins);
        text.truncate(whole.unwrap_or(MAX_BYTES));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::link;
    use crate::gate::Asked;
    use crate::select::judge_all;

    #[test]
    fn the_chosen_link_comes_first() {
        let links = [Link { active: 2, ..link(3) }, link(5), link(7)];
        let verdicts = judge_all(&links, &Asked::default());
        assert_eq!(
            describe(&links, &verdicts, Some(1)),
            "5=selected|3=concurrency_cap|7=eligible"
        );
        assert_eq!(describe(&links[..1], &verdicts, None), "3=concurrency_cap");
    }

    #[test]
    fn long_decisions_say_how_many_are_left_out() {
        let links: Vec<Link> = (1..=500).map(link).collect();
        let text = describe(&links, &judge_all(&links, &Asked::default()), Some(499));
        assert!(text.len() <= MAX_BYTES, "{}", text.len());
        assert!(text.starts_with("500=selected|1=eligible|"));
        let (head, left_out) = text.rsplit_once("|+").unwrap();
        assert_eq!(head.split('|').count() + left_out.parse::<usize>().unwrap(), 500);
    }

    #[test]
    fn who_is_asked_then_stands_behind_why() {
        assert_eq!(
            overflow("3=link_closed", Exit::AllClosed, "5=selected"),
            "3=link_closed>all_closed>5=selected"
        );
        let long = overflow(&"1234=eligible|".repeat(70), Exit::AllCapped, &"y".repeat(800));
        assert!(
            long.len() <= MAX_BYTES && long.contains("1234=eligible>all_capped>yyy"),
            "{long}"
        );
    }

    #[test]
    fn appended_decisions_stay_within_bounds() {
        assert_eq!(
            append("1=selected", 2, "2=selected|1=already_tried"),
            "1=selected;2:2=selected|1=already_tried"
        );
        assert_eq!(append(&"x".repeat(1024), 2, "y").len(), MAX_BYTES);
    }
}
