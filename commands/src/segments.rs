//! Commands on segments.

use domain::{Holder, Segment, SegmentCommand, SegmentContent, SegmentError, SegmentId, Subject};

use crate::execute::{Outcome, execute_one};
use crate::kept::current;
use crate::{CommandError, Commands, Context};

/// What became of a command on a segment: an outcome, or a rule's refusal.
pub type SegmentResult = Result<Outcome, SegmentError>;

impl Commands {
    /// A segment as it stands, by its head; `None` if it was never created.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn segment(&self, segment: &SegmentId) -> Result<Option<Segment>, CommandError> {
        current(&self.log, &Subject::Segment(segment.clone())).await
    }

    /// Creates a segment. Created already with the same content, it is
    /// unchanged, whatever became of it since.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn create_segment(
        &self,
        context: &Context,
        segment: SegmentId,
        content: SegmentContent,
    ) -> Result<SegmentResult, CommandError> {
        let command = SegmentCommand::Create(content);
        self.on_segment(context, segment, command).await
    }

    /// Gives a segment other content, whole.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn update_segment(
        &self,
        context: &Context,
        segment: SegmentId,
        content: SegmentContent,
    ) -> Result<SegmentResult, CommandError> {
        let command = SegmentCommand::Update(content);
        self.on_segment(context, segment, command).await
    }

    /// Archives a segment, if nothing that still needs it holds it.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn archive_segment(
        &self,
        context: &Context,
        segment: SegmentId,
    ) -> Result<SegmentResult, CommandError> {
        let archive = || self.on_segment(context, segment.clone(), SegmentCommand::Archive);
        match archive().await? {
            Err(SegmentError::InUse(holders))
                if self.release_idle(context, &segment, &holders).await? =>
            {
                archive().await
            }
            archived => Ok(archived),
        }
    }

    /// Keeps a segment from being archived for as long as `holder` needs it.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn hold_segment(
        &self,
        context: &Context,
        segment: SegmentId,
        holder: Holder,
    ) -> Result<SegmentResult, CommandError> {
        let command = SegmentCommand::Hold(holder);
        self.on_segment(context, segment, command).await
    }

    /// Ends what [`Self::hold_segment`] began.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn release_segment(
        &self,
        context: &Context,
        segment: SegmentId,
        holder: Holder,
    ) -> Result<SegmentResult, CommandError> {
        let command = SegmentCommand::Release(holder);
        self.on_segment(context, segment, command).await
    }

    async fn on_segment(
        &self,
        context: &Context,
        segment: SegmentId,
        command: SegmentCommand,
    ) -> Result<SegmentResult, CommandError> {
        let subject = Subject::Segment(segment);
        execute_one::<Segment>(self, &(), context, subject, command).await
    }
}
