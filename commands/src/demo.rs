//! Commands of the load of the demo shop.

use domain::{
    AudienceSize, Campaign, CampaignCommand, CampaignContent, CampaignId, Demo, DemoCommand,
    DemoError, Launch, Subject,
};
use eventlog::LogError;

use crate::campaigns::CampaignResult;
use crate::execute::{execute_batch, execute_one};
use crate::heads::{current, key_of};
use crate::run::Outcome;
use crate::{CampaignRefusal, CommandError, Commands, Context};

/// Result of a command on the demo: an outcome, or a rejection by a rule.
pub type DemoResult = Result<Outcome, DemoError>;

/// A campaign that has ended, as the demo records it.
#[derive(Debug, Clone)]
pub struct FinishedCampaign {
    /// Id of the campaign.
    pub campaign: CampaignId,
    /// Content of the campaign.
    pub content: CampaignContent,
    /// Data that its launch fixed.
    pub launch: Launch,
    /// Size of its audience.
    pub size: AudienceSize,
}

impl Commands {
    /// Returns the state of the demo's load from its head; `None` if it was
    /// never started.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn demo(&self) -> Result<Option<Demo>, CommandError> {
        current(&self.log, &Subject::Demo).await
    }

    /// Removes the whole log. The head of the demo's load is removed after all
    /// others, so that an interrupted removal can be repeated.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer; repeating is safe.
    pub async fn remove_log(&self) -> Result<(), LogError> {
        self.log.remove(&key_of(&self.log, &Subject::Demo)).await
    }

    /// Executes a command on the demo's load.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn execute_on_demo(
        &self,
        context: &Context,
        command: DemoCommand,
    ) -> Result<DemoResult, CommandError> {
        execute_one::<Demo>(self, context, Subject::Demo, command).await
    }

    /// Records a campaign from its creation to its end in one append. No reader
    /// of its head ever finds it launched and not completed, so no worker
    /// resolves its audience or sends its messages.
    ///
    /// All its messages must be recorded before, and must have ended.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn record_finished_campaign(
        &self,
        context: &Context,
        finished: FinishedCampaign,
    ) -> Result<CampaignResult, CommandError> {
        let subject = Subject::Campaign(finished.campaign.clone());
        if self.campaign(&finished.campaign).await?.is_some() {
            // A repeated call: the first one recorded everything.
            let command = CampaignCommand::Create(finished.content);
            let done = execute_one::<Campaign>(self, context, subject, command).await?;
            return Ok(done.map_err(CampaignRefusal::from));
        }
        let FinishedCampaign {
            campaign,
            content,
            launch,
            size,
        } = finished;
        let commands = [
            CampaignCommand::CreateAndLaunch(content, Box::new(launch)),
            CampaignCommand::RecordAudience(size, Vec::new()),
            CampaignCommand::Complete,
        ];
        let commands = commands.map(|command| (subject.clone(), command));
        let mut results = execute_batch::<Campaign>(self, &(), context, commands.into()).await?;
        // The last result is that of the completion; a rejected creation also
        // rejects it.
        let contended = CommandError::Contended(campaign.to_string());
        let done = results.pop().ok_or(contended)?;
        Ok(done.map_err(CampaignRefusal::from))
    }
}
