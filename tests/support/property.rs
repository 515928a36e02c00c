//! Property tests of asynchronous code.
//!
//! A failure prints the smallest input found, and the seed: with it in `PROPTEST_RNG_SEED` the
//! same inputs come again. `PROPTEST_CASES` says how many.

use std::env;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use tokio::runtime::Runtime;

/// The seed given, or any.
pub(crate) fn seed() -> u64 {
    match Config::default().rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => rand::random(),
    }
}

/// Holds `law` against `cases` inputs; it panics on one that breaks it.
pub(crate) fn check<S: Strategy>(cases: u32, inputs: S, law: impl AsyncFn(S::Value)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    check_seeded(&runtime, seed(), cases, inputs, law);
}

/// As [`check`], with what else was made from the seed, on a runtime that outlives it.
pub(crate) fn check_seeded<S: Strategy>(
    runtime: &Runtime,
    seed: u64,
    cases: u32,
    inputs: S,
    law: impl AsyncFn(S::Value),
) {
    let given = Config::default();
    let all = env::var_os("PROPTEST_CASES").map_or(cases, |_| given.cases);
    let mut runner = TestRunner::new(Config {
        cases: all,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..given
    });
    let outcome = runner.run(&inputs, |input| {
        runtime.block_on(law(input));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("PROPTEST_RNG_SEED={seed}: {failure}");
    }
}
