//! Commands on views.

use domain::{Subject, View, ViewCommand, ViewName};

use crate::execute::{Outcome, execute_one};
use crate::{CommandError, Commands, Context};

impl Commands {
    /// Requests that a view be rebuilt from the log. The workers do it.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn request_rebuild(
        &self,
        context: &Context,
        view: ViewName,
    ) -> Result<Outcome, CommandError> {
        self.execute_on_view(context, view, ViewCommand::RequestRebuild)
            .await
    }

    /// Records that a view is rolled back to its previous generation. The
    /// caller performs the rollback.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn request_rollback(
        &self,
        context: &Context,
        view: ViewName,
    ) -> Result<Outcome, CommandError> {
        self.execute_on_view(context, view, ViewCommand::RequestRollback)
            .await
    }

    async fn execute_on_view(
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
