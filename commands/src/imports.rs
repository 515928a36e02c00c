//! Commands on imports.

use domain::{Import, ImportError, ImportId, Subject};

use crate::heads::current;
use crate::run::Outcome;
use crate::{CommandError, Commands};

/// Result of a command on an import: an outcome, or a rejection by a rule.
pub type ImportResult = Result<Outcome, ImportError>;

impl Commands {
    /// Returns the current state of an import from its head; `None` if no file
    /// was ever uploaded under this id.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn import(&self, import: &ImportId) -> Result<Option<Import>, CommandError> {
        current(&self.log, &Subject::Import(import.clone())).await
    }
}
