//! Secrets in a data directory, generated at its first start.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::ensure;
use uuid::Uuid;

/// Minimum length of a bootstrap key, in bytes.
const MIN_LEN: usize = 16;

/// Returns the bootstrap key of an option, trimmed; `None` if it is unset or empty.
///
/// # Errors
/// Returns an error if the key is so short that it could be guessed.
pub(crate) fn from_option(key: Option<&String>) -> anyhow::Result<Option<String>> {
    let key = key.map(|key| key.trim()).filter(|key| !key.is_empty());
    ensure!(
        key.is_none_or(|key| key.len() >= MIN_LEN),
        "the bootstrap key must have at least {MIN_LEN} characters"
    );
    Ok(key.map(str::to_owned))
}

/// Returns the admin's API key. It stays the same across restarts, so clients keep working.
///
/// # Errors
/// Returns an error if the key's file can be neither read nor written.
pub(crate) fn bootstrap_key(dir: &Path) -> io::Result<String> {
    read_or_generate(&dir.join("bootstrap-key"), "pk_")
}

/// Returns the secret that signs the simulated vendor's receipts.
///
/// # Errors
/// Returns an error if the secret's file can be neither read nor written.
pub(crate) fn vendor_secret(dir: &Path) -> io::Result<String> {
    read_or_generate(&dir.join("vendor-secret"), "whsec_")
}

/// Returns the key that signs sessions. It stays the same across restarts, so sessions stay valid.
///
/// # Errors
/// Returns an error if the key's file can be neither read nor written.
pub(crate) fn session_key(dir: &Path) -> io::Result<String> {
    read_or_generate(&dir.join("session-key"), "")
}

/// Returns the key from which the ids of addresses are derived. It never changes: with another key,
/// nobody who unsubscribed would be found.
///
/// # Errors
/// Returns an error if the key's file can be neither read nor written.
pub(crate) fn address_key(dir: &Path) -> io::Result<String> {
    read_or_generate(&dir.join("address-key"), "")
}

fn read_or_generate(path: &Path, prefix: &str) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(secret) if !secret.trim().is_empty() => return Ok(secret.trim().to_owned()),
        // An empty file is left by a crash between its creation and its write.
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // 244 random bits as 64 hexadecimal digits, which are valid base64 too.
    let random = || Uuid::new_v4().simple();
    let secret = format!("{prefix}{}{}", random(), random());
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
