//! An OpenID provider: `oauth2-mock-server` from npm, a process of its own.

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

/// A provider that is running; ended when dropped.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) issuer: String,
    process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Provider {
    /// Starts one on a free port; `None`, and says why, where there is no npm.
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
        let first = lines.next().expect("it starts").expect("readable");
        let (_, issuer) = first.split_once("listening on ").expect("it listens");
        Some(Self {
            issuer: issuer.to_owned(),
            process,
            input,
            lines,
        })
    }

    /// What tokens say from now on beside what they should: null takes a claim away, and
    /// `{"after": 5}` is a time, 5 seconds from then.
    pub(crate) fn says(&mut self, claims: Value) {
        self.tell("claims", claims);
    }

    /// Answers at its token endpoint like this from now on.
    pub(crate) fn answers(&mut self, status: u16) {
        self.tell("status", json!(status));
    }

    /// Another key signs from now on; the one before is gone.
    pub(crate) fn rotates(&mut self) {
        self.tell("rotate", Value::Null);
    }

    /// A key signs from now on that is not among those it serves.
    pub(crate) fn signs_with_another_key(&mut self) {
        self.tell("hide", Value::Null);
    }

    /// How often it was asked for its keys.
    pub(crate) fn asked_for_keys(&mut self) -> u64 {
        self.tell("asked", Value::Null)["jwks"].as_u64().unwrap()
    }

    fn tell(&mut self, command: &str, argument: Value) -> Value {
        writeln!(self.input, "{}", json!([command, argument])).unwrap();
        let line = self.lines.next().expect("it answers").expect("readable");
        let mut line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["done"], command);
        line["answer"].take()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ended_meanwhile = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// The package's module, installed once; `None` where there is no npm.
fn module() -> Option<&'static Path> {
    static MODULE: OnceLock<Option<PathBuf>> = OnceLock::new();
    MODULE.get_or_init(install).as_deref()
}

fn install() -> Option<PathBuf> {
    let version = Command::new("npm").arg("--version").output();
    if !version.is_ok_and(|output| output.status.success()) {
        assert!(
            env::var_os("PATRON_TEST_NPM").is_none(),
            "npm is needed here, and absent"
        );
        eprintln!("SKIPPED: signing in is tested against {PACKAGE} from npm, and there is no npm");
        return None;
    }
    let top = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let dir = top.join(format!("npm-{PACKAGE}-{VERSION}"));
    if !dir.exists() {
        // Whole or not at all, whoever else installs it now.
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
