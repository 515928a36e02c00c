//! Commands on campaigns.

use domain::rules::Rules;
use domain::{
    Audience, AudienceSize, Campaign, CampaignCommand, CampaignContent, CampaignError,
    CampaignEvent, CampaignId, CustomerId, DeterminedOutcome, Holder, IdError, Launch,
    SegmentError, SegmentId, Subject, Text, TextError,
};
use eventlog::Key;

use crate::execute::{Change, Outcome, execute_one};
use crate::idempotency::IdempotencyKey;
use crate::kept::{current, decode, load_one, unreadable};
use crate::{CommandError, Commands, Context};

/// What became of a command on a campaign: an outcome, or a rule's refusal.
pub type CampaignResult = Result<Outcome, CampaignRefusal>;

/// Why a command on a campaign is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CampaignRefusal {
    /// A rule of the campaign is against it.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// Its segment is not there, or archived.
    #[error("its segment: {0}")]
    Segment(SegmentError),
    /// An id or a position has no place in an event.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The campaign's id cannot hold a segment.
    #[error(transparent)]
    Id(#[from] IdError),
}

impl Commands {
    /// A campaign as it stands, by its head; `None` if it was never created.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn campaign(&self, campaign: &CampaignId) -> Result<Option<Campaign>, CommandError> {
        current(&self.log, &Subject::Campaign(campaign.clone())).await
    }

    /// The content of a campaign, read from the event that holds it; `None` if
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

    /// What the last launch of a campaign fixed, read from the event that holds
    /// it; `None` if it was never launched.
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

    /// The event with the version that the head gives, if it gives one.
    async fn campaign_event(
        &self,
        campaign: &CampaignId,
        version: impl FnOnce(&Campaign) -> Option<u64>,
    ) -> Result<Option<CampaignEvent>, CommandError> {
        let key = self.stream_of(campaign);
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

    fn stream_of(&self, campaign: &CampaignId) -> Key {
        let subject = Subject::Campaign(campaign.clone());
        self.log.layout().key(subject.to_string(), subject.route())
    }

    /// Creates a campaign. One that is scheduled holds its segment first, so
    /// that it is there when the time comes. If it does not come to be, the hold
    /// is released after a while; a campaign that is created all the same holds
    /// the segment again, or is refused and cancelled if that is archived by then.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn create_campaign(
        &self,
        context: &Context,
        campaign: CampaignId,
        content: CampaignContent,
    ) -> Result<CampaignResult, CommandError> {
        if let Audience::SegmentId(segment) = &content.audience
            && let Err(refusal) = self.hold_for(context, segment, &campaign, &content).await?
        {
            return Ok(Err(refusal));
        }
        let command = CampaignCommand::Create(content);
        let created = self.on_campaign(context, campaign.clone(), command).await?;
        if created.is_ok()
            && let Err(refusal) = self.confirm_hold(context, &campaign).await?
        {
            return Ok(Err(refusal));
        }
        Ok(created)
    }

    /// That a campaign which waits for its time holds its segment. A creation that
    /// takes long enough finds its hold released; a campaign that cannot hold the
    /// segment again is cancelled.
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
        let held = self.hold_segment(context, segment.clone(), holder).await?;
        let Err(refusal) = held else {
            return Ok(Ok(()));
        };
        // One that was launched or ended meanwhile needs no hold.
        let cancelled = self.cancel_campaign(context, campaign.clone()).await?;
        Ok(cancelled.map_or(Ok(()), |_| Err(CampaignRefusal::Segment(refusal))))
    }

    /// Creates a campaign and launches it, or does neither. With a `key` the
    /// same may be asked for again.
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
            // A repetition, whose launch was fixed the first time.
            let command = CampaignCommand::Create(content);
            return self.on_campaign(context, campaign, command).await;
        }
        let launch = match self.fix(context, &content, key).await? {
            Ok(launch) => launch,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let command = CampaignCommand::CreateAndLaunch(content, launch);
        self.on_campaign(context, campaign, command).await
    }

    /// That the segment can be used, and for a scheduled campaign that it
    /// stays so.
    async fn hold_for(
        &self,
        context: &Context,
        segment: &SegmentId,
        campaign: &CampaignId,
        content: &CampaignContent,
    ) -> Result<Result<(), CampaignRefusal>, CommandError> {
        // Created before, it may have been launched since, and the segment
        // archived after that.
        if self.campaign(campaign).await?.is_some() {
            return Ok(Ok(()));
        }
        if content.scheduled_at.is_none() {
            return Ok(self.rules_of(segment).await?.map(|_| ()));
        }
        let holder = match Holder::try_from(campaign.as_str()) {
            Ok(holder) => holder,
            Err(error) => return Ok(Err(error.into())),
        };
        let held = self.hold_segment(context, segment.clone(), holder).await?;
        Ok(held.map(|_| ()).map_err(CampaignRefusal::Segment))
    }

    /// The rules of a segment that is not archived, and its version.
    async fn rules_of(
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

    /// Launches a campaign: fixes its rules, its template, and the customers
    /// as the log has them now. With a `key` the same launch may be asked for
    /// again.
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
        let stream = self.stream_of(&campaign);
        let head = load_one::<Campaign>(&self.log, &stream).await?;
        match head.aggregate.check_launch(digest) {
            Ok(true) => {}
            Ok(false) => {
                self.release_held_segment(context, &campaign).await?;
                return Ok(Ok(Outcome {
                    change: Change::Unchanged,
                    position: head.position(&stream),
                }));
            }
            Err(refusal) => return Ok(Err(refusal.into())),
        }
        let Some(content) = self.campaign_content(&campaign).await? else {
            return Ok(Err(CampaignError::NotFound.into()));
        };
        let launch = match self.fix(context, &content, key).await? {
            Ok(launch) => launch,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let command = CampaignCommand::Launch(launch);
        let launched = self.on_campaign(context, campaign.clone(), command).await?;
        if launched.is_ok() {
            self.release_held_segment(context, &campaign).await?;
        }
        Ok(launched)
    }

    /// What a launch of this content fixes, now.
    async fn fix(
        &self,
        context: &Context,
        content: &CampaignContent,
        key: Option<&IdempotencyKey>,
    ) -> Result<Result<Box<Launch>, CampaignRefusal>, CommandError> {
        let rules = match &content.audience {
            Audience::Rules(rules) => rules.clone(),
            Audience::SegmentId(segment) => match self.rules_of(segment).await? {
                Ok(rules) => rules,
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        let positions = self.positions().await?;
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

    /// How far the log is: `0:12,1:7`.
    async fn positions(&self) -> Result<Result<Text<65536>, TextError>, CommandError> {
        let ends: eventlog::Positions = self.log.ends().await?.into_iter().collect();
        Ok(Text::try_from(ends.to_string()))
    }

    /// Everybody meant has a message.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn record_audience(
        &self,
        context: &Context,
        campaign: CampaignId,
        size: AudienceSize,
        undetermined: Vec<CustomerId>,
    ) -> Result<CampaignResult, CommandError> {
        let command = CampaignCommand::RecordAudience(size, undetermined);
        self.on_campaign(context, campaign, command).await
    }

    /// Records what became of a customer who was undetermined at first. Nothing
    /// is recorded twice, nor for a campaign that has ended.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn record_recipient(
        &self,
        context: &Context,
        campaign: CampaignId,
        customer: CustomerId,
        outcome: DeterminedOutcome,
    ) -> Result<CampaignResult, CommandError> {
        let command = CampaignCommand::RecordRecipient(customer, outcome);
        self.on_campaign(context, campaign, command).await
    }

    /// Lets a campaign rest.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn pause_campaign(
        &self,
        context: &Context,
        campaign: CampaignId,
    ) -> Result<CampaignResult, CommandError> {
        self.on_campaign(context, campaign, CampaignCommand::Pause)
            .await
    }

    /// Lets a campaign go on.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn resume_campaign(
        &self,
        context: &Context,
        campaign: CampaignId,
    ) -> Result<CampaignResult, CommandError> {
        self.on_campaign(context, campaign, CampaignCommand::Resume)
            .await
    }

    /// Says that what could not be handed over was queued again.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn record_retry(
        &self,
        context: &Context,
        campaign: CampaignId,
        requeued: u64,
    ) -> Result<CampaignResult, CommandError> {
        self.on_campaign(context, campaign, CampaignCommand::RecordRetry { requeued })
            .await
    }

    /// Says that every message has ended.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn complete_campaign(
        &self,
        context: &Context,
        campaign: CampaignId,
    ) -> Result<CampaignResult, CommandError> {
        self.on_campaign(context, campaign, CampaignCommand::Complete)
            .await
    }

    /// Ends a campaign. What was not sent is not sent any more.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn cancel_campaign(
        &self,
        context: &Context,
        campaign: CampaignId,
    ) -> Result<CampaignResult, CommandError> {
        self.end_waiting(context, campaign, CampaignCommand::Cancel)
            .await
    }

    /// Says that a scheduled campaign was not launched in time.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn miss_campaign(
        &self,
        context: &Context,
        campaign: CampaignId,
    ) -> Result<CampaignResult, CommandError> {
        self.end_waiting(context, campaign, CampaignCommand::Miss)
            .await
    }

    /// Does what ends a campaign's waiting, and lets go of its segment.
    async fn end_waiting(
        &self,
        context: &Context,
        campaign: CampaignId,
        command: CampaignCommand,
    ) -> Result<CampaignResult, CommandError> {
        let ended = self.on_campaign(context, campaign.clone(), command).await?;
        if ended.is_ok() {
            self.release_held_segment(context, &campaign).await?;
        }
        Ok(ended)
    }

    /// Lets go of the segment that a campaign holds because it was created with
    /// a schedule. Repeating is safe.
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
            // A segment that does not exist has nothing to let go of.
            let _released = self
                .release_segment(context, segment.clone(), holder)
                .await?;
        }
        Ok(())
    }

    async fn on_campaign(
        &self,
        context: &Context,
        campaign: CampaignId,
        command: CampaignCommand,
    ) -> Result<CampaignResult, CommandError> {
        let subject = Subject::Campaign(campaign);
        let done = execute_one::<Campaign>(self, &(), context, subject, command).await?;
        Ok(done.map_err(CampaignRefusal::from))
    }
}
