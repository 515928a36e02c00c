//! Commands on imports.

use domain::{Import, ImportCommand, ImportError, ImportId, ImportPlan, Subject};
use eventlog::Position;

use crate::heads::{key_of, load_one};
use crate::run::Outcome;
use crate::{CommandError, Commands, IdempotencyKey};

/// Result of a command on an import: an outcome, or a rejection by a rule.
pub type ImportResult = Result<Outcome, ImportError>;

/// Returns the command that starts a run. With a `key` the same start can be repeated.
pub fn start_import(plan: ImportPlan, key: Option<&IdempotencyKey>) -> ImportCommand {
    ImportCommand::Start {
        plan: Box::new(plan),
        key: key.map(IdempotencyKey::digest),
    }
}

impl Commands {
    /// Returns the current state of an import from its head, and the position of its
    /// last event; `None` if no file was ever uploaded under this id.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn import(
        &self,
        import: &ImportId,
    ) -> Result<Option<(Import, Position)>, CommandError> {
        let key = key_of(&self.log, &Subject::Import(import.clone()));
        let loaded = load_one::<Import>(&self.log, &key).await?;
        let position = loaded.position(&key);
        Ok((loaded.version > 0).then_some((loaded.aggregate, position)))
    }
}
