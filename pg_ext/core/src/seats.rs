//! Seats: how many calls at one time a client can take now, as it has told last (agents that are logged in). What it has told holds for a
//! while; then it is stale, and either its caps alone count or it is closed.

/// What a client has told, and how many of its seats are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seats {
    pub seats: i32,
    /// Calls on all its links.
    pub active: i32,
    /// In PostgreSQL's microseconds.
    pub until: i64,
    /// Else its caps alone count when it is stale.
    pub closes_when_stale: bool,
}

impl Seats {
    pub fn is_stale(self, at: i64) -> bool {
        self.until <= at
    }

    pub fn are_taken(self, at: i64) -> bool {
        !self.is_stale(at) && self.active >= self.seats
    }

    pub fn are_closed(self, at: i64) -> bool {
        self.is_stale(at) && self.closes_when_stale
    }

    /// Whether another call may have one.
    pub fn let_through(self, at: i64) -> bool {
        !self.are_taken(at) && !self.are_closed(at)
    }
}
