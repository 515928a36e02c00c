//! Repair of an append-only file whose last write was interrupted.
//!
//! With `appendfsync always`, Redis answers only after its write is on disk, so a write that a
//! crash cut short was never acknowledged. Redis does not start on such a file
//! (`aof-load-truncated no`), because it cannot distinguish this case from other damage. The
//! repair removes nothing but an incomplete *last* command or transaction, and keeps a copy of
//! it.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::UNIX_EPOCH;

use tokio::process::Command;

use self::tail::TailVerdict;
use super::EngineError;

mod tail;

/// Directory of the append-only files of Redis 7 and newer.
pub(super) const DIRECTORY: &str = "appendonlydir";
const MANIFEST: &str = "appendonly.aof.manifest";
/// Name of the single append-only file of older versions.
const SINGLE: &str = "appendonly.aof";
/// Maximum number of bytes to cut off. One write of Redis is always smaller than this.
const MAX_CUT: u64 = 64 << 20;

/// Size of a file, and the length of its intact beginning, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    size: u64,
    whole: u64,
}

/// Cuts the incomplete end off the append-only file in Redis's data directory. No server may be
/// using the directory. Returns false if nothing had to be cut off.
///
/// # Errors
/// Returns `LogDamaged`, and changes nothing, if the damage is of another kind.
pub(super) async fn repair(redis_server: &Path, data: &Path) -> Result<bool, EngineError> {
    let Some(file) = last_file(data) else {
        return Ok(false);
    };
    tracing::info!("Redis does not start: checking {}", file.display());
    let Some(extent) = check(redis_server, &file).await? else {
        return Ok(false);
    };
    let refused = |reason: &str| EngineError::LogDamaged {
        file: file.clone(),
        at: extent.whole,
        size: extent.size,
        reason: reason.to_owned(),
    };
    let cut = extent.size - extent.whole;
    if cut > MAX_CUT {
        return Err(refused(&format!(
            "{cut} bytes would be removed, more than one write can have"
        )));
    }
    let bytes = read_from(&file, extent.whole).map_err(EngineError::file(&file))?;
    match tail::classify(&bytes) {
        TailVerdict::Interrupted => {}
        TailVerdict::Damaged(reason) => return Err(refused(reason)),
    }
    // The time makes the name unique if a file is damaged at the same offset again.
    let milliseconds = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis());
    let copy = data.join(format!("removed-{milliseconds}-at-{}.aof", extent.whole));
    cut_off(&file, extent.whole, &bytes, &copy).map_err(EngineError::file(&file))?;
    tracing::warn!(
        "Redis was killed during a write: removed {cut} bytes of an incomplete last write, which \
         was never acknowledged, from {}; they are kept in {}",
        file.display(),
        copy.display()
    );
    Ok(true)
}

/// Returns the file that Redis appends to: the single one, or the last in the manifest. `None` if
/// it is missing or empty.
fn last_file(data: &Path) -> Option<PathBuf> {
    let dir = data.join(DIRECTORY);
    let file = match fs::read_to_string(dir.join(MANIFEST)) {
        Ok(manifest) => dir.join(last_in_manifest(&manifest)?),
        Err(_) => data.join(SINGLE),
    };
    let has_content = fs::metadata(&file).is_ok_and(|meta| meta.len() > 0);
    has_content.then_some(file)
}

/// Returns the name in the last line like `file appendonly.aof.1.incr.aof seq 1 type i`. Type `h`
/// marks files that are no longer used.
fn last_in_manifest(manifest: &str) -> Option<&str> {
    manifest
        .lines()
        .rev()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find_map(|words| match words.as_slice() {
            ["file", name, "seq", _, "type", "b" | "i", ..] => Some(*name),
            _ => None,
        })
}

/// Checks the file with Redis's own checker. Returns `None` if it finds no damage.
///
/// `redis-check-aof` is the server program run under another name, so no second program is
/// needed.
async fn check(redis_server: &Path, file: &Path) -> Result<Option<Extent>, EngineError> {
    let is_valkey = redis_server
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("valkey"));
    let output = Command::new(redis_server)
        .arg0(if is_valkey {
            "valkey-check-aof"
        } else {
            "redis-check-aof"
        })
        .arg(file)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(EngineError::file(redis_server))?;
    let report = String::from_utf8_lossy(&output.stdout);
    match extent(&report) {
        Some(extent) if extent.whole >= extent.size => Ok(None),
        Some(extent) => Ok(Some(extent)),
        None => Err(check_failed(file, &output)),
    }
}

/// Returns the error for a check that ended before it read commands, for example because of a
/// broken RDB preamble.
fn check_failed(file: &Path, output: &Output) -> EngineError {
    let report = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let report = String::from_utf8_lossy(&report);
    EngineError::LogDamaged {
        file: file.to_owned(),
        at: 0,
        size: fs::metadata(file).map_or(0, |meta| meta.len()),
        reason: format!(
            "its check ended with {} and printed `{}`",
            output.status,
            report.lines().last().unwrap_or_default()
        ),
    }
}

/// Parses `AOF analyzed: size=301, ok_up_to=251, ok_up_to_line=40, diff=50`. Newer versions put
/// `filename=…` first.
fn extent(report: &str) -> Option<Extent> {
    let line = report
        .lines()
        .find(|line| line.starts_with("AOF analyzed:"))?;
    let number = |name: &str| {
        line.split([' ', ','])
            .find_map(|word| word.strip_prefix(name)?.parse().ok())
    };
    Some(Extent {
        size: number("size=")?,
        whole: number("ok_up_to=")?,
    })
}

fn read_from(file: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Copies the removed bytes, then truncates the file.
fn cut_off(file: &Path, whole: u64, removed: &[u8], copy: &Path) -> io::Result<()> {
    // The copy, and its name in the directory, must be on disk before the original is cut: a
    // crash in between must lose neither.
    let mut kept = File::create_new(copy)?;
    kept.write_all(removed)?;
    kept.sync_all()?;
    if let Some(dir) = copy.parent() {
        File::open(dir)?.sync_all()?;
    }
    let file = File::options().write(true).open(file)?;
    file.set_len(whole)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extent_is_read_from_old_and_new_redis() {
        let expected = Some(Extent {
            size: 301,
            whole: 251,
        });
        let old = "0x             115: Expected to read 31 bytes, got 24 bytes\n\
                   AOF analyzed: size=301, ok_up_to=251, ok_up_to_line=40, diff=50\n";
        assert_eq!(extent(old), expected);
        let new = "Start checking Old-Style AOF\n\
                   AOF analyzed: filename=a.aof, size=301, ok_up_to=251, ok_up_to_line=40, diff=50";
        assert_eq!(extent(new), expected);
        assert_eq!(extent("RDB preamble of AOF file is not sane"), None);
    }

    #[test]
    fn last_file_of_the_manifest_is_appended_to() {
        let manifest = "file appendonly.aof.2.base.rdb seq 2 type b\n\
                        file appendonly.aof.1.incr.aof seq 1 type h\n\
                        file appendonly.aof.2.incr.aof seq 2 type i\n";
        assert_eq!(
            last_in_manifest(manifest),
            Some("appendonly.aof.2.incr.aof")
        );
        assert_eq!(last_in_manifest(""), None);
    }
}
