//! Commands on segments.

use domain::{Holder, Segment, SegmentCommand, SegmentContent, SegmentError, SegmentId, Subject};

use crate::execute::{Outcome, execute_one};
use crate::kept::current;
use crate::{CommandError, Commands, Context};

/// Result of a command on a segment: an outcome, or a rejection by a rule.
pub type SegmentResult = Result<Outcome, SegmentError>;

impl Commands {
    /// Returns the current state of a segment from its head; `None` if it was
    /// never created.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn segment(&self, segment: &SegmentId) -> Result<Option<Segment>, CommandError> {
        current(&self.log, &Subject::Segment(segment.clone())).await
    }

    /// Creates a segment. If it was created with the same content before, it is
    /// unchanged, even if it has changed since.
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
        self.execute_on_segment(context, segment, command).await
    }

    /// Replaces the whole content of a segment.
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
        self.execute_on_segment(context, segment, command).await
    }

    /// Archives a segment, unless a holder still needs it.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn archive_segment(
        &self,
        context: &Context,
        segment: SegmentId,
    ) -> Result<SegmentResult, CommandError> {
        let archive = || self.execute_on_segment(context, segment.clone(), SegmentCommand::Archive);
        match archive().await? {
            Err(SegmentError::InUse(holders))
                if self.release_unneeded(context, &segment, &holders).await? =>
            {
                archive().await
            }
            archived => Ok(archived),
        }
    }

    /// Prevents a segment from being archived while `holder` needs it.
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
        self.execute_on_segment(context, segment, command).await
    }

    /// Releases the hold that [`Self::hold_segment`] made.
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
        self.execute_on_segment(context, segment, command).await
    }

    async fn execute_on_segment(
        &self,
        context: &Context,
        segment: SegmentId,
        command: SegmentCommand,
    ) -> Result<SegmentResult, CommandError> {
        let subject = Subject::Segment(segment);
        execute_one::<Segment>(self, &(), context, subject, command).await
    }
}
