//! Private files and folders, on disk on return.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Returns true if a file or folder exists and was not written for this long.
pub(super) fn is_older(path: &Path, age: Duration) -> bool {
    let modified = fs::metadata(path).and_then(|file| file.modified());
    modified.is_ok_and(|at| SystemTime::now().duration_since(at).unwrap_or_default() >= age)
}

pub(super) fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

pub(super) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

pub(super) fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut file = private_file().truncate(true).open(path)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    file.sync_all()
}

pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
