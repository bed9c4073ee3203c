//! Everything at work, and something breaks: the platform comes back without a human hand, and what anybody was told
//! stays true. A module per question; `load` is the work, `stage` the platform it is done by.

mod failover;
mod lanes;
mod line;
mod load;
mod matrix;
mod memory;
mod soak;
mod stage;
mod steady;
mod strikes;
mod told;
