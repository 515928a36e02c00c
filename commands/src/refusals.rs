//! What is recorded of refused requests.

use domain::{Day, Refusal, Refusals, Subject};

use crate::execute::{Outcome, execute_one};
use crate::{CommandError, Commands, Context};

impl Commands {
    /// Records that a request was refused, now.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn record_refusal(
        &self,
        context: &Context,
        refusal: Refusal,
    ) -> Result<Outcome, CommandError> {
        let subject = Subject::Refusals(Day::from(context.now));
        match execute_one::<Refusals>(&self.log, &(), context, subject, refusal).await? {
            Ok(outcome) => Ok(outcome),
            Err(never) => match never {},
        }
    }
}
