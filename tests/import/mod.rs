//! `patron import` against a real server: formats, layouts, refusals and interruptions.

mod columns;
mod consents;
mod customer_presets;
mod formats;
mod interruptions;
mod layouts;
mod money;
mod newer;
mod orders;
mod presets;
mod refusals;
mod text;
mod times;
mod told;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::app::App;
use crate::support::engines::{test_dir, workspace};
use crate::support::process::{CommandOutput, run};

/// Writes a file in the test's own directory and returns its path.
fn file(test: &str, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let dir = test_dir(&format!("import_{test}"));
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join(name);
    fs::write(&path, content).unwrap();
    path
}

fn import(app: &App, kind: &str, file: &Path, arguments: &[&str]) -> Command {
    let mut command = app.patron(["import", kind]);
    command
        .arg(file)
        .args(["--url", app.client.base()])
        .env("PATRON_KEY", &app.settings().key)
        .args(arguments);
    command
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", file.display()))
}

fn assert_succeeds(ended: &CommandOutput, summary: &str) {
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains(summary), "{}", ended.out);
}

/// Returns a customer as the API shows it.
async fn customer(app: &App, id: &str) -> Value {
    let id = id.replace('@', "%40");
    app.client.read(&format!("/api/customers/{id}")).await
}

/// Copies an export of a shop or a marketing tool to the test's own directory.
fn export(test: &str, name: &str) -> PathBuf {
    let path = workspace().join("tests/data/exports").join(name);
    file(test, name, fs::read(path).unwrap())
}

/// Returns the objects that a file becomes, and what is printed about them. Nothing is sent.
fn dry_run(app: &App, kind: &str, file: &Path, arguments: &[&str]) -> (Vec<Value>, CommandOutput) {
    let mut command = app.patron(["import", kind]);
    command.arg(file).arg("--dry-run").args(arguments);
    let ended = run(command);
    let objects = ended.out.lines();
    let objects = objects.map(|line| serde_json::from_str(line).unwrap());
    (objects.collect(), ended)
}

/// Asserts that the options do not fit the file, and that the message has this text.
fn assert_wrong_option(app: &App, kind: &str, file: &Path, arguments: &[&str], text: &str) {
    let ended = run(import(app, kind, file, arguments));
    assert_eq!(ended.code, Some(64), "{}\n{}", ended.out, ended.err);
    assert!(ended.err.contains(text), "{}", ended.err);
}

/// Returns the lines of the file of refused rows.
fn rejects(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(with_suffix(file, ".rejects.ndjson")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
