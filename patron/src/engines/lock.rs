//! One `patron` per data directory.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::process;

use super::EngineError;

/// The lock on a data directory; released when dropped, and by the system when the process
/// dies, so that nothing is left to clean up.
pub(super) struct DirLock {
    _file: File,
}

impl DirLock {
    /// Takes the lock and writes this process's pid into it.
    pub(super) fn take(dir: &Path) -> Result<Self, EngineError> {
        let path = dir.join("lock");
        // Not truncated on opening: until the lock is ours it holds the holder's pid.
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(EngineError::file(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(EngineError::InUse {
                    dir: dir.to_owned(),
                    pid: holder(&path),
                });
            }
            Err(TryLockError::Error(error)) => return Err(EngineError::File { path, error }),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", process::id()))
            .map_err(EngineError::file(&path))?;
        Ok(Self { _file: file })
    }
}

fn holder(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_holder_is_told_the_first() {
        let dir = std::env::temp_dir().join(format!("patron-lock-{}", process::id()));
        fs::create_dir_all(&dir).unwrap();
        let first = DirLock::take(&dir).unwrap();
        let refused = DirLock::take(&dir).err().unwrap();
        assert_eq!(
            refused.to_string(),
            format!(
                "another patron (pid {}) is using {}",
                process::id(),
                dir.display()
            )
        );
        drop(first);
        drop(DirLock::take(&dir).unwrap());
        fs::remove_dir_all(&dir).unwrap();
    }
}
