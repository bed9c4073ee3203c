//! Who has set something that the platform and a seller set beside each other: caps, pauses, schedules. Each changes its own.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    Platform,
    Seller,
}

impl SetBy {
    pub const NAMES: [&'static str; 2] = ["platform", "seller"];

    pub fn name(self) -> &'static str {
        SetBy::NAMES[self as usize]
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            SetBy::Platform => SetBy::Seller,
            SetBy::Seller => SetBy::Platform,
        }
    }

    /// As a sentence about what a seller has calls it.
    pub fn in_words(self) -> &'static str {
        match self {
            SetBy::Platform => "the platform",
            SetBy::Seller => "its seller",
        }
    }
}
