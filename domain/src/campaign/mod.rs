//! Campaigns: one message to each recipient of an audience.
//!
//! This module holds the life cycle of a campaign; each message has its own.

mod content;
mod event;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use content::{
    Audience, AudienceSize, CampaignChanges, CampaignContent, CloneRequest, DeterminedOutcome,
    Launch, MAX_CAMPAIGN_TAGS, MAX_RATE,
};
pub use event::{CampaignEvent, MAX_LISTED_UNDETERMINED};

use crate::digest::digest;
use std::collections::{BTreeMap, BTreeSet};

use crate::{CustomerId, SegmentId, Timestamp};

/// Commands on a campaign. A command whose effect is already in place makes no
/// event.
#[derive(Debug, Clone)]
pub enum CampaignCommand {
    /// Creates the campaign with this content; scheduled if the content has a
    /// time.
    Create(CampaignContent),
    /// Creates the campaign with this content and launches it.
    CreateAndLaunch(CampaignContent, Box<Launch>),
    /// Gives the draft this content.
    Update {
        /// New content.
        content: CampaignContent,
        /// Version of the content that the new one was made from.
        from: u64,
    },
    /// Deletes the draft.
    Delete,
    /// Launches the draft for the time in its content.
    Schedule {
        /// Version of the content that the launch was prepared from.
        from: u64,
        /// Time of the command.
        now: Timestamp,
        /// Digest of the idempotency key with which the launch may be repeated.
        key: Option<u64>,
    },
    /// Launches the campaign now.
    Launch {
        /// Version of the content that the launch was prepared from.
        from: u64,
        /// Data that the launch fixes.
        launch: Box<Launch>,
    },
    /// Records that every recipient has a message, and which customers are
    /// undetermined.
    RecordAudience(AudienceSize, Vec<CustomerId>),
    /// Records the outcome for a customer who was undetermined.
    RecordRecipient(CustomerId, DeterminedOutcome),
    /// Pauses the campaign.
    Pause,
    /// Resumes the campaign.
    Resume,
    /// Records that undeliverable messages were queued again.
    RecordRetry {
        /// Number of messages that were queued again.
        requeued: u64,
    },
    /// Records that every message is suppressed, or was sent and has its
    /// receipt.
    Complete,
    /// Cancels the campaign, including its unsent messages.
    Cancel,
    /// Records that the campaign was not launched in time.
    Miss,
}

/// Status of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignStatus {
    /// Waits for a manual launch.
    Draft,
    /// Waits for its scheduled time.
    Scheduled,
    /// Launched; its recipients are being determined.
    Launching,
    /// Sends messages, or waits for receipts.
    Sending,
    /// Paused; no messages are sent.
    Paused,
    /// Completed: every message is suppressed, or was sent and has its receipt.
    Completed,
    /// Cancelled before its completion.
    Cancelled,
    /// Not launched in time. A manual launch is still possible.
    Missed,
}

impl CampaignStatus {
    /// Returns the name in JSON and in views: `sending`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Launching => "launching",
            Self::Sending => "sending",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Missed => "missed",
        }
    }
}

/// Reason why a command on a campaign is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CampaignError {
    /// The campaign was never created.
    #[error("there is no such campaign")]
    NotFound,
    /// The campaign exists, created with different content.
    #[error("the campaign was created with other content")]
    Conflict,
    /// The draft was changed while the command was prepared from its content.
    #[error("the draft was changed at the same time; check it and send the request again")]
    Changed,
    /// The time for which the draft is to be launched has passed.
    #[error("the draft's scheduled time has passed; change or clear it first")]
    Passed,
    /// The campaign's status does not allow the command.
    #[error("a campaign that is {} cannot be {wanted}", .status.name())]
    Impossible {
        /// Status of the campaign.
        status: CampaignStatus,
        /// Past participle of the requested action: `launched`, `paused` …
        wanted: &'static str,
    },
}

/// Effect of a launch on a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchEffect {
    /// Launches the campaign now.
    Launches,
    /// Schedules the launch for the time in the draft's content.
    Schedules,
    /// Repeats an earlier launch, which gave the campaign this status.
    Repeats(CampaignStatus),
}

/// Campaign aggregate; empty until the campaign is created.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Campaign(Option<CampaignState>);

/// State of a created campaign. It holds the versions of the events with the
/// content and the launch instead of the data itself, since every command on a
/// message reads it and a template may be long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct CampaignState {
    /// Digest of the creation.
    created: u64,
    /// Digest of the current content.
    content: u64,
    /// Version of the event with the current content.
    content_version: u64,
    status: CampaignStatus,
    /// True if the draft was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_deleted: bool,
    /// Number of events, which is the version of the last one.
    events: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<Timestamp>,
    /// Segment that the launch takes its rules from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    segment: Option<SegmentId>,
    /// Size of the audience, once every recipient has a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<AudienceSize>,
    /// Customers who are still undetermined, as far as they are listed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    undetermined: BTreeSet<CustomerId>,
    /// Outcomes for customers who were undetermined at first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    determined: BTreeMap<CustomerId, DeterminedOutcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    launched: Option<Launched>,
    /// The launch of a draft that has a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheduled: Option<ScheduledLaunch>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct ScheduledLaunch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Launched {
    /// Version of the launch event.
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<u64>,
}

impl Campaign {
    /// Version of the event with the content that the campaign was created with.
    pub const CREATION_VERSION: u64 = 1;

    /// Returns the state of a campaign that exists: it was created and not
    /// deleted.
    fn existing(&self) -> Result<&CampaignState, CampaignError> {
        let state = self.0.as_ref().filter(|state| !state.is_deleted);
        state.ok_or(CampaignError::NotFound)
    }

    /// Returns the status; `None` if the campaign does not exist or was
    /// deleted.
    pub fn status(&self) -> Option<CampaignStatus> {
        self.existing().ok().map(|state| state.status)
    }

    /// Returns the version of the event with the current content; `None` if the
    /// campaign does not exist or was deleted.
    pub fn content_version(&self) -> Option<u64> {
        self.existing().ok().map(|state| state.content_version)
    }

    /// Returns the version of the last launch event; `None` before the first
    /// launch.
    pub fn launch_version(&self) -> Option<u64> {
        Some(self.0.as_ref()?.launched?.version)
    }

    /// Returns the size of the audience, once it is resolved.
    pub fn size(&self) -> Option<AudienceSize> {
        self.0.as_ref()?.size
    }

    /// Returns the customers who are still undetermined, as far as they are
    /// listed.
    pub fn undetermined(&self) -> impl Iterator<Item = &CustomerId> {
        self.0.iter().flat_map(|state| &state.undetermined)
    }

    /// Returns the outcomes for customers who were undetermined at first.
    pub fn determined(&self) -> impl Iterator<Item = (&CustomerId, DeterminedOutcome)> {
        let determined = self.0.iter().flat_map(|state| &state.determined);
        determined.map(|(customer, outcome)| (customer, *outcome))
    }

    /// Returns the time of the automatic launch while the campaign is
    /// scheduled.
    pub fn due_at(&self) -> Option<Timestamp> {
        let state = self.0.as_ref()?;
        let waits = state.status == CampaignStatus::Scheduled;
        state.scheduled_at.filter(|_| waits)
    }

    /// Returns the segment that a scheduled campaign holds until its launch or
    /// its end.
    pub fn held_segment(&self) -> Option<&SegmentId> {
        let state = self.0.as_ref()?;
        state
            .segment
            .as_ref()
            .filter(|_| state.scheduled_at.is_some())
    }

    /// Returns the effect that a launch with this key has at this time. The
    /// check can run before the launch is prepared.
    ///
    /// # Errors
    /// [`CampaignError`], as for [`CampaignCommand::Launch`] and
    /// [`CampaignCommand::Schedule`].
    pub fn check_launch(
        &self,
        key: Option<u64>,
        now: Timestamp,
    ) -> Result<LaunchEffect, CampaignError> {
        self.existing()?.check_launch(key, now)
    }

    /// Checks that the content can be changed.
    ///
    /// # Errors
    /// [`CampaignError`], as for [`CampaignCommand::Update`].
    pub fn check_update(&self) -> Result<(), CampaignError> {
        self.existing()?.require_draft("changed")
    }

    /// Returns whether the campaign was already created by this request; false
    /// if it was not created at all. The check can run before the clone's content
    /// is read.
    ///
    /// # Errors
    /// [`CampaignError::Conflict`] if the campaign was created differently.
    pub fn is_created_by(&self, request: &CloneRequest) -> Result<bool, CampaignError> {
        match &self.0 {
            None => Ok(false),
            Some(state) if state.created == digest(request) => Ok(true),
            Some(_) => Err(CampaignError::Conflict),
        }
    }

    /// Returns the events that a command makes.
    ///
    /// # Errors
    /// [`CampaignError`] if a rule rejects the command.
    pub fn decide(&self, command: CampaignCommand) -> Result<Vec<CampaignEvent>, CampaignError> {
        let state = self.existing();
        let event = match command {
            CampaignCommand::Create(content) => self.create(content)?,
            CampaignCommand::CreateAndLaunch(content, launch) => {
                let created = self.create(content)?;
                let launched = created
                    .is_some()
                    .then_some(CampaignEvent::Launched(*launch));
                return Ok(created.into_iter().chain(launched).collect());
            }
            CampaignCommand::Update { content, from } => state?.update(content, from)?,
            CampaignCommand::Delete => self.delete()?,
            CampaignCommand::Schedule { from, now, key } => state?.schedule(from, now, key)?,
            CampaignCommand::Launch { from, launch } => state?.launch(from, *launch)?,
            CampaignCommand::RecordAudience(size, undetermined) => {
                return Ok(state?.resolve(size, undetermined));
            }
            CampaignCommand::RecordRecipient(customer, outcome) => {
                state?.determine(customer, outcome)
            }
            CampaignCommand::Pause => state?.pause()?,
            CampaignCommand::Resume => state?.resume()?,
            CampaignCommand::RecordRetry { requeued } => state?.retry(requeued)?,
            CampaignCommand::Complete => {
                let is_sending = state?.status == CampaignStatus::Sending;
                is_sending.then_some(CampaignEvent::Completed {})
            }
            CampaignCommand::Cancel => state?.cancel()?,
            CampaignCommand::Miss => {
                let waits = state?.status == CampaignStatus::Scheduled;
                waits.then_some(CampaignEvent::Missed {})
            }
        };
        Ok(event.into_iter().collect())
    }

    /// Returns the event of a creation. A repeated creation is compared with
    /// the original content, regardless of the campaign's current state, since
    /// its sender may have missed the first response.
    fn create(&self, content: CampaignContent) -> Result<Option<CampaignEvent>, CampaignError> {
        match &self.0 {
            None => Ok(Some(CampaignEvent::Created(content))),
            Some(state) if state.created == content.creation_digest() => Ok(None),
            Some(_) => Err(CampaignError::Conflict),
        }
    }

    /// Returns the event of a deletion. A campaign that was deleted stays
    /// deleted.
    fn delete(&self) -> Decision {
        let state = self.0.as_ref().ok_or(CampaignError::NotFound)?;
        if state.is_deleted {
            return Ok(None);
        }
        state.require_draft("deleted")?;
        Ok(Some(CampaignEvent::Deleted {}))
    }
}

type Decision = Result<Option<CampaignEvent>, CampaignError>;

impl CampaignState {
    fn impossible<T>(&self, wanted: &'static str) -> Result<T, CampaignError> {
        let status = self.status;
        Err(CampaignError::Impossible { status, wanted })
    }

    fn require_draft(&self, wanted: &'static str) -> Result<(), CampaignError> {
        match self.status {
            CampaignStatus::Draft => Ok(()),
            _ => self.impossible(wanted),
        }
    }

    /// Checks that a command was prepared from the current content.
    fn require_content(&self, from: u64) -> Result<(), CampaignError> {
        match self.content_version == from {
            true => Ok(()),
            false => Err(CampaignError::Changed),
        }
    }

    fn update(&self, content: CampaignContent, from: u64) -> Decision {
        self.require_draft("changed")?;
        if digest(&content) == self.content {
            return Ok(None);
        }
        self.require_content(from)?;
        Ok(Some(CampaignEvent::Updated(content)))
    }

    fn schedule(&self, from: u64, now: Timestamp, key: Option<u64>) -> Decision {
        match self.check_launch(key, now)? {
            LaunchEffect::Repeats(_) => Ok(None),
            // The time was cleared since the command was prepared.
            LaunchEffect::Launches => Err(CampaignError::Changed),
            LaunchEffect::Schedules => {
                self.require_content(from)?;
                Ok(Some(CampaignEvent::Scheduled { key }))
            }
        }
    }

    fn launch(&self, from: u64, launch: Launch) -> Decision {
        match self.check_launch(launch.key, launch.clock)? {
            LaunchEffect::Repeats(_) => Ok(None),
            // The draft got a time since the command was prepared.
            LaunchEffect::Schedules => Err(CampaignError::Changed),
            LaunchEffect::Launches => {
                self.require_content(from)?;
                Ok(Some(CampaignEvent::Launched(launch)))
            }
        }
    }

    fn check_launch(
        &self,
        key: Option<u64>,
        now: Timestamp,
    ) -> Result<LaunchEffect, CampaignError> {
        use CampaignStatus::{Draft, Launching, Missed, Scheduled};
        let repeats = |before: Option<u64>| before.is_some() && before == key;
        let is_early = self.scheduled_at.is_some_and(|at| at > now);
        // The sender of a repeated launch may have missed the first response.
        if self.scheduled.is_some_and(|launch| repeats(launch.key)) {
            return Ok(LaunchEffect::Repeats(Scheduled));
        }
        match self.status {
            Draft if is_early => Ok(LaunchEffect::Schedules),
            Draft if self.scheduled_at.is_some() => Err(CampaignError::Passed),
            // A second request must not send what the first one scheduled.
            Scheduled if is_early && self.scheduled.is_some() => {
                self.impossible("launched again before its time")
            }
            Draft | Scheduled | Missed => Ok(LaunchEffect::Launches),
            _ if self.launched.is_some_and(|launch| repeats(launch.key)) => {
                Ok(LaunchEffect::Repeats(Launching))
            }
            _ => self.impossible("launched"),
        }
    }

    fn resolve(&self, size: AudienceSize, undetermined: Vec<CustomerId>) -> Vec<CampaignEvent> {
        use CampaignStatus::{Launching, Paused};
        let is_open = matches!(self.status, Launching | Paused) && self.size.is_none();
        if !is_open {
            return Vec::new();
        }
        let listed = (!undetermined.is_empty()).then_some(CampaignEvent::Undetermined {
            customers: undetermined,
        });
        listed
            .into_iter()
            .chain([CampaignEvent::Resolved(size)])
            .collect()
    }

    /// Returns the event for the outcome of an undetermined customer. No
    /// outcome is recorded before the audience is resolved or after the
    /// campaign has ended.
    fn determine(&self, customer: CustomerId, outcome: DeterminedOutcome) -> Option<CampaignEvent> {
        use CampaignStatus::{Paused, Sending};
        let is_open = matches!(self.status, Sending | Paused);
        (is_open && self.undetermined.contains(&customer)).then_some(
            CampaignEvent::RecipientDetermined {
                customer_id: customer,
                outcome,
            },
        )
    }

    fn pause(&self) -> Decision {
        use CampaignStatus::{Launching, Paused, Sending};
        match self.status {
            Launching | Sending => Ok(Some(CampaignEvent::Paused {})),
            Paused => Ok(None),
            _ => self.impossible("paused"),
        }
    }

    fn resume(&self) -> Decision {
        use CampaignStatus::{Launching, Paused, Sending};
        match self.status {
            Paused => Ok(Some(CampaignEvent::Resumed {})),
            Launching | Sending => Ok(None),
            _ => self.impossible("resumed"),
        }
    }

    /// Returns the event of a retry. Messages become undeliverable only after
    /// the audience is resolved, so a retry before that is rejected.
    fn retry(&self, requeued: u64) -> Decision {
        use CampaignStatus::{Paused, Sending};
        match self.status {
            Sending | Paused if self.size.is_none() => self.impossible("retried"),
            Sending | Paused if requeued > 0 => Ok(Some(CampaignEvent::Retried { requeued })),
            Sending | Paused => Ok(None),
            _ => self.impossible("retried"),
        }
    }

    fn cancel(&self) -> Decision {
        use CampaignStatus::{Cancelled, Completed};
        match self.status {
            Cancelled => Ok(None),
            Completed => self.impossible("cancelled"),
            _ => Ok(Some(CampaignEvent::Cancelled {})),
        }
    }

    fn apply(&mut self, event: CampaignEvent) {
        self.events += 1;
        match event {
            CampaignEvent::Created(_) | CampaignEvent::Retried { .. } => {}
            CampaignEvent::Updated(content) => {
                self.content = digest(&content);
                self.content_version = self.events;
                self.scheduled_at = content.scheduled_at;
                self.segment = segment_of(content.audience);
            }
            CampaignEvent::Deleted {} => self.is_deleted = true,
            CampaignEvent::Scheduled { key } => {
                self.scheduled = Some(ScheduledLaunch { key });
                self.status = CampaignStatus::Scheduled;
            }
            CampaignEvent::Launched(launch) => {
                self.launched = Some(Launched {
                    version: self.events,
                    key: launch.key,
                });
                self.status = CampaignStatus::Launching;
            }
            CampaignEvent::Resolved(size) => {
                self.size = Some(size);
                // A paused campaign stays paused; resuming it derives the
                // status from the size.
                if self.status == CampaignStatus::Launching {
                    self.status = CampaignStatus::Sending;
                }
            }
            CampaignEvent::Undetermined { customers } => self.undetermined.extend(customers),
            CampaignEvent::RecipientDetermined {
                customer_id,
                outcome,
            } => {
                self.size = self.size.map(|size| size.with_determined(outcome));
                self.undetermined.remove(&customer_id);
                self.determined.insert(customer_id, outcome);
            }
            CampaignEvent::Paused {} => self.status = CampaignStatus::Paused,
            CampaignEvent::Resumed {} => {
                self.status = match self.size {
                    None => CampaignStatus::Launching,
                    Some(_) => CampaignStatus::Sending,
                };
            }
            CampaignEvent::Completed {} => self.status = CampaignStatus::Completed,
            CampaignEvent::Cancelled {} => self.status = CampaignStatus::Cancelled,
            CampaignEvent::Missed {} => self.status = CampaignStatus::Missed,
        }
    }
}

fn initial_state(content: CampaignContent) -> CampaignState {
    CampaignState {
        created: content.creation_digest(),
        content: digest(&content),
        content_version: Campaign::CREATION_VERSION,
        is_deleted: false,
        status: match content.scheduled_at {
            Some(_) => CampaignStatus::Scheduled,
            None => CampaignStatus::Draft,
        },
        undetermined: BTreeSet::new(),
        determined: BTreeMap::new(),
        events: Campaign::CREATION_VERSION,
        scheduled_at: content.scheduled_at,
        segment: segment_of(content.audience),
        size: None,
        launched: None,
        scheduled: None,
    }
}

fn segment_of(audience: Audience) -> Option<SegmentId> {
    match audience {
        Audience::SegmentId(segment) => Some(segment),
        Audience::Rules(_) => None,
    }
}

impl Aggregate for Campaign {
    const TYPE: &'static str = "campaign";
    type Command = CampaignCommand;
    type Event = CampaignEvent;
    type Error = CampaignError;
    type Services = ();

    async fn handle(
        &mut self,
        command: CampaignCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), CampaignError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: CampaignEvent) {
        match (&mut self.0, event) {
            (campaign, CampaignEvent::Created(content)) => {
                *campaign = Some(initial_state(content));
            }
            (Some(state), event) => state.apply(event),
            // The first event of a campaign is its creation, so this cannot
            // happen.
            (None, _) => {}
        }
    }
}
