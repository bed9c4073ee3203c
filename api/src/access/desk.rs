//! Decides whose password is checked next. As many passwords are hashed at once as the machine has cores, less one. The
//! sources that wait take turns, and every other turn goes to a source that has logged in before. So a right password may
//! have to wait and is let in, however many logins come at once; and who sends many logins waits behind its own.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::fading::Key;
use super::secret;
use super::throttle::{Judged, Limits, Taken, Who};

#[derive(Debug)]
pub struct Desk {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    limits: Limits,
    known: Line,
    strangers: Line,
    strangers_next: bool,
    /// In both lines, including requests that were given up meanwhile.
    tickets: usize,
    sweep_at: usize,
}

/// Tickets of requests that were given up are removed when so many wait, or twice as many as were left the last time.
const SWEEP_AT: usize = 1024;

/// The tickets that wait, by source. Those of one source keep their order.
#[derive(Debug, Default)]
struct Line {
    order: VecDeque<Key>,
    waiting: HashMap<Key, VecDeque<Ticket>>,
}

#[derive(Debug)]
struct Ticket {
    /// None for a new password that is only hashed: nothing is guessed.
    who: Option<Who>,
    proof: Option<secret::Hash>,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<Place, Duration>;
type Next = (Ticket, Option<(Who, Taken)>);

#[derive(Debug)]
pub enum Place {
    Turn(Turn),
    /// The same password of the same account was found right meanwhile.
    Right,
}

/// The right to hash one password. Dropped before `settle`, it counts as if no password had been checked.
#[derive(Debug)]
pub struct Turn {
    /// None when it has ended already.
    desk: Option<Arc<Desk>>,
    counted: Option<(Who, Taken)>,
    proof: Option<secret::Hash>,
    right: Option<bool>,
}

impl Desk {
    pub fn new(places: usize) -> Arc<Self> {
        Arc::new(Desk {
            state: Mutex::new(State {
                free: places,
                limits: Limits::default(),
                known: Line::default(),
                strangers: Line::default(),
                strangers_next: false,
                tickets: 0,
                sweep_at: SWEEP_AT,
            }),
        })
    }

    /// Waits for a turn. `Err` is how long to wait after too many failures. `proof` is a digest of the account's stored hash
    /// and the given password: equal logins are answered by one hash.
    pub async fn enter(self: &Arc<Self>, who: Option<Who>, proof: Option<secret::Hash>) -> Answer {
        let (answer, place) = oneshot::channel();
        {
            let mut state = self.lock();
            if let Some(who) = &who
                && let Judged::Refused(wait) = state.limits.judge(who, Instant::now())
            {
                return Err(wait);
            }
            state.join(Ticket { who, proof, answer });
            self.serve(&mut state);
        }
        place.await.unwrap_or(Err(Duration::from_secs(1)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can leave the state half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives free places to tickets until no place is free, or no ticket may have one.
    fn serve(self: &Arc<Self>, state: &mut State) {
        while state.free > 0
            && let Some((ticket, counted)) = state.next(Instant::now())
        {
            let turn = Turn {
                desk: Some(self.clone()),
                counted,
                proof: ticket.proof,
                right: None,
            };
            state.free -= 1;
            if let Err(Ok(Place::Turn(mut turn))) = ticket.answer.send(Ok(Place::Turn(turn))) {
                // The request was given up in this moment. Dropping the turn would take the lock that is held here.
                turn.desk = None;
                state.end(turn.counted.take(), None);
            }
        }
    }
}

impl State {
    fn join(&mut self, ticket: Ticket) {
        let (line, source) = match ticket.who {
            None => (&mut self.known, 0),
            Some(who) if who.is_known() => (&mut self.known, who.source),
            Some(who) => (&mut self.strangers, who.source),
        };
        let queue = line.waiting.entry(source).or_insert_with(|| {
            line.order.push_back(source);
            VecDeque::new()
        });
        queue.push_back(ticket);
        self.tickets += 1;
        if self.tickets >= self.sweep_at {
            self.tickets = self.known.sweep() + self.strangers.sweep();
            self.sweep_at = SWEEP_AT.max(2 * self.tickets);
        }
    }

    /// When both lines wait, every other turn is a stranger's.
    fn next(&mut self, now: Instant) -> Option<Next> {
        let strangers_next = std::mem::replace(&mut self.strangers_next, false);
        let (first, second) = if strangers_next {
            (&mut self.strangers, &mut self.known)
        } else {
            (&mut self.known, &mut self.strangers)
        };
        let limits = &mut self.limits;
        let tickets = &mut self.tickets;
        if let Some(found) = first.next(limits, tickets, now) {
            self.strangers_next = !strangers_next;
            return Some(found);
        }
        let found = second.next(limits, tickets, now);
        self.strangers_next = strangers_next;
        found
    }

    fn end(&mut self, counted: Option<(Who, Taken)>, right: Option<bool>) {
        self.free += 1;
        if let Some((who, taken)) = counted {
            self.limits.settle(&who, taken, right, Instant::now());
        }
    }

    fn let_in(&mut self, proof: &secret::Hash) {
        for line in [&mut self.known, &mut self.strangers] {
            for queue in line.waiting.values_mut() {
                for ticket in std::mem::take(queue) {
                    if ticket.proof.as_ref() == Some(proof) {
                        self.tickets -= 1;
                        let _ = ticket.answer.send(Ok(Place::Right));
                    } else {
                        queue.push_back(ticket);
                    }
                }
            }
        }
    }
}

impl Line {
    /// The next ticket that may have a place, from the source whose turn it is. Tickets that were refused meanwhile are
    /// answered on the way.
    fn next(&mut self, limits: &mut Limits, tickets: &mut usize, now: Instant) -> Option<Next> {
        for _ in 0..self.order.len() {
            let source = self.order.pop_front()?;
            let queue = self.waiting.get_mut(&source)?;
            let before = queue.len();
            let found = first(queue, limits, now);
            *tickets -= before - queue.len();
            if queue.is_empty() {
                self.waiting.remove(&source);
            } else {
                self.order.push_back(source);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Removes tickets of requests that were given up. Returns how many are left.
    fn sweep(&mut self) -> usize {
        for queue in self.waiting.values_mut() {
            queue.retain(|ticket| !ticket.answer.is_closed());
        }
        self.waiting.retain(|_, queue| !queue.is_empty());
        self.order.retain(|source| self.waiting.contains_key(source));
        self.waiting.values().map(VecDeque::len).sum()
    }
}

fn first(queue: &mut VecDeque<Ticket>, limits: &mut Limits, now: Instant) -> Option<Next> {
    while let Some(ticket) = queue.pop_front() {
        if ticket.answer.is_closed() {
            continue;
        }
        let Some(who) = ticket.who else {
            return Some((ticket, None));
        };
        match limits.admit(&who, now) {
            Judged::Admitted(taken) => return Some((ticket, Some((who, taken)))),
            Judged::Undecided => {
                queue.push_front(ticket);
                return None;
            }
            Judged::Refused(wait) => {
                let _ = ticket.answer.send(Err(wait));
            }
        }
    }
    None
}

impl Turn {
    /// Counts the attempt, even if nobody waits for the answer any more.
    pub fn settle(mut self, right: bool) {
        self.right = Some(right);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(desk) = self.desk.take() else { return };
        let mut state = desk.lock();
        state.end(self.counted.take(), self.right);
        if self.right == Some(true)
            && let Some(proof) = &self.proof
        {
            state.let_in(proof);
        }
        desk.serve(&mut state);
    }
}

#[cfg(test)]
mod tests;
