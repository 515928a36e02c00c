//! Python packages for tests: fetched once with the machine's own pip, like the engines, and kept
//! next to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::engines::{bin_dir, workspace};

/// Returns the directory `name` among the fetched programs, with these packages; `None` on a
/// machine without Python and pip.
pub(crate) fn install(name: &str, requirements: &str, options: &[&str]) -> Option<PathBuf> {
    let packages = bin_dir().join(name);
    if !packages.exists() {
        if !has_pip() {
            return None;
        }
        fetch(&packages, requirements, options);
    }
    Some(packages)
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

/// Installs into a directory of this process and then renames it; the process that comes second
/// keeps the existing directory.
fn fetch(packages: &Path, requirements: &str, options: &[&str]) {
    let dir = packages.parent().unwrap();
    fs::create_dir_all(dir).unwrap();
    let scratch = tempfile::Builder::new()
        .prefix(".pip-")
        .tempdir_in(dir)
        .unwrap();
    let fetched: PathBuf = scratch.path().join("packages");
    let mut install = pip();
    install
        .args(["install", "--quiet", "--no-deps", "--only-binary=:all:"])
        .args(options)
        .arg("--requirement")
        .arg(workspace().join(requirements))
        .arg("--target")
        .arg(&fetched);
    let installed = install.output().expect("python3 can be run");
    let errors = String::from_utf8_lossy(&installed.stderr);
    assert!(installed.status.success(), "pip failed: {errors}");
    let moved = fs::rename(&fetched, packages);
    assert!(moved.is_ok() || packages.exists(), "{moved:?}");
}
