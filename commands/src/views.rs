//! Commands on read models.

use domain::{RequestRebuild, Subject, View, ViewName};

use crate::execute::{Outcome, execute};
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
        let subject = Subject::View(view);
        let name = subject.to_string();
        let commands = vec![(subject, RequestRebuild)];
        let mut results = execute::<View>(&self.log, &(), context, commands).await?;
        match results.pop() {
            Some(Ok(outcome)) => Ok(outcome),
            Some(Err(never)) => match never {},
            None => Err(CommandError::Contended(name)),
        }
    }
}
