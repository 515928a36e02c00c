//! Commands on campaigns.

use domain::rules::Rules;
use domain::{
    Audience, Campaign, CampaignCommand, CampaignContent, CampaignError, CampaignEvent, CampaignId,
    Holder, IdError, Launch, SegmentCommand, SegmentError, SegmentId, Subject, Text, TextError,
};
use eventlog::Key;

use crate::execute::execute_one;
use crate::heads::{current, decode, load_one, unreadable};
use crate::idempotency::IdempotencyKey;
use crate::run::{CommandEffect, Outcome};
use crate::{CommandError, Commands, Context};

/// Result of a command on a campaign: an outcome, or a rejection by a rule.
pub type CampaignResult = Result<Outcome, CampaignRefusal>;

/// Reason why a command on a campaign is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CampaignRefusal {
    /// A rule of the campaign forbids the command.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// The audience's segment does not exist or is archived.
    #[error("cannot use the segment: {0}")]
    Segment(SegmentError),
    /// An id or a list of log positions does not fit into an event.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The campaign's id cannot be the holder of a segment.
    #[error(transparent)]
    Id(#[from] IdError),
}

impl Commands {
    /// Returns the current state of a campaign from its head; `None` if it was
    /// never created.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn campaign(&self, campaign: &CampaignId) -> Result<Option<Campaign>, CommandError> {
        current(&self.log, &Subject::Campaign(campaign.clone())).await
    }

    /// Returns the content of a campaign, read from its first event; `None` if
    /// the campaign was never created.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn campaign_content(
        &self,
        campaign: &CampaignId,
    ) -> Result<Option<CampaignContent>, CommandError> {
        let version = |_: &Campaign| Some(Campaign::CONTENT_VERSION);
        match self.campaign_event(campaign, version).await? {
            Some(CampaignEvent::Created(content)) => Ok(Some(content)),
            _ => Ok(None),
        }
    }

    /// Returns what the last launch of a campaign fixed, read from the launch
    /// event; `None` if the campaign was never launched.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn campaign_launch(
        &self,
        campaign: &CampaignId,
    ) -> Result<Option<Launch>, CommandError> {
        match self
            .campaign_event(campaign, Campaign::launch_version)
            .await?
        {
            Some(CampaignEvent::Launched(launch)) => Ok(Some(launch)),
            _ => Ok(None),
        }
    }

    /// Returns the event whose version `version` picks from the head's state;
    /// `None` if it picks none.
    async fn campaign_event(
        &self,
        campaign: &CampaignId,
        version: impl FnOnce(&Campaign) -> Option<u64>,
    ) -> Result<Option<CampaignEvent>, CommandError> {
        let key = self.campaign_key(campaign);
        let head = load_one::<Campaign>(&self.log, &key).await?;
        let Some(version) = version(&head.aggregate).filter(|version| *version <= head.version)
        else {
            return Ok(None);
        };
        let last = head.position(&key);
        let back = usize::try_from(head.version - version + 1).unwrap_or(usize::MAX);
        let history = self.log.history_back(&key, last, back).await?;
        let event = history.last().map(decode::<Campaign>).transpose();
        event.map_err(|source| unreadable(&key, source))
    }

    fn campaign_key(&self, campaign: &CampaignId) -> Key {
        let subject = Subject::Campaign(campaign.clone());
        self.log.layout().key(subject.to_string(), subject.route())
    }

    /// Creates a campaign. A scheduled campaign first holds its segment, so
    /// that the segment cannot be archived before the launch. If the creation
    /// does not complete, the hold is released after a while. If it completes
    /// only after that, the campaign holds the segment again; if the segment is
    /// archived by then, the creation is rejected and the campaign is
    /// cancelled.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn create_campaign(
        &self,
        context: &Context,
        campaign: CampaignId,
        content: CampaignContent,
    ) -> Result<CampaignResult, CommandError> {
        // The hold comes before the creation: once the campaign exists, its
        // launch relies on the segment.
        if let Audience::SegmentId(segment) = &content.audience
            && let Err(refusal) = self
                .check_or_hold_segment(context, segment, &campaign, &content)
                .await?
        {
            return Ok(Err(refusal));
        }
        let command = CampaignCommand::Create(content);
        let created = self
            .execute_on_campaign(context, campaign.clone(), command)
            .await?;
        if created.is_ok()
            && let Err(refusal) = self.confirm_hold(context, &campaign).await?
        {
            return Ok(Err(refusal));
        }
        Ok(created)
    }

    /// Ensures that a scheduled campaign holds its segment. A slow creation may
    /// find its hold released; a campaign that cannot hold the segment again is
    /// cancelled.
    async fn confirm_hold(
        &self,
        context: &Context,
        campaign: &CampaignId,
    ) -> Result<Result<(), CampaignRefusal>, CommandError> {
        let head = self.campaign(campaign).await?.unwrap_or_default();
        let Some(segment) = head.held_segment().filter(|_| head.due_at().is_some()) else {
            return Ok(Ok(()));
        };
        let holder = match Holder::try_from(campaign.as_str()) {
            Ok(holder) => holder,
            Err(error) => return Ok(Err(error.into())),
        };
        let held = self
            .execute(context, segment.clone(), SegmentCommand::Hold(holder))
            .await?;
        let Err(refusal) = held else {
            return Ok(Ok(()));
        };
        // A campaign that was launched or ended in the meantime needs no hold.
        let cancelled = self
            .execute_on_campaign(context, campaign.clone(), CampaignCommand::Cancel)
            .await?;
        Ok(cancelled.map_or(Ok(()), |_| Err(CampaignRefusal::Segment(refusal))))
    }

    /// Creates a campaign and launches it in one append, so that both happen or
    /// neither does. With a `key` the request can be repeated.
    ///
    /// # Errors
    /// [`CommandError`]; repeating with a key is safe.
    pub async fn create_and_launch_campaign(
        &self,
        context: &Context,
        campaign: CampaignId,
        content: CampaignContent,
        key: Option<&IdempotencyKey>,
    ) -> Result<CampaignResult, CommandError> {
        if self.campaign(&campaign).await?.is_some() {
            // This is a repeated request: its launch was fixed the first time.
            let command = CampaignCommand::Create(content);
            return self.execute_on_campaign(context, campaign, command).await;
        }
        let launch = match self.prepare_launch(context, &content, key).await? {
            Ok(launch) => launch,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let command = CampaignCommand::CreateAndLaunch(content, launch);
        self.execute_on_campaign(context, campaign, command).await
    }

    /// Checks that the segment can be used. For a scheduled campaign, also
    /// holds the segment so that it stays usable.
    async fn check_or_hold_segment(
        &self,
        context: &Context,
        segment: &SegmentId,
        campaign: &CampaignId,
        content: &CampaignContent,
    ) -> Result<Result<(), CampaignRefusal>, CommandError> {
        // An existing campaign may have been launched since, and its segment
        // archived after that. A repeated creation must still succeed.
        if self.campaign(campaign).await?.is_some() {
            return Ok(Ok(()));
        }
        if content.scheduled_at.is_none() {
            return Ok(self.segment_rules(segment).await?.map(|_| ()));
        }
        let holder = match Holder::try_from(campaign.as_str()) {
            Ok(holder) => holder,
            Err(error) => return Ok(Err(error.into())),
        };
        let held = self
            .execute(context, segment.clone(), SegmentCommand::Hold(holder))
            .await?;
        Ok(held.map(|_| ()).map_err(CampaignRefusal::Segment))
    }

    /// Returns the rules of a segment that exists and is not archived.
    async fn segment_rules(
        &self,
        segment: &SegmentId,
    ) -> Result<Result<Rules, CampaignRefusal>, CommandError> {
        let found = self.segment(segment).await?;
        Ok(match found {
            None => Err(CampaignRefusal::Segment(SegmentError::NotFound)),
            Some(segment) if segment.is_archived() => {
                Err(CampaignRefusal::Segment(SegmentError::Archived))
            }
            Some(segment) => match segment.content() {
                Some(content) => Ok(content.rules.clone()),
                None => Err(CampaignRefusal::Segment(SegmentError::NotFound)),
            },
        })
    }

    /// Launches a campaign: fixes its rules, its template, and the log
    /// positions that determine the customers. With a `key` the same launch can
    /// be repeated.
    ///
    /// # Errors
    /// [`CommandError`]; repeating with a key is safe.
    pub async fn launch_campaign(
        &self,
        context: &Context,
        campaign: CampaignId,
        key: Option<&IdempotencyKey>,
    ) -> Result<CampaignResult, CommandError> {
        let digest = key.map(|key| key.digest(&context.actor));
        let stream = self.campaign_key(&campaign);
        let head = load_one::<Campaign>(&self.log, &stream).await?;
        match head.aggregate.check_launch(digest) {
            Ok(true) => {}
            Ok(false) => {
                self.release_held_segment(context, &campaign).await?;
                return Ok(Ok(Outcome {
                    effect: CommandEffect::Unchanged,
                    position: head.position(&stream),
                }));
            }
            Err(refusal) => return Ok(Err(refusal.into())),
        }
        let Some(content) = self.campaign_content(&campaign).await? else {
            return Ok(Err(CampaignError::NotFound.into()));
        };
        let launch = match self.prepare_launch(context, &content, key).await? {
            Ok(launch) => launch,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let command = CampaignCommand::Launch(launch);
        self.execute_on_campaign(context, campaign, command).await
    }

    /// Builds the launch of this content at the current time and log positions.
    async fn prepare_launch(
        &self,
        context: &Context,
        content: &CampaignContent,
        key: Option<&IdempotencyKey>,
    ) -> Result<Result<Box<Launch>, CampaignRefusal>, CommandError> {
        let rules = match &content.audience {
            Audience::Rules(rules) => rules.clone(),
            Audience::SegmentId(segment) => match self.segment_rules(segment).await? {
                Ok(rules) => rules,
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        let ends: eventlog::Positions = self.log.ends().await?.into_iter().collect();
        let positions = Text::<65536>::try_from(ends.to_string());
        Ok(positions.map_err(CampaignRefusal::from).map(|positions| {
            Box::new(Launch {
                rules,
                template: content.template.identity(),
                positions,
                clock: context.now,
                key: key.map(|key| key.digest(&context.actor)),
            })
        }))
    }

    /// Executes a command on a campaign. One that ends a scheduled campaign's
    /// wait also releases its segment. [`Self::create_campaign`],
    /// [`Self::create_and_launch_campaign`], and [`Self::launch_campaign`]
    /// build the commands that create and launch.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe, except for
    /// [`CampaignCommand::RecordRetry`].
    pub async fn execute_on_campaign(
        &self,
        context: &Context,
        campaign: CampaignId,
        command: CampaignCommand,
    ) -> Result<CampaignResult, CommandError> {
        let ends_wait = matches!(
            command,
            CampaignCommand::Launch(_) | CampaignCommand::Cancel | CampaignCommand::Miss
        );
        let subject = Subject::Campaign(campaign.clone());
        let done = execute_one::<Campaign>(self, context, subject, command).await?;
        if ends_wait && done.is_ok() {
            self.release_held_segment(context, &campaign).await?;
        }
        Ok(done.map_err(CampaignRefusal::from))
    }

    /// Releases the segment that a scheduled campaign holds. Repeating is safe.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn release_held_segment(
        &self,
        context: &Context,
        campaign: &CampaignId,
    ) -> Result<(), CommandError> {
        let head = self.campaign(campaign).await?;
        if let Some(segment) = head.as_ref().and_then(Campaign::held_segment)
            && let Ok(holder) = Holder::try_from(campaign.as_str())
        {
            // Releasing a segment that does not exist fails harmlessly.
            let _released = self
                .execute(context, segment.clone(), SegmentCommand::Release(holder))
                .await?;
        }
        Ok(())
    }
}
