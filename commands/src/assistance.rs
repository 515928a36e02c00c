//! What is recorded of assistance.

use domain::{Assist, Assistance, Day, Subject};

use crate::execute::{Outcome, execute_one};
use crate::{CommandError, Commands, Context};

impl Commands {
    /// Records that somebody was assisted, now.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn record_assistance(
        &self,
        context: &Context,
        assist: Assist,
    ) -> Result<Outcome, CommandError> {
        let subject = Subject::Assistance(Day::from(context.now));
        match execute_one::<Assistance>(&self.log, &(), context, subject, assist).await? {
            Ok(outcome) => Ok(outcome),
            Err(never) => match never {},
        }
    }
}
