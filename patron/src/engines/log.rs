//! What an engine says, and the part of it worth repeating.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{EngineError, files};

/// A log that has grown past this is put aside at the next start; one older is kept.
const KEEP_BYTES: u64 = 16 << 20;
/// How much of the end is looked at.
const TAIL_BYTES: u64 = 64 << 10;
/// How many lines are shown, and how much of each.
const SHOWN_LINES: usize = 5;
const SHOWN_CHARS: usize = 400;

/// The log file of one engine, and where in it the current run begins.
pub(super) struct Log {
    path: PathBuf,
    start: u64,
}

impl Log {
    /// Opens `<dir>/<name>.log` for appending.
    pub(super) fn open(dir: &Path, name: &str) -> Result<(Self, File), EngineError> {
        let path = files::beside(&dir.join(name), "log");
        if fs::metadata(&path).is_ok_and(|meta| meta.len() > KEEP_BYTES) {
            fs::rename(&path, files::beside(&path, "1")).map_err(EngineError::file(&path))?;
        }
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(EngineError::file(&path))?;
        let start = file.metadata().map_err(EngineError::file(&path))?.len();
        Ok((Self { path, start }, file))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Length in bytes; it growing is a sign of life.
    pub(super) fn len(&self) -> u64 {
        fs::metadata(&self.path).map_or(self.start, |meta| meta.len())
    }

    /// The end of what this run has said; empty if it cannot be read.
    pub(super) fn tail(&self) -> String {
        let mut bytes = Vec::new();
        let from = self.start.max(self.len().saturating_sub(TAIL_BYTES));
        let _unread = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(from))?;
            file.read_to_end(&mut bytes)
        });
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last lines that may tell why the engine ended; empty if there are none.
    pub(super) fn last_words(&self) -> String {
        last_words(&self.tail())
    }
}

fn last_words(tail: &str) -> String {
    let lines: Vec<&str> = tail.lines().filter(|line| is_telling(line)).collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    let cut = |line: &&str| line.chars().take(SHOWN_CHARS).collect::<String>();
    shown.iter().map(cut).collect::<Vec<_>>().join("\n")
}

/// mongod says a lot while it shuts down after an error: its lines are JSON with a severity.
/// Whatever is not JSON comes from Redis or the system's loader and counts.
fn is_telling(line: &str) -> bool {
    !line.starts_with("{\"t\"") || line.contains("\"s\":\"E\"") || line.contains("\"s\":\"F\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_picked_from_json_and_plain_lines_kept() {
        let mongod = "{\"t\":1,\"s\":\"E\",\"msg\":\"in use\"}\n{\"t\":2,\"s\":\"I\"}\n";
        assert_eq!(
            last_words(mongod),
            "{\"t\":1,\"s\":\"E\",\"msg\":\"in use\"}"
        );
        assert_eq!(last_words("1\n2\n3\n4\n5\n6\n"), "2\n3\n4\n5\n6");
        assert_eq!(last_words("{\"t\":2,\"s\":\"I\"}"), "");
        assert_eq!(last_words(""), "");
    }
}
