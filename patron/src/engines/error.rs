//! What can go wrong with engines, in words for the person who started them.

use std::io;
use std::path::{Path, PathBuf};

/// Why engines could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    /// A file or directory of ours cannot be read or written.
    #[error("{path}: {error}", path = .path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },

    /// Another process holds the data directory.
    #[error("another patron{} is using {dir}", holder(*.pid), dir = .dir.display())]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// The holder, if it has written its pid already.
        pid: Option<u32>,
    },

    /// The program must be fetched, but there is no pip to do it.
    #[error(
        "{program} is not on the PATH and there is no pip (Python's package installer) to fetch \
         it with: install {program} or pip, or give the URL of a running one"
    )]
    NoPip {
        /// The program looked for.
        program: &'static str,
    },

    /// The program must be fetched, but there is none for this machine.
    #[error(
        "{program} is not on the PATH and can only be fetched for linux x86_64, not {platform}: \
         install it, or give the URL of a running one"
    )]
    UnsupportedPlatform {
        /// The program looked for.
        program: &'static str,
        /// This machine's system and architecture.
        platform: String,
    },

    /// The download failed or holds something else than expected.
    #[error("could not fetch {package}: {reason}")]
    Fetch {
        /// The package with its version.
        package: &'static str,
        /// pip's last lines, or what is wrong with the file.
        reason: String,
    },

    /// The program needs a shared library that the machine lacks.
    #[error("{program} needs the shared library {library}{hint}", program = .program.display(), hint = library_hint(.library))]
    MissingLibrary {
        /// The program file.
        program: PathBuf,
        /// The library, for example `libcrypto.so.3`.
        library: String,
    },

    /// The program does not run, or does not say its version.
    #[error("{program} cannot be used: {reason}", program = .program.display())]
    Unusable {
        /// The program file.
        program: PathBuf,
        /// What it said.
        reason: String,
    },

    /// No port on 127.0.0.1 can be bound.
    #[error("no free port on 127.0.0.1: {0}")]
    NoPort(io::Error),

    /// An engine ended by itself.
    #[error(
        "{name} (pid {pid}) ended: {status}; its log is {log}{}{lines}",
        if .lines.is_empty() { "" } else { ", whose end is\n" },
        log = .log.display()
    )]
    Exited {
        /// Which engine.
        name: &'static str,
        /// Its former process id.
        pid: u32,
        /// Exit code or signal.
        status: String,
        /// Its whole log.
        log: PathBuf,
        /// Its last lines that may tell why; can be empty.
        lines: String,
    },

    /// An engine runs but does not become ready and makes no progress.
    #[error("{name} has made no progress for {seconds} s ({state}); its log is {log}", log = .log.display())]
    NotReady {
        /// Which engine.
        name: &'static str,
        /// How long it stood still.
        seconds: u64,
        /// What it was doing when last asked.
        state: String,
        /// Its whole log.
        log: PathBuf,
    },

    /// An engine of an earlier run is still there and cannot be ended.
    #[error("{name} (pid {pid}) of an earlier run cannot be stopped: {reason}")]
    Leftover {
        /// Which engine.
        name: &'static str,
        /// Its process id.
        pid: u32,
        /// Why not.
        reason: String,
    },

    /// The append-only file is broken in a way that an interrupted write does not explain.
    #[error(
        "Redis's append-only file {file} is damaged at byte {at} of {size}, and not just by an \
         interrupted last write: {reason}. Nothing was changed; restore the file from a backup, \
         or look at it with redis-check-aof",
        file = .file.display()
    )]
    LogDamaged {
        /// The damaged file.
        file: PathBuf,
        /// Up to here its commands are whole, in bytes.
        at: u64,
        /// The file's length in bytes.
        size: u64,
        /// What is wrong there.
        reason: String,
    },

    /// The data was written by a newer Redis, which this one would silently not see.
    #[error(
        "{dir} was written by Redis 7 or newer and {program} is older: it would start empty. \
         Put the newer redis-server on the PATH",
        dir = .dir.display(), program = .program.display()
    )]
    NewerData {
        /// Redis's data directory.
        dir: PathBuf,
        /// The program that was found.
        program: PathBuf,
    },
}

impl EngineError {
    /// For `map_err` on what is done to `path`.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

/// Which package brings the library, where the name alone does not say.
fn library_hint(library: &str) -> &'static str {
    match library.split(".so").next() {
        Some("libssl" | "libcrypto") => ": install OpenSSL 3 (Debian, Ubuntu: libssl3)",
        Some("libcurl") => ": install libcurl (Debian, Ubuntu: libcurl4)",
        _ => ": install the package that holds it",
    }
}
