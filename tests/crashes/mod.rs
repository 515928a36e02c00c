//! Crash tests: acknowledged writes survive every failure and are counted once; all others can be
//! repeated.

mod away;
mod campaigns;
mod counting;
mod endless;
mod failover;
mod hanging;
mod killing;
mod model;
mod rebuilding;
mod rolled_back;
mod rounds;
mod sharing;
mod strikes;
mod traffic;
mod waves;
