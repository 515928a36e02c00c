//! Segment's SDK for Node, from npm, in a process of its own.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::engines::workspace;

/// Files of the project that uses the SDK.
const FILES: [&str; 3] = ["package.json", "package-lock.json", "send.mjs"];

/// A process that sends with the SDK; ended when dropped.
#[derive(Debug)]
pub(crate) struct SegmentSdk {
    process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl SegmentSdk {
    /// Starts the SDK with a host and a write key; prints the reason and returns `None` if there
    /// is no npm.
    pub(crate) fn start(host: &str, key: &str) -> Option<Self> {
        let project = project()?;
        let mut process = Command::new("node")
            .arg(project.join("send.mjs"))
            .args([host, key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node can be run");
        let input = process.stdin.take().expect("piped");
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let mut sdk = Self {
            process,
            input,
            lines,
        };
        assert_eq!(sdk.line(), "ready");
        Some(sdk)
    }

    /// Calls a method of the SDK, which sends in the background.
    pub(crate) fn call(&mut self, method: &str, argument: Value) {
        writeln!(self.input, "{}", json!([method, argument])).unwrap();
    }

    /// Waits until the SDK has delivered all calls, or given up; returns the counts so far.
    pub(crate) fn flush(&mut self) -> Value {
        self.call("flush", Value::Null);
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Returns the counts so far: `delivered`, `failed`, and `attempts` to send.
    pub(crate) fn counts(&mut self) -> Value {
        self.call("counts", Value::Null);
        serde_json::from_str(&self.line()).unwrap()
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("an answer").expect("readable")
    }
}

impl Drop for SegmentSdk {
    fn drop(&mut self) {
        let _ended_meanwhile = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// Returns the directory of the project, installed once; `None` if there is no npm.
fn project() -> Option<&'static Path> {
    static PROJECT: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROJECT.get_or_init(install).as_deref()
}

fn install() -> Option<PathBuf> {
    let version = Command::new("npm").arg("--version").output();
    if !version.is_ok_and(|output| output.status.success()) {
        assert!(
            env::var_os("PATRON_TEST_NPM").is_none(),
            "PATRON_TEST_NPM is set, but npm is not installed"
        );
        eprintln!("SKIPPED: tests with Segment's SDK need npm, and npm is not installed");
        return None;
    }
    let from = workspace().join("tests/support/segment_sdk");
    let top = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Installed into a directory of this process, then renamed, so that a concurrent process finds
    // either everything or nothing. The name changes with the files.
    let own = top.join(format!("npm-{}", std::process::id()));
    fs::create_dir_all(&own).unwrap();
    let mut content = Vec::new();
    for file in FILES {
        let text = fs::read(from.join(file)).unwrap();
        fs::write(own.join(file), &text).unwrap();
        content.extend(text);
    }
    let dir = top.join(format!("npm-segment-sdk-{:016x}", digest(&content)));
    if dir.exists() {
        fs::remove_dir_all(&own).unwrap();
        return Some(dir);
    }
    let installed = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(&own)
        .output()
        .expect("npm can be run");
    assert!(installed.status.success(), "{installed:?}");
    let _there_meanwhile = fs::rename(&own, &dir);
    Some(dir)
}

/// FNV-1a, which is the same in every process.
fn digest(content: &[u8]) -> u64 {
    content.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}
