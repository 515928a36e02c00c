//! Commands on read models.

use domain::{Subject, View, ViewCommand, ViewName};

use crate::execute::{Outcome, execute_one};
use crate::{CommandError, Commands, Context};

impl Commands {
    /// Asks for a view to be folded anew from the log. The workers do it.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn request_rebuild(
        &self,
        context: &Context,
        view: ViewName,
    ) -> Result<Outcome, CommandError> {
        self.ask(context, view, ViewCommand::RequestRebuild).await
    }

    /// Says that a view is to go back to its generation before. Whoever says
    /// so does it.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn request_rollback(
        &self,
        context: &Context,
        view: ViewName,
    ) -> Result<Outcome, CommandError> {
        self.ask(context, view, ViewCommand::RequestRollback).await
    }

    async fn ask(
        &self,
        context: &Context,
        view: ViewName,
        command: ViewCommand,
    ) -> Result<Outcome, CommandError> {
        let subject = Subject::View(view);
        match execute_one::<View>(self, &(), context, subject, command).await? {
            Ok(outcome) => Ok(outcome),
            Err(never) => match never {},
        }
    }
}
