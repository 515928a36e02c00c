//! schemathesis, which holds a server to its OpenAPI document: fetched once with the machine's
//! own pip, as the engines are, and kept beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::engines::{bin_dir, workspace};

/// Where this version lies among the fetched programs.
const NAME: &str = "schemathesis-4.32.5";

/// It and all that it needs, by version.
const REQUIREMENTS: &str = "tests/schemathesis.txt";

/// A `schemathesis` command; none on a machine without Python and pip.
pub(crate) fn schemathesis() -> Option<Command> {
    let packages = bin_dir().join(NAME);
    if !packages.exists() {
        if !has_pip() {
            return None;
        }
        fetch(&packages);
    }
    let mut command = Command::new("python3");
    command
        .args(["-m", "schemathesis.cli"])
        .env("PYTHONPATH", packages)
        .env("NO_PROXY", "127.0.0.1");
    Some(command)
}

fn has_pip() -> bool {
    let mut pip = pip();
    let pip = pip.arg("--version").stdout(Stdio::null());
    pip.stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

fn pip() -> Command {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input"]);
    pip.stdin(Stdio::null());
    pip
}

/// Into a directory of this process, then to its place in one step: who comes second leaves
/// what is there.
fn fetch(packages: &Path) {
    let dir = packages.parent().unwrap();
    fs::create_dir_all(dir).unwrap();
    let scratch = tempfile::Builder::new()
        .prefix(".schemathesis-")
        .tempdir_in(dir)
        .unwrap();
    let fetched: PathBuf = scratch.path().join("packages");
    let mut install = pip();
    install
        .args(["install", "--quiet", "--no-deps", "--only-binary=:all:"])
        .arg("--requirement")
        .arg(workspace().join(REQUIREMENTS))
        .arg("--target")
        .arg(&fetched);
    let installed = install.output().expect("python3 can be run");
    let said = String::from_utf8_lossy(&installed.stderr);
    assert!(installed.status.success(), "pip ends with {said}");
    let moved = fs::rename(&fetched, packages);
    assert!(moved.is_ok() || packages.exists(), "{moved:?}");
}
