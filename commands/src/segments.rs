//! Commands on segments.

use domain::{Segment, SegmentCommand, SegmentError, SegmentId, Subject};

use crate::heads::current;
use crate::run::Outcome;
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

    /// Archives a segment, unless a holder still needs it.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn archive_segment(
        &self,
        context: &Context,
        segment: SegmentId,
    ) -> Result<SegmentResult, CommandError> {
        let archive = || self.execute(context, segment.clone(), SegmentCommand::Archive);
        match archive().await? {
            Err(SegmentError::InUse(holders))
                if self.release_unneeded(context, &segment, &holders).await? =>
            {
                archive().await
            }
            archived => Ok(archived),
        }
    }
}
