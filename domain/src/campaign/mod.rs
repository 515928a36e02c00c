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
    Audience, AudienceSize, CampaignContent, DeterminedOutcome, Launch, MAX_CAMPAIGN_TAGS, MAX_RATE,
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
    /// Launches the campaign now.
    Launch(Box<Launch>),
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
    /// The campaign's status does not allow the command.
    #[error("a campaign that is {} cannot be {wanted}", .status.name())]
    Impossible {
        /// Status of the campaign.
        status: CampaignStatus,
        /// Past participle of the requested action: `launched`, `paused` …
        wanted: &'static str,
    },
}

/// Campaign aggregate; empty until the campaign is created.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Campaign(Option<CampaignState>);

/// State of a created campaign. It holds the versions of the events with the
/// content and the launch instead of the data itself, since every command on a
/// message reads it and a template may be long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct CampaignState {
    /// Digest of the content that the campaign was created with.
    created: u64,
    status: CampaignStatus,
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Launched {
    /// Version of the launch event.
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<u64>,
}

impl Campaign {
    /// Version of the event with the campaign's content: the first one.
    pub const CONTENT_VERSION: u64 = 1;

    /// Returns the status; `None` if the campaign does not exist.
    pub fn status(&self) -> Option<CampaignStatus> {
        self.0.as_ref().map(|state| state.status)
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

    /// Returns whether a launch with this key would make an event; false if it
    /// repeats the current launch. Needs only the key, so the check can run
    /// before the launch is prepared.
    ///
    /// # Errors
    /// [`CampaignError`], as for [`CampaignCommand::Launch`].
    pub fn check_launch(&self, key: Option<u64>) -> Result<bool, CampaignError> {
        let state = self.0.as_ref().ok_or(CampaignError::NotFound)?;
        state.check_launch(key)
    }

    /// Returns the events that a command makes.
    ///
    /// # Errors
    /// [`CampaignError`] if a rule rejects the command.
    pub fn decide(&self, command: CampaignCommand) -> Result<Vec<CampaignEvent>, CampaignError> {
        let state = self.0.as_ref().ok_or(CampaignError::NotFound);
        let event = match command {
            CampaignCommand::Create(content) => self.create(content)?,
            CampaignCommand::CreateAndLaunch(content, launch) => {
                let created = self.create(content)?;
                let launched = created
                    .is_some()
                    .then_some(CampaignEvent::Launched(*launch));
                return Ok(created.into_iter().chain(launched).collect());
            }
            CampaignCommand::Launch(launch) => state?.launch(*launch)?,
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
            Some(state) if state.created == digest(&content) => Ok(None),
            Some(_) => Err(CampaignError::Conflict),
        }
    }
}

type Decision = Result<Option<CampaignEvent>, CampaignError>;

impl CampaignState {
    fn impossible(&self, wanted: &'static str) -> Decision {
        let status = self.status;
        Err(CampaignError::Impossible { status, wanted })
    }

    fn launch(&self, launch: Launch) -> Decision {
        let is_new = self.check_launch(launch.key)?;
        Ok(is_new.then_some(CampaignEvent::Launched(launch)))
    }

    fn check_launch(&self, key: Option<u64>) -> Result<bool, CampaignError> {
        use CampaignStatus::{Draft, Missed, Scheduled};
        let was = self.launched.and_then(|launched| launched.key);
        match self.status {
            Draft | Scheduled | Missed => Ok(true),
            // This repeats the current launch: its sender may have missed the
            // first response.
            _ if was.is_some() && was == key => Ok(false),
            status => Err(CampaignError::Impossible {
                status,
                wanted: "launched",
            }),
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

fn initial_state(content: &CampaignContent) -> CampaignState {
    CampaignState {
        created: digest(content),
        status: match content.scheduled_at {
            Some(_) => CampaignStatus::Scheduled,
            None => CampaignStatus::Draft,
        },
        undetermined: BTreeSet::new(),
        determined: BTreeMap::new(),
        events: Campaign::CONTENT_VERSION,
        scheduled_at: content.scheduled_at,
        segment: match &content.audience {
            Audience::SegmentId(segment) => Some(segment.clone()),
            Audience::Rules(_) => None,
        },
        size: None,
        launched: None,
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
                *campaign = Some(initial_state(&content));
            }
            (Some(state), event) => state.apply(event),
            // The first event of a campaign is its creation, so this cannot
            // happen.
            (None, _) => {}
        }
    }
}
