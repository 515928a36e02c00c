//! Repairing an append-only file whose last write was interrupted.
//!
//! With `appendfsync always` Redis answers only after what it wrote is on disk, so the rest of
//! a write that a crash cut short was never acknowledged to anybody. Redis itself will not
//! start on such a file (`aof-load-truncated no`), because it cannot tell this from other
//! damage. Here only an incomplete *last* command or transaction is ever removed, and a copy
//! of it is kept.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::UNIX_EPOCH;

use tokio::process::Command;

use self::tail::Verdict;
use super::EngineError;

mod tail;

/// Where Redis 7 and newer keep their append-only files.
pub(super) const DIRECTORY: &str = "appendonlydir";
const MANIFEST: &str = "appendonly.aof.manifest";
/// Where older ones keep the only one.
const SINGLE: &str = "appendonly.aof";
/// More than one write can hold, whatever was in flight.
const MOST_CUT: u64 = 64 << 20;

/// How far a file is whole, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    size: u64,
    whole: u64,
}

/// Cuts the incomplete end off the append-only file in Redis's data directory, which no server
/// may be using. Returns false if there is none, an error if the damage is of another kind.
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
    if cut > MOST_CUT {
        return Err(refused(&format!(
            "{cut} bytes would be lost, more than one write holds"
        )));
    }
    let bytes = read_from(&file, extent.whole).map_err(EngineError::file(&file))?;
    match tail::judge(&bytes) {
        Verdict::Interrupted => {}
        Verdict::Damaged(reason) => return Err(refused(reason)),
    }
    let copy = data.join(format!(
        "removed-{}-at-{}.aof",
        milliseconds(),
        extent.whole
    ));
    cut_off(&file, extent.whole, &bytes, &copy).map_err(EngineError::file(&file))?;
    tracing::warn!(
        "Redis was killed while it wrote: {cut} bytes of an incomplete, never acknowledged last \
         write are cut off {} and kept in {}",
        file.display(),
        copy.display()
    );
    Ok(true)
}

/// The file that Redis appends to: the single one, or the last of the manifest.
fn last_file(data: &Path) -> Option<PathBuf> {
    let dir = data.join(DIRECTORY);
    let file = match fs::read_to_string(dir.join(MANIFEST)) {
        Ok(manifest) => dir.join(last_in_manifest(&manifest)?),
        Err(_) => data.join(SINGLE),
    };
    let has_content = fs::metadata(&file).is_ok_and(|meta| meta.len() > 0);
    has_content.then_some(file)
}

/// From lines like `file appendonly.aof.1.incr.aof seq 1 type i`; `h` marks files of the past.
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

/// Lets Redis itself look through the file; none if it finds nothing wrong.
///
/// `redis-check-aof` is the server program under another name, and so needs no file of its own.
async fn check(redis_server: &Path, file: &Path) -> Result<Option<Extent>, EngineError> {
    let valkey = redis_server
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("valkey"));
    let output = Command::new(redis_server)
        .arg0(if valkey {
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
    let said = String::from_utf8_lossy(&output.stdout);
    match extent(&said) {
        Some(extent) if extent.whole >= extent.size => Ok(None),
        Some(extent) => Ok(Some(extent)),
        None => Err(unchecked(file, &output)),
    }
}

/// The check did not get as far as the commands, for example because of a broken RDB preamble.
fn unchecked(file: &Path, output: &Output) -> EngineError {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let said = String::from_utf8_lossy(&said);
    EngineError::LogDamaged {
        file: file.to_owned(),
        at: 0,
        size: fs::metadata(file).map_or(0, |meta| meta.len()),
        reason: format!(
            "its check ended with {} and said `{}`",
            output.status,
            said.lines().last().unwrap_or_default()
        ),
    }
}

/// From `AOF analyzed: size=301, ok_up_to=251, ok_up_to_line=40, diff=50`, which newer ones
/// begin with `filename=…`.
fn extent(said: &str) -> Option<Extent> {
    let line = said
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

/// Tells one repair from another, should it happen at the same place again.
fn milliseconds() -> u128 {
    UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis())
}

/// The copy is on disk before the original is cut.
fn cut_off(file: &Path, whole: u64, removed: &[u8], copy: &Path) -> io::Result<()> {
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
