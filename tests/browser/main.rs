//! The console in a real browser, and the checks of its own project.
//!
//! The cases are in `console/e2e`, and their README describes them. One process of node runs all
//! of them against this build of the program. They need the node and the packages that the program
//! was built with, and Chromium.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step should fail the test at its line"
)]

mod tools;

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use self::tools::{Tools, chromium, tools, workspace};

/// Time for all cases, far more than they need on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// Time for the orderly end of a run that was late.
const STOP: Duration = Duration::from_secs(30);

/// Held by each test: the times of a browser on a busy machine say nothing.
static MACHINE: Mutex<()> = Mutex::new(());

/// Runs the cases; their results appear as they come.
#[test]
fn people_can_use_the_console() {
    let _machine = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((tools, chromium)) = tools().zip(chromium()) else {
        return;
    };
    let mut command = tools.node();
    command
        .arg(workspace().join("console/e2e/run.mjs"))
        .env("PATRON_PROGRAM", env!("CARGO_BIN_EXE_patron"))
        .env("PATRON_CONSOLE_MODULES", tools.packages)
        .env("PATRON_BIN_DIR", bin_dir())
        .env("PATRON_CHROMIUM", chromium)
        .env("PATRON_E2E_PICTURES", tools.target().join("pictures"))
        // The run ends when this pipe is closed, even if this process is killed.
        .stdin(Stdio::piped());
    let mut run = command.spawn().expect("node can be run");
    let status = wait(&mut run);
    assert!(status, "browser tests failed; see the cases above");
}

/// Types, format, unit tests and size of the pages.
#[test]
fn the_pages_pass_their_own_checks() {
    let _machine = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(tools) = tools() else {
        return;
    };
    let copy = copy_of_the_project(&tools);
    let failures: Vec<_> = ["check", "format:check", "test", "size"]
        .into_iter()
        .filter_map(|script| failure_of(&tools, &copy, script))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Runs a script of the project; returns what it printed if it failed.
fn failure_of(tools: &Tools, project: &Path, script: &str) -> Option<String> {
    let mut npm = tools.npm();
    npm.args(["run", "--silent", script])
        .current_dir(project)
        .env("npm_config_update_notifier", "false")
        .env("npm_config_cache", tools.target().join("npm"));
    let output = npm.output().expect("npm can be run");
    let shown = [output.stdout, output.stderr].concat();
    let shown = String::from_utf8_lossy(&shown);
    let failed = !output.status.success();
    failed.then(|| format!("npm run {script} failed:\n{shown}"))
}

/// Waits for the end of a run; returns whether it succeeded. A run that is late is ended.
fn wait(run: &mut Child) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let killed = deadline + STOP;
    let mut ended = false;
    loop {
        if let Some(status) = run.try_wait().expect("a child process") {
            return status.success();
        }
        if Instant::now() > deadline && !ended {
            let pid = Pid::from_raw(run.id().try_into().unwrap()).unwrap();
            kill_process(pid, Signal::TERM).expect("it has not been reaped");
            ended = true;
        }
        if Instant::now() > killed {
            run.kill().expect("it has not been reaped");
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Copies the sources into the target directory, next to the packages, so that nothing is written
/// into the source tree.
fn copy_of_the_project(tools: &Tools) -> PathBuf {
    let copy = tools.target().join("checked");
    if copy.exists() {
        fs::remove_dir_all(&copy).unwrap();
    }
    let project = copy.join("console");
    copy_dir(&workspace().join("console"), &project).unwrap();
    fs::create_dir_all(copy.join("docs")).unwrap();
    let document = "docs/openapi.json";
    fs::copy(workspace().join(document), copy.join(document)).unwrap();
    let packages = Path::new(tools.packages).join("node_modules");
    symlink(packages, project.join("node_modules")).unwrap();
    project
}

/// Copies a directory without what a developer's own build left in it.
fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if ["node_modules", "dist"].iter().any(|built| name == *built) {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => copy_dir(&entry.path(), &to.join(&name))?,
            false => {
                fs::copy(entry.path(), to.join(&name))?;
            }
        }
    }
    Ok(())
}

/// Returns the directory of fetched engines, the same as for the black-box tests.
fn bin_dir() -> PathBuf {
    let given = std::env::var_os("PATRON_BIN_DIR").map(PathBuf::from);
    given.unwrap_or_else(|| workspace().join(".patron/bin"))
}
