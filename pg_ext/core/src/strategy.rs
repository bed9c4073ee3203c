//! The three strategies by which a campaign's links share its calls; `select` picks by them.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Lower `forwarding_priority` first, then the lower id; weight plays no part.
    Priority,
    /// The link whose last reservation is oldest; a full link keeps its place.
    RoundRobin,
    /// Exactly proportional to `weight` among those with room; priority plays no part.
    Weighted,
}

impl Strategy {
    pub const ALL: [Strategy; 3] = [Strategy::Priority, Strategy::RoundRobin, Strategy::Weighted];
    pub const NAMES: [&'static str; 3] = [
        Strategy::ALL[0].name(),
        Strategy::ALL[1].name(),
        Strategy::ALL[2].name(),
    ];

    pub fn parse(name: &str) -> Option<Self> {
        Strategy::ALL.into_iter().find(|strategy| strategy.name() == name)
    }

    /// The name in the schema and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Strategy::Priority => "priority",
            Strategy::RoundRobin => "round_robin",
            Strategy::Weighted => "weighted",
        }
    }
}
