//! Plain records: events without a head, since no command is decided on them.

use domain::{
    Acceptance, Assist, AssistanceEvent, Day, Epoch, LogRecord, LoggedEvent, Refusal, RefusalEvent,
    Subject,
};
use eventlog::{Append, Appended, LogError, NewEvent, Position};

use crate::heads::key_of;
use crate::{CommandError, Commands, Context};

impl Commands {
    /// Records that a request was refused at `context.now`.
    ///
    /// # Errors
    /// [`CommandError`]. The record may have been written nevertheless;
    /// repeating the call writes it twice.
    pub async fn record_refusal(
        &self,
        context: &Context,
        refusal: Refusal,
    ) -> Result<Position, CommandError> {
        let subject = Subject::Refusals(Day::from(context.now));
        let record = RefusalEvent::Refused(refusal);
        self.record(context, &subject, &record).await
    }

    /// Records a call for assistance at `context.now`.
    ///
    /// # Errors
    /// As for [`Self::record_refusal`].
    pub async fn record_assistance(
        &self,
        context: &Context,
        assist: Assist,
    ) -> Result<Position, CommandError> {
        let subject = Subject::Assistance(Day::from(context.now));
        let record = AssistanceEvent::Given(Box::new(assist));
        self.record(context, &subject, &record).await
    }

    /// Records that an operator accepted the log and that it has this epoch
    /// from then on.
    ///
    /// # Errors
    /// As for [`Self::record_refusal`].
    pub async fn record_acceptance(
        &self,
        context: &Context,
        epoch: Epoch,
        acceptance: Acceptance,
    ) -> Result<Position, CommandError> {
        let record = LogRecord::Accepted(acceptance);
        self.record(context, &Subject::Log(epoch), &record).await
    }

    async fn record<E: LoggedEvent>(
        &self,
        context: &Context,
        subject: &Subject,
        record: &E,
    ) -> Result<Position, CommandError> {
        let key = key_of(&self.log, subject);
        let partition = key.partition;
        let append = Append {
            key,
            head: None,
            events: vec![NewEvent {
                tag: record.tag(),
                data: record.data(),
            }],
        };
        let appended = self.log.append(partition, context.metadata(), vec![append]);
        match appended.await?.pop() {
            Some(Appended::At(position)) => Ok(position),
            // An append without a head cannot conflict.
            Some(Appended::Conflict { .. }) | None => Err(LogError::Aborted.into()),
        }
    }
}
