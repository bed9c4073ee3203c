//! Whose calls are counted and capped.

/// In the order in which their counters are locked: what more calls share comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Link(i64),
    Did(i64),
    Campaign(i64),
    Seller(i64),
    Client(i64),
}

impl Subject {
    pub fn kind(self) -> &'static str {
        match self {
            Subject::Link(_) => "link",
            Subject::Did(_) => "did",
            Subject::Campaign(_) => "campaign",
            Subject::Seller(_) => "seller",
            Subject::Client(_) => "client",
        }
    }

    pub fn id(self) -> i64 {
        match self {
            Subject::Link(id)
            | Subject::Did(id)
            | Subject::Campaign(id)
            | Subject::Seller(id)
            | Subject::Client(id) => id,
        }
    }
}
