//! Lock that allows one `patron` per data directory.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::process;
use std::time::Duration;

use tokio::time::sleep;

use super::EngineError;

/// Maximum number of attempts to acquire the lock while a probe may have it.
const TRIES: usize = 5;
/// Interval between attempts, far longer than a probe has the lock.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

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
    pub(super) async fn acquire(dir: &Path) -> Result<Self, EngineError> {
        let path = dir.join("lock");
        let mut file = open(&path)?;
        let mut tries = 1;
        loop {
            match granted(dir, &path, file.try_lock()) {
                Err(EngineError::InUse { .. }) if tries < TRIES => sleep(RETRY_INTERVAL).await,
                Err(error) => return Err(error),
                Ok(()) => break,
            }
            tries += 1;
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", process::id()))
            .map_err(EngineError::file(&path))?;
        Ok(Self { _file: file })
    }

    /// Acquires the lock for a moment, to find out whether a process has it. Probes do not exclude
    /// each other.
    ///
    /// # Errors
    /// Returns `InUse` if a process has the lock.
    pub(super) fn probe(dir: &Path) -> Result<Self, EngineError> {
        let path = dir.join("lock");
        let file = open(&path)?;
        granted(dir, &path, file.try_lock_shared())?;
        Ok(Self { _file: file })
    }
}

/// Opens the lock's file. Does not truncate it: while another process has the lock, the file has
/// its pid.
fn open(path: &Path) -> Result<File, EngineError> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(EngineError::file(path))
}

fn granted(dir: &Path, path: &Path, locked: Result<(), TryLockError>) -> Result<(), EngineError> {
    locked.map_err(|error| match error {
        TryLockError::WouldBlock => EngineError::InUse {
            dir: dir.to_owned(),
            pid: fs::read_to_string(path)
                .ok()
                .and_then(|text| text.trim().parse().ok()),
        },
        TryLockError::Error(error) => EngineError::File {
            path: path.to_owned(),
            error,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_error_names_the_pid_of_the_holder() {
        let dir = std::env::temp_dir().join(format!("patron-lock-{}", process::id()));
        fs::create_dir_all(&dir).unwrap();
        let first = DirLock::acquire(&dir).await.unwrap();
        let refused = DirLock::acquire(&dir).await.err().unwrap();
        assert_eq!(
            refused.to_string(),
            format!(
                "another patron (pid {}) is using {}",
                process::id(),
                dir.display()
            )
        );
        drop(first);
        drop(DirLock::acquire(&dir).await.unwrap());
        fs::remove_dir_all(&dir).unwrap();
    }

    #[tokio::test]
    async fn probes_exclude_neither_each_other_nor_a_process_that_starts() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirLock::probe(dir.path()).unwrap();
        drop(DirLock::probe(dir.path()).unwrap());
        let (lock, ()) = tokio::join!(DirLock::acquire(dir.path()), async {
            sleep(RETRY_INTERVAL / 2).await;
            drop(first);
        });
        let lock = lock.unwrap();
        let refused = DirLock::probe(dir.path()).err().unwrap();
        assert!(matches!(refused, EngineError::InUse { pid: Some(_), .. }));
        drop(lock);
    }
}
