//! Crash tests: acknowledged writes survive every failure and are counted once; all others can be
//! repeated.

mod campaigns;
mod continuous_campaigns;
mod continuous_traffic;
mod engine_outages;
mod failover;
mod faults;
mod killed_imports;
mod model;
mod people;
mod rebuilding;
mod rolled_back;
mod rounds;
mod traffic;
mod workers;

use std::env;

/// Returns the seed that `PATRON_TEST_SEED` sets, or a random one, and prints it.
fn seed() -> u64 {
    let given = env::var("PATRON_TEST_SEED").ok();
    let seed = given.map_or_else(rand::random, |seed| {
        seed.parse().expect("PATRON_TEST_SEED is a number")
    });
    eprintln!("PATRON_TEST_SEED={seed}");
    seed
}
