//! Error that kept a vendor from starting, or stopped it.

use std::io;
use std::path::{Path, PathBuf};

/// Error that kept a vendor from starting, or stopped it.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// The ledger cannot be read or written.
    #[error("ledger {path}: {source}", path = path.display())]
    Ledger {
        /// Path of the ledger.
        path: PathBuf,
        /// Error of the system call.
        source: io::Error,
    },
    /// The ledger has a complete line that is invalid.
    #[error("ledger {path}, line {line}: {detail}", path = path.display())]
    LedgerBroken {
        /// Path of the ledger's file.
        path: PathBuf,
        /// Number of the line, starting at 1.
        line: u64,
        /// Description of the error.
        detail: String,
    },
    /// Another vendor has the ledger open.
    #[error("ledger {path} is in use by another vendor", path = .0.display())]
    LedgerInUse(PathBuf),
    /// The client that posts receipts cannot be set up.
    #[error("HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// The listener failed.
    #[error("listener: {0}")]
    Listener(io::Error),
}

impl VendorError {
    pub(crate) fn ledger(path: &Path, source: io::Error) -> Self {
        Self::Ledger {
            path: path.to_owned(),
            source,
        }
    }
}
