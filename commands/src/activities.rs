//! Commands on activity.

use domain::{
    Activity, ActivityContent, ActivityError, ActivityId, CustomerId, RecordActivity, Subject,
};

use crate::execute::{Outcome, execute};
use crate::{CommandError, Commands, Context};

/// One activity as the shop has it.
#[derive(Debug, Clone)]
pub struct ActivityItem {
    /// Whose.
    pub customer: CustomerId,
    /// Which of theirs.
    pub activity: ActivityId,
    /// What it says.
    pub content: ActivityContent,
}

impl Commands {
    /// Records activity, or updates its record.
    ///
    /// # Errors
    /// [`CommandError`]; repeating all of it is safe.
    pub async fn record_activities(
        &self,
        context: &Context,
        items: Vec<ActivityItem>,
    ) -> Result<Vec<Result<Outcome, ActivityError>>, CommandError> {
        let commands = items.into_iter().map(|item| {
            let subject = Subject::Activity(item.customer, item.activity);
            (subject, RecordActivity(item.content))
        });
        execute::<Activity>(self, &(), context, commands.collect()).await
    }
}
