//! Commands on activities.

use domain::{
    Activity, ActivityCommand, ActivityContent, ActivityError, ActivityId, CustomerId, Subject,
};

use crate::execute::execute_batch;
use crate::heads::load_all;
use crate::run::Outcome;
use crate::{CommandError, Commands, Context};

/// Activity of a customer, with its whole content, as the shop sent it.
#[derive(Debug, Clone)]
pub struct ActivityRecord {
    /// Customer who did it.
    pub customer: CustomerId,
    /// Id of the activity, unique within the customer.
    pub activity: ActivityId,
    /// Content of the activity.
    pub content: ActivityContent,
}

impl Commands {
    /// Records activities, or updates those that are recorded already.
    ///
    /// # Errors
    /// [`CommandError`]; repeating the whole batch is safe.
    pub async fn record_activities(
        &self,
        context: &Context,
        items: Vec<ActivityRecord>,
    ) -> Result<Vec<Result<Outcome, ActivityError>>, CommandError> {
        let commands = items.into_iter().map(|item| {
            let subject = Subject::Activity(item.customer, item.activity);
            (subject, ActivityCommand::Record(item.content))
        });
        execute_batch::<Activity>(self, &(), context, commands.collect()).await
    }

    /// Returns the current state of activities, in the given order.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn activities(
        &self,
        ids: Vec<(CustomerId, ActivityId)>,
    ) -> Result<Vec<Activity>, CommandError> {
        let subjects = ids
            .into_iter()
            .map(|(customer, activity)| Subject::Activity(customer, activity));
        let loaded = load_all::<Activity>(&self.log, subjects).await?;
        Ok(loaded.into_iter().map(|loaded| loaded.aggregate).collect())
    }
}
