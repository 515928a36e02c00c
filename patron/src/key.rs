//! Secrets that a data directory keeps, made at its first start.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::ensure;
use uuid::Uuid;

/// The shortest key taken, in bytes.
const MIN_LEN: usize = 16;

/// The admin's API key as an option gives it; an empty one means that none is.
///
/// # Errors
/// For one that could be guessed.
pub(crate) fn given(key: Option<&String>) -> anyhow::Result<Option<String>> {
    let key = key.map(|key| key.trim()).filter(|key| !key.is_empty());
    ensure!(
        key.is_none_or(|key| key.len() >= MIN_LEN),
        "the bootstrap key must have at least {MIN_LEN} characters"
    );
    Ok(key.map(str::to_owned))
}

/// The admin's API key: clients go on working after a restart.
///
/// # Errors
/// If its file can be neither read nor written.
pub(crate) fn bootstrap_key(dir: &Path) -> io::Result<String> {
    kept(&dir.join("bootstrap-key"), "pk_")
}

/// The secret that signs the simulated vendor's receipts.
///
/// # Errors
/// If its file can be neither read nor written.
pub(crate) fn vendor_secret(dir: &Path) -> io::Result<String> {
    kept(&dir.join("vendor-secret"), "whsec_")
}

/// The key that sessions are signed with: they outlast a restart.
///
/// # Errors
/// If its file can be neither read nor written.
pub(crate) fn session_key(dir: &Path) -> io::Result<String> {
    kept(&dir.join("session-key"), "")
}

fn kept(path: &Path, prefix: &str) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(secret) if !secret.trim().is_empty() => return Ok(secret.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let secret = generate(prefix);
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    Ok(secret)
}

/// 244 random bits in 64 hexadecimal digits, which are base64 as well.
fn generate(prefix: &str) -> String {
    let random = || Uuid::new_v4().simple();
    format!("{prefix}{}{}", random(), random())
}
