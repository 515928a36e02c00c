//! Commands on campaigns.

use domain::rules::Rules;
use domain::{
    Audience, Campaign, CampaignChanges, CampaignCommand, CampaignContent, CampaignError,
    CampaignEvent, CampaignId, CampaignStatus, CloneRequest, Holder, IdError, Launch, LaunchEffect,
    SegmentCommand, SegmentError, SegmentId, Subject, Text, TextError,
};
use eventlog::Key;

use crate::execute::execute_one;
use crate::heads::{Loaded, current, decode, load_one, unreadable};
use crate::idempotency::IdempotencyKey;
use crate::run::{CommandEffect, Outcome};
use crate::{CommandError, Commands, Context};

/// Maximum number of attempts to change a draft that others change at the same
/// time.
const UPDATE_ATTEMPTS: usize = 10;

/// Result of a command on a campaign: an outcome, or a rejection by a rule.
pub type CampaignResult = Result<Outcome, CampaignRefusal>;

/// Outcome of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaunchOutcome {
    /// Outcome of the command.
    pub outcome: Outcome,
    /// Status that the launch gave the campaign: `launching` or `scheduled`.
    pub status: CampaignStatus,
}

/// Outcome of the creation of a clone.
#[derive(Debug, Clone, PartialEq)]
pub struct CloneOutcome {
    /// Outcome of the command.
    pub outcome: Outcome,
    /// Content that the clone was created with.
    pub content: CampaignContent,
}

/// Reason why a command on a campaign is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CampaignRefusal {
    /// A rule of the campaign forbids the command.
    #[error(transparent)]
    Campaign(#[from] CampaignError),
    /// The audience's segment does not exist or is archived.
    #[error("cannot use the segment: {0}")]
    Segment(SegmentError),
    /// The time for which a draft is to be launched is not in the future.
    #[error("lies in the past")]
    Past,
    /// An id or a list of log positions does not fit into an event.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The campaign's id cannot be the holder of a segment.
    #[error(transparent)]
    Id(#[from] IdError),
}

impl Commands {
    /// Returns the current state of a campaign from its head; `None` if it was
    /// never created. A draft that was deleted has a state without a status.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn campaign(&self, campaign: &CampaignId) -> Result<Option<Campaign>, CommandError> {
        current(&self.log, &Subject::Campaign(campaign.clone())).await
    }

    /// Returns the current content of a campaign; `None` if the campaign was
    /// never created, or was deleted.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn campaign_content(
        &self,
        campaign: &CampaignId,
    ) -> Result<Option<CampaignContent>, CommandError> {
        let head = self.campaign_head(campaign).await?;
        self.content_of(campaign, &head, head.aggregate.content_version())
            .await
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
        let head = self.campaign_head(campaign).await?;
        let version = head.aggregate.launch_version();
        match self.campaign_event(campaign, &head, version).await? {
            Some(CampaignEvent::Launched(launch)) => Ok(Some(launch)),
            _ => Ok(None),
        }
    }

    async fn campaign_head(&self, campaign: &CampaignId) -> Result<Loaded<Campaign>, CommandError> {
        load_one(&self.log, &self.campaign_key(campaign)).await
    }

    /// Returns the content in the event of this version; `None` if there is no
    /// such event, or it has no content.
    async fn content_of(
        &self,
        campaign: &CampaignId,
        head: &Loaded<Campaign>,
        version: Option<u64>,
    ) -> Result<Option<CampaignContent>, CommandError> {
        match self.campaign_event(campaign, head, version).await? {
            Some(CampaignEvent::Created(content) | CampaignEvent::Updated(content)) => {
                Ok(Some(content))
            }
            _ => Ok(None),
        }
    }

    /// Returns the event of this version; `None` for none, and for one that the
    /// campaign does not have.
    async fn campaign_event(
        &self,
        campaign: &CampaignId,
        head: &Loaded<Campaign>,
        version: Option<u64>,
    ) -> Result<Option<CampaignEvent>, CommandError> {
        let Some(version) = version.filter(|version| *version <= head.version) else {
            return Ok(None);
        };
        let key = self.campaign_key(campaign);
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
        let Err(refusal) = self.hold_segment(context, segment, campaign).await? else {
            return Ok(Ok(()));
        };
        // A campaign that was launched or ended in the meantime needs no hold.
        let cancelled = self
            .execute_on_campaign(context, campaign.clone(), CampaignCommand::Cancel)
            .await?;
        Ok(cancelled.map_or(Ok(()), |_| Err(refusal)))
    }

    /// Holds a segment for a campaign.
    async fn hold_segment(
        &self,
        context: &Context,
        segment: &SegmentId,
        campaign: &CampaignId,
    ) -> Result<Result<(), CampaignRefusal>, CommandError> {
        let holder = match Holder::try_from(campaign.as_str()) {
            Ok(holder) => holder,
            Err(error) => return Ok(Err(error.into())),
        };
        let held = self
            .execute(context, segment.clone(), SegmentCommand::Hold(holder))
            .await?;
        Ok(held.map(|_| ()).map_err(CampaignRefusal::Segment))
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
        self.hold_segment(context, segment, campaign).await
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

    /// Creates a draft that clones another campaign in any status: its audience,
    /// message, tags and rate, but not its time. A segment that was archived is
    /// cloned too; the launch then requires another audience.
    ///
    /// # Errors
    /// [`CommandError`]; repeating with the same id is safe.
    pub async fn clone_campaign(
        &self,
        context: &Context,
        request: CloneRequest,
        campaign: CampaignId,
    ) -> Result<Result<CloneOutcome, CampaignRefusal>, CommandError> {
        let source = self.campaign_content(&request.campaign_id).await?;
        let head = self.campaign_head(&campaign).await?;
        let created = match (head.aggregate.is_created_by(&request), source) {
            (Err(refusal), _) => return Ok(Err(refusal.into())),
            (Ok(false), None) => return Ok(Err(CampaignError::NotFound.into())),
            (Ok(false), Some(source)) => {
                let command = CampaignCommand::Create(source.cloned(request));
                self.execute_on_campaign(context, campaign.clone(), command)
                    .await?
            }
            // This is a repeated request. The cloned campaign may have changed
            // or may have been deleted since.
            (Ok(true), _) => Ok(Outcome {
                effect: CommandEffect::Unchanged,
                position: head.position(&self.campaign_key(&campaign)),
                warning: None,
            }),
        };
        let outcome = match created {
            Ok(outcome) => outcome,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let head = self.campaign_head(&campaign).await?;
        let content = self
            .content_of(&campaign, &head, Some(Campaign::CREATION_VERSION))
            .await?;
        let cloned = content.map(|content| CloneOutcome { outcome, content });
        Ok(cloned.ok_or(CampaignError::NotFound.into()))
    }

    /// Changes the content of a draft. A segment and a time are checked only if
    /// they are new, so a draft whose segment was archived can still be changed.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn update_draft(
        &self,
        context: &Context,
        campaign: &CampaignId,
        changes: &CampaignChanges,
    ) -> Result<CampaignResult, CommandError> {
        for _ in 0..UPDATE_ATTEMPTS {
            let head = self.campaign_head(campaign).await?;
            if let Err(refusal) = head.aggregate.check_update() {
                return Ok(Err(refusal.into()));
            }
            let version = head.aggregate.content_version();
            let before = self.content_of(campaign, &head, version).await?;
            let (Some(from), Some(before)) = (version, before) else {
                return Ok(Err(CampaignError::NotFound.into()));
            };
            let content = before.clone().with(changes.clone());
            if let Err(refusal) = self.check_changes(context, &before, &content).await? {
                return Ok(Err(refusal));
            }
            let command = CampaignCommand::Update { content, from };
            match self
                .execute_on_campaign(context, campaign.clone(), command)
                .await?
            {
                // Another request changed the draft after it was read. These
                // changes are applied to the new content.
                Err(CampaignRefusal::Campaign(CampaignError::Changed)) => {}
                updated => return Ok(updated),
            }
        }
        Err(CommandError::Contended(campaign.to_string()))
    }

    /// Checks the segment and the time of a draft's new content, as far as they
    /// differ from the content before.
    async fn check_changes(
        &self,
        context: &Context,
        before: &CampaignContent,
        content: &CampaignContent,
    ) -> Result<Result<(), CampaignRefusal>, CommandError> {
        let has_passed = content.scheduled_at.is_some_and(|at| at <= context.now);
        if has_passed && content.scheduled_at != before.scheduled_at {
            return Ok(Err(CampaignRefusal::Past));
        }
        match &content.audience {
            Audience::SegmentId(segment) if content.audience != before.audience => {
                Ok(self.segment_rules(segment).await?.map(|_| ()))
            }
            _ => Ok(Ok(())),
        }
    }

    /// Launches a campaign: fixes its rules, its template, and the log
    /// positions that determine the customers. A draft with a time is scheduled
    /// instead, and launched at that time. With a `key` the same launch can be
    /// repeated.
    ///
    /// # Errors
    /// [`CommandError`]; repeating with a key is safe.
    pub async fn launch_campaign(
        &self,
        context: &Context,
        campaign: CampaignId,
        key: Option<&IdempotencyKey>,
    ) -> Result<Result<LaunchOutcome, CampaignRefusal>, CommandError> {
        let digest = key.map(IdempotencyKey::digest);
        let head = self.campaign_head(&campaign).await?;
        let former = key.and_then(IdempotencyKey::former);
        if let Some(former) = former.map(|key| key.digest())
            && let Ok(LaunchEffect::Repeats(status)) =
                head.aggregate.check_launch(Some(former), context.now)
        {
            return self.repeat_launch(context, &campaign, &head, status).await;
        }
        let effect = match head.aggregate.check_launch(digest, context.now) {
            Ok(LaunchEffect::Repeats(status)) => {
                return self.repeat_launch(context, &campaign, &head, status).await;
            }
            Ok(effect) => effect,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let version = head.aggregate.content_version();
        let content = self.content_of(&campaign, &head, version).await?;
        let (Some(from), Some(content)) = (version, content) else {
            return Ok(Err(CampaignError::NotFound.into()));
        };
        if effect == LaunchEffect::Schedules {
            let now = context.now;
            let command = CampaignCommand::Schedule {
                from,
                now,
                key: digest,
            };
            return self.schedule(context, campaign, &content, command).await;
        }
        let launch = match self.prepare_launch(context, &content, key).await? {
            Ok(launch) => launch,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let command = CampaignCommand::Launch { from, launch };
        let launched = self.execute_on_campaign(context, campaign, command).await?;
        Ok(launched.map(|outcome| LaunchOutcome {
            outcome,
            status: CampaignStatus::Launching,
        }))
    }

    /// Completes what an interrupted launch may have left undone.
    async fn repeat_launch(
        &self,
        context: &Context,
        campaign: &CampaignId,
        head: &Loaded<Campaign>,
        status: CampaignStatus,
    ) -> Result<Result<LaunchOutcome, CampaignRefusal>, CommandError> {
        if head.aggregate.due_at().is_none() {
            self.release_held_segment(context, campaign).await?;
        } else if let Err(refusal) = self.confirm_hold(context, campaign).await? {
            return Ok(Err(refusal));
        }
        let outcome = Outcome {
            effect: CommandEffect::Unchanged,
            position: head.position(&self.campaign_key(campaign)),
            warning: None,
        };
        Ok(Ok(LaunchOutcome { outcome, status }))
    }

    /// Schedules a draft with this content. Its segment is held before, as for
    /// [`Self::create_campaign`].
    async fn schedule(
        &self,
        context: &Context,
        campaign: CampaignId,
        content: &CampaignContent,
        command: CampaignCommand,
    ) -> Result<Result<LaunchOutcome, CampaignRefusal>, CommandError> {
        if let Audience::SegmentId(segment) = &content.audience
            && let Err(refusal) = self.hold_segment(context, segment, &campaign).await?
        {
            return Ok(Err(refusal));
        }
        let scheduled = self
            .execute_on_campaign(context, campaign.clone(), command)
            .await?;
        let outcome = match scheduled {
            Ok(outcome) => outcome,
            Err(refusal) => {
                if let Audience::SegmentId(segment) = &content.audience {
                    self.release_unscheduled(context, segment, &campaign)
                        .await?;
                }
                return Ok(Err(refusal));
            }
        };
        if let Err(refusal) = self.confirm_hold(context, &campaign).await? {
            return Ok(Err(refusal));
        }
        Ok(Ok(LaunchOutcome {
            outcome,
            status: CampaignStatus::Scheduled,
        }))
    }

    /// Releases a segment that was held for a launch that was refused, unless
    /// another request has scheduled the campaign for that segment.
    async fn release_unscheduled(
        &self,
        context: &Context,
        segment: &SegmentId,
        campaign: &CampaignId,
    ) -> Result<(), CommandError> {
        let head = self.campaign(campaign).await?.unwrap_or_default();
        if head.due_at().is_none() || head.held_segment() != Some(segment) {
            self.release_segment(context, segment, campaign).await?;
        }
        Ok(())
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
                key: key.map(IdempotencyKey::digest),
            })
        }))
    }

    /// Executes a command on a campaign. One that ends a scheduled campaign's
    /// wait also releases its segment. [`Self::create_campaign`],
    /// [`Self::create_and_launch_campaign`], [`Self::clone_campaign`],
    /// [`Self::update_draft`], and [`Self::launch_campaign`] build the commands
    /// that create, change and launch.
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
            CampaignCommand::Launch { .. }
                | CampaignCommand::Cancel
                | CampaignCommand::Miss
                | CampaignCommand::Delete
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
        if let Some(segment) = head.as_ref().and_then(Campaign::held_segment) {
            self.release_segment(context, segment, campaign).await?;
        }
        Ok(())
    }

    async fn release_segment(
        &self,
        context: &Context,
        segment: &SegmentId,
        campaign: &CampaignId,
    ) -> Result<(), CommandError> {
        if let Ok(holder) = Holder::try_from(campaign.as_str()) {
            // Releasing a segment that does not exist fails harmlessly.
            let _released = self
                .execute(context, segment.clone(), SegmentCommand::Release(holder))
                .await?;
        }
        Ok(())
    }
}
