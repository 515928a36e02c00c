//! Campaigns: one message to each customer of an audience.
//!
//! A campaign's own life is in here; what becomes of each message is the
//! message's.

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

/// What may be asked of a campaign. What is already so is no event.
#[derive(Debug, Clone)]
pub enum CampaignCommand {
    /// To be, with this content; scheduled if that says when.
    Create(CampaignContent),
    /// To be, with this content, and to go out with it.
    CreateAndLaunch(CampaignContent, Box<Launch>),
    /// To go out now.
    Launch(Box<Launch>),
    /// Everybody meant has a message; of these customers nobody can tell.
    RecordAudience(AudienceSize, Vec<CustomerId>),
    /// A customer of whom could not be told whether they are meant is determined.
    RecordRecipient(CustomerId, DeterminedOutcome),
    /// To rest.
    Pause,
    /// To go on.
    Resume,
    /// What could not be handed over was queued again.
    RecordRetry {
        /// How many messages.
        requeued: u64,
    },
    /// Every message has ended.
    Complete,
    /// To end, with what was not sent.
    Cancel,
    /// It was not launched in time.
    Miss,
}

/// How far a campaign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignStatus {
    /// Waits for somebody to launch it.
    Draft,
    /// Waits for its time.
    Scheduled,
    /// Launched; who is meant is being found out.
    Launching,
    /// Messages are being sent, or receipts waited for.
    Sending,
    /// Rests.
    Paused,
    /// Every message was handed over and has its receipt, or is suppressed.
    Completed,
    /// Ended before that.
    Cancelled,
    /// Was not launched in time. It can still be, by hand.
    Missed,
}

impl CampaignStatus {
    /// `sending`
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

/// Why a command on a campaign is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CampaignError {
    /// It was never created.
    #[error("there is no such campaign")]
    NotFound,
    /// It was created with other content than it is to be created with now.
    #[error("the campaign was created with other content")]
    Conflict,
    /// From how far it is, this is not possible.
    #[error("a campaign that is {} cannot be {wanted}", .status.name())]
    Impossible {
        /// How far it is.
        status: CampaignStatus,
        /// What was asked: `launched`, `paused` …
        wanted: &'static str,
    },
}

/// A campaign as it stands: nothing until it was created.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Campaign(Option<State>);

/// Names the events that hold the content and the launch instead of repeating
/// them: whatever is done to a message reads this, and a template may be long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    /// The digest of the content that it was created with.
    created: u64,
    status: CampaignStatus,
    /// How many events there are: the version of the last one.
    events: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<Timestamp>,
    /// The segment whose rules its launch takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    segment: Option<SegmentId>,
    /// How many customers it is for, once all of them have a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<AudienceSize>,
    /// Of whom nobody can tell whether they are meant.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    undetermined: BTreeSet<CustomerId>,
    /// Those who were undetermined first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    determined: BTreeMap<CustomerId, DeterminedOutcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    launched: Option<Launched>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Launched {
    /// The version of the event that holds the launch.
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<u64>,
}

impl Campaign {
    /// The version of the event that holds a campaign's content: its first one.
    pub const CONTENT_VERSION: u64 = 1;

    /// How far it is; `None` if there is no such campaign.
    pub fn status(&self) -> Option<CampaignStatus> {
        self.0.as_ref().map(|state| state.status)
    }

    /// The version of the event that holds its last launch, once it was
    /// launched.
    pub fn launch_version(&self) -> Option<u64> {
        Some(self.0.as_ref()?.launched?.version)
    }

    /// How many customers it means, once that was found out.
    pub fn size(&self) -> Option<AudienceSize> {
        self.0.as_ref()?.size
    }

    /// Those of whom nobody can tell whether they are meant, as far as they are
    /// listed.
    pub fn undetermined(&self) -> impl Iterator<Item = &CustomerId> {
        self.0.iter().flat_map(|state| &state.undetermined)
    }

    /// What became of those who were undetermined first.
    pub fn determined(&self) -> impl Iterator<Item = (&CustomerId, DeterminedOutcome)> {
        let determined = self.0.iter().flat_map(|state| &state.determined);
        determined.map(|(customer, outcome)| (customer, *outcome))
    }

    /// When it is to be launched by itself, while it waits for that.
    pub fn due_at(&self) -> Option<Timestamp> {
        let state = self.0.as_ref()?;
        let waits = state.status == CampaignStatus::Scheduled;
        state.scheduled_at.filter(|_| waits)
    }

    /// The segment that it holds until its launch or its end, if it was created
    /// with a schedule.
    pub fn held_segment(&self) -> Option<&SegmentId> {
        let state = self.0.as_ref()?;
        state
            .segment
            .as_ref()
            .filter(|_| state.scheduled_at.is_some())
    }

    /// Whether a launch with this key would be an event, before it is known what
    /// the launch fixes; false for a repetition of the launch that was.
    ///
    /// # Errors
    /// [`CampaignError`] as for [`CampaignCommand::Launch`].
    pub fn check_launch(&self, key: Option<u64>) -> Result<bool, CampaignError> {
        let state = self.0.as_ref().ok_or(CampaignError::NotFound)?;
        state.check_launch(key)
    }

    /// The events that this command makes, if it makes any.
    ///
    /// # Errors
    /// [`CampaignError`], if a rule is against it.
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
            CampaignCommand::Complete => state?.complete(),
            CampaignCommand::Cancel => state?.cancel()?,
            CampaignCommand::Miss => state?.miss(),
        };
        Ok(event.into_iter().collect())
    }

    /// Repeated, it is compared with what it was then, whatever became of it.
    fn create(&self, content: CampaignContent) -> Result<Option<CampaignEvent>, CampaignError> {
        match &self.0 {
            None => Ok(Some(CampaignEvent::Created(content))),
            Some(state) if state.created == digest(&content) => Ok(None),
            Some(_) => Err(CampaignError::Conflict),
        }
    }
}

type Decision = Result<Option<CampaignEvent>, CampaignError>;

impl State {
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
            // The same request once more: it has not heard the answer.
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

    /// Of a campaign that has ended nothing is determined any more.
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

    /// Only what was sent can have failed to be.
    fn retry(&self, requeued: u64) -> Decision {
        use CampaignStatus::{Paused, Sending};
        match self.status {
            Sending | Paused if self.size.is_none() => self.impossible("retried"),
            Sending | Paused if requeued > 0 => Ok(Some(CampaignEvent::Retried { requeued })),
            Sending | Paused => Ok(None),
            _ => self.impossible("retried"),
        }
    }

    fn complete(&self) -> Option<CampaignEvent> {
        let is_sending = self.status == CampaignStatus::Sending;
        is_sending.then_some(CampaignEvent::Completed {})
    }

    fn cancel(&self) -> Decision {
        use CampaignStatus::{Cancelled, Completed};
        match self.status {
            Cancelled => Ok(None),
            Completed => self.impossible("cancelled"),
            _ => Ok(Some(CampaignEvent::Cancelled {})),
        }
    }

    fn miss(&self) -> Option<CampaignEvent> {
        let waits = self.status == CampaignStatus::Scheduled;
        waits.then_some(CampaignEvent::Missed {})
    }

    /// How far it is when it does not rest.
    fn awake(&self) -> CampaignStatus {
        match self.size {
            None => CampaignStatus::Launching,
            Some(_) => CampaignStatus::Sending,
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
            CampaignEvent::Resumed {} => self.status = self.awake(),
            CampaignEvent::Completed {} => self.status = CampaignStatus::Completed,
            CampaignEvent::Cancelled {} => self.status = CampaignStatus::Cancelled,
            CampaignEvent::Missed {} => self.status = CampaignStatus::Missed,
        }
    }
}

fn created(content: &CampaignContent) -> State {
    State {
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
            (campaign, CampaignEvent::Created(content)) => *campaign = Some(created(&content)),
            (Some(state), event) => state.apply(event),
            // The first event of a campaign is its creation.
            (None, _) => {}
        }
    }
}
