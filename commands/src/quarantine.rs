//! Commands on quarantined events: events that views cannot fold.

use domain::{LogPosition, Quarantine, QuarantineCommand, Subject};

use crate::execute::{Outcome, execute_one};
use crate::{CommandError, Commands, Context};

impl Commands {
    /// Records an operator's decision about an event that views cannot fold, in
    /// the event's own partition. The owner of the partition carries it out.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn decide_on_event(
        &self,
        context: &Context,
        event: LogPosition,
        command: QuarantineCommand,
    ) -> Result<Outcome, CommandError> {
        let subject = Subject::Quarantine(event);
        match execute_one::<Quarantine>(self, &(), context, subject, command).await? {
            Ok(outcome) => Ok(outcome),
            Err(never) => match never {},
        }
    }
}
