//! Lock that allows one `patron` per data directory.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::process;

use super::EngineError;

/// Lock on a data directory. It is released when dropped, and by the system when the process
/// dies, so a crash leaves no stale lock.
pub(super) struct DirLock {
    _file: File,
}

impl DirLock {
    /// Acquires the lock and writes this process's pid to its file.
    ///
    /// # Errors
    /// Returns `InUse` if another process has the lock.
    pub(super) fn acquire(dir: &Path) -> Result<Self, EngineError> {
        let path = dir.join("lock");
        // Not truncated on open: until this process has the lock, the file has the other's pid.
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
                    pid: fs::read_to_string(&path)
                        .ok()
                        .and_then(|text| text.trim().parse().ok()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_pid_of_the_holder() {
        let dir = std::env::temp_dir().join(format!("patron-lock-{}", process::id()));
        fs::create_dir_all(&dir).unwrap();
        let first = DirLock::acquire(&dir).unwrap();
        let refused = DirLock::acquire(&dir).err().unwrap();
        assert_eq!(
            refused.to_string(),
            format!(
                "another patron (pid {}) is using {}",
                process::id(),
                dir.display()
            )
        );
        drop(first);
        drop(DirLock::acquire(&dir).unwrap());
        fs::remove_dir_all(&dir).unwrap();
    }
}
