//! What was acknowledged survives anything, is counted once, and the rest can be repeated.

mod away;
mod killing;
mod model;
mod sharing;
mod traffic;
