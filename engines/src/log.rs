//! Log files of engines, and the lines of them that errors quote.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{EngineError, files};

/// Size in bytes beyond which a log is rotated at the next start. One older log is kept.
const ROTATE_BYTES: u64 = 16 << 20;
/// Maximum length of a log's end that is read, in bytes.
const TAIL_BYTES: u64 = 64 << 10;
/// Maximum number of lines that an error quotes.
const SHOWN_LINES: usize = 5;
/// Maximum length of a quoted line, in characters.
const SHOWN_CHARS: usize = 400;

/// Log file of one engine, and the offset at which the current run begins.
pub(super) struct EngineLog {
    path: PathBuf,
    start: u64,
}

impl EngineLog {
    /// Opens `<dir>/<name>.log` for appending.
    pub(super) fn open(dir: &Path, name: &str) -> Result<(Self, File), EngineError> {
        let path = files::with_added_extension(&dir.join(name), "log");
        if fs::metadata(&path).is_ok_and(|meta| meta.len() > ROTATE_BYTES) {
            let rotated = files::with_added_extension(&path, "1");
            fs::rename(&path, rotated).map_err(EngineError::file(&path))?;
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

    /// Returns the file's length in bytes. While it grows, the engine makes progress.
    pub(super) fn len(&self) -> u64 {
        fs::metadata(&self.path).map_or(self.start, |meta| meta.len())
    }

    /// Returns the end of the current run's log; empty if it cannot be read.
    pub(super) fn tail(&self) -> String {
        let mut bytes = Vec::new();
        let from = self.start.max(self.len().saturating_sub(TAIL_BYTES));
        let _unread = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(from))?;
            file.read_to_end(&mut bytes)
        });
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns the last lines that may give the reason why the engine ended; empty if there are
    /// none.
    pub(super) fn last_relevant_lines(&self) -> String {
        last_relevant_lines(&self.tail())
    }
}

fn last_relevant_lines(tail: &str) -> String {
    // mongod logs JSON with a severity, and many lines while it shuts down after an error, so only
    // errors (`E`) and fatal errors (`F`) count. All other lines are from Redis or the system's
    // loader, and all of them count.
    let is_relevant = |line: &&str| {
        !line.starts_with("{\"t\"") || line.contains("\"s\":\"E\"") || line.contains("\"s\":\"F\"")
    };
    let lines: Vec<&str> = tail.lines().filter(is_relevant).collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    let cut = |line: &&str| line.chars().take(SHOWN_CHARS).collect::<String>();
    shown.iter().map(cut).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_in_json_and_plain_lines_are_relevant() {
        let mongod = "{\"t\":1,\"s\":\"E\",\"msg\":\"in use\"}\n{\"t\":2,\"s\":\"I\"}\n";
        assert_eq!(
            last_relevant_lines(mongod),
            "{\"t\":1,\"s\":\"E\",\"msg\":\"in use\"}"
        );
        assert_eq!(last_relevant_lines("1\n2\n3\n4\n5\n6\n"), "2\n3\n4\n5\n6");
        assert_eq!(last_relevant_lines("{\"t\":2,\"s\":\"I\"}"), "");
        assert_eq!(last_relevant_lines(""), "");
    }
}
