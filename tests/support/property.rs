//! Property tests of asynchronous code.
//!
//! A failure prints the smallest input found and the seed. `PROPTEST_RNG_SEED` repeats the inputs
//! of a seed; `PROPTEST_CASES` sets the number of cases.

use std::env;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use tokio::runtime::Runtime;

/// Returns the seed from `PROPTEST_RNG_SEED`, or a random one.
pub(crate) fn seed() -> u64 {
    match Config::default().rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => rand::random(),
    }
}

/// Checks `law` with `cases` random inputs. `law` panics on an input that violates it.
pub(crate) fn check<S: Strategy>(cases: u32, inputs: S, law: impl AsyncFn(S::Value)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    check_seeded(&runtime, seed(), cases, inputs, law);
}

/// Like [`check`], with a given seed and a runtime that outlives the check.
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
