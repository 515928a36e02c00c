//! An OpenID provider: `oauth2-mock-server` from npm, in a process of its own.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::engines::workspace;

const PACKAGE: &str = "oauth2-mock-server";
const VERSION: &str = "8.2.3";

/// A running provider; ended when dropped.
#[derive(Debug)]
pub(crate) struct OidcProvider {
    pub(crate) issuer: String,
    process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl OidcProvider {
    /// Starts a provider on a free port; prints the reason and returns `None` if there is no npm.
    pub(crate) fn start() -> Option<Self> {
        let module = module()?;
        let mut process = Command::new("node")
            .arg(workspace().join("tests/support/oidc_provider.mjs"))
            .arg(module)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node can be run");
        let input = process.stdin.take().expect("piped");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let first = lines.next().expect("a first line").expect("readable");
        let (_, issuer) = first
            .split_once("listening on ")
            .expect("the provider listens");
        Some(Self {
            issuer: issuer.to_owned(),
            process,
            input,
            lines,
        })
    }

    /// Overrides claims of tokens issued from now on: null removes a claim, and `{"after": 5}` is
    /// a time 5 seconds after the token is issued.
    pub(crate) fn set_claims(&mut self, claims: Value) {
        self.send("claims", claims);
    }

    /// Makes the token endpoint answer with this status from now on.
    pub(crate) fn set_token_status(&mut self, status: u16) {
        self.send("status", json!(status));
    }

    /// Replaces the signing key and stops publishing the old one.
    pub(crate) fn rotate_key(&mut self) {
        self.send("rotate", Value::Null);
    }

    /// Signs with a key that is not published from now on.
    pub(crate) fn sign_with_unpublished_key(&mut self) {
        self.send("sign_with_unpublished", Value::Null);
    }

    /// Returns how often its keys were requested.
    pub(crate) fn key_requests(&mut self) -> u64 {
        self.send("requests", Value::Null)["jwks"].as_u64().unwrap()
    }

    /// Sends a command and returns its answer.
    fn send(&mut self, command: &str, argument: Value) -> Value {
        writeln!(self.input, "{}", json!([command, argument])).unwrap();
        let line = self.lines.next().expect("an answer").expect("readable");
        let mut line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["done"], command);
        line["answer"].take()
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        let _ended_meanwhile = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// Returns the package's module, installed once; `None` if there is no npm.
fn module() -> Option<&'static Path> {
    static MODULE: OnceLock<Option<PathBuf>> = OnceLock::new();
    MODULE.get_or_init(install).as_deref()
}

fn install() -> Option<PathBuf> {
    let version = Command::new("npm").arg("--version").output();
    if !version.is_ok_and(|output| output.status.success()) {
        assert!(
            env::var_os("PATRON_TEST_NPM").is_none(),
            "PATRON_TEST_NPM is set, but npm is not installed"
        );
        eprintln!("SKIPPED: sign-in tests need {PACKAGE} from npm, and npm is not installed");
        return None;
    }
    let top = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let dir = top.join(format!("npm-{PACKAGE}-{VERSION}"));
    if !dir.exists() {
        // Install into a directory of this process, then rename, so that a concurrent process
        // finds either everything or nothing.
        let own = top.join(format!("npm-{}", std::process::id()));
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("package.json"), "{}").unwrap();
        let installed = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
            .arg(format!("{PACKAGE}@{VERSION}"))
            .current_dir(&own)
            .output()
            .expect("npm can be run");
        assert!(installed.status.success(), "{installed:?}");
        let _there_meanwhile = fs::rename(&own, &dir);
    }
    Some(
        dir.join("node_modules")
            .join(PACKAGE)
            .join("dist/index.mjs"),
    )
}
