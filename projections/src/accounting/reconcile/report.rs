//! Input and result of a reconciliation.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AudienceSize, Campaign, CampaignId, CampaignStatus, CustomerId, DeterminedOutcome, Launch,
    Template, Timestamp,
};

use crate::runtime::error::ProjectError;
use crate::runtime::store::QueryError;
use crate::runtime::withheld::Withheld;

/// Maximum number of discrepancies that are listed.
pub const MAX_DISCREPANCIES: usize = 1_000;

/// A launched campaign and its records since the launch.
#[derive(Debug, Clone)]
pub struct LaunchedCampaign {
    /// Id of the campaign.
    pub campaign: CampaignId,
    /// Launch of the campaign.
    pub launch: Launch,
    /// Template of the campaign's content.
    pub template: Template,
    /// Recorded size of the audience, once known.
    pub size: Option<AudienceSize>,
    /// Customers that the campaign recorded as undetermined.
    pub undetermined: BTreeSet<CustomerId>,
    /// Outcomes for customers who were undetermined at first.
    pub determined: BTreeMap<CustomerId, DeterminedOutcome>,
    /// Status of the campaign.
    pub status: CampaignStatus,
}

impl LaunchedCampaign {
    /// Creates the input of a reconciliation from a campaign's head, its launch
    /// and its template.
    pub fn of(id: CampaignId, campaign: &Campaign, launch: Launch, template: Template) -> Self {
        let mut launched = Self {
            campaign: id,
            launch,
            template,
            size: None,
            undetermined: BTreeSet::new(),
            determined: BTreeMap::new(),
            status: CampaignStatus::Launching,
        };
        launched.update(campaign);
        launched
    }

    /// Updates the recorded values from a newer head of the campaign.
    pub(super) fn update(&mut self, campaign: &Campaign) {
        self.size = campaign.size();
        self.undetermined = campaign.undetermined().cloned().collect();
        let determined = campaign.determined();
        self.determined = determined
            .map(|(id, outcome)| (id.clone(), outcome))
            .collect();
        self.status = campaign.status().unwrap_or(self.status);
    }
}

/// Result of a reconciliation. Without discrepancies, `planned` is the sum of
/// `sent`, `failed`, `suppressed` and `pending`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciliation {
    /// Number of customers who match the rules at the launch.
    pub planned: u64,
    /// Number of messages that the vendor accepted.
    pub sent: u64,
    /// Number of messages in `sent` that a receipt reports as delivered.
    pub delivered: u64,
    /// Number of messages in `sent` without a receipt within the time for one.
    pub unconfirmed: u64,
    /// Number of messages that did not arrive, or that the vendor did not
    /// accept.
    pub failed: u64,
    /// Number of messages in `failed` that the recipient's provider returned.
    pub bounced: u64,
    /// Number of messages in `failed` that the vendor refused for good.
    pub rejected: u64,
    /// Number of messages in `failed` that the vendor did not accept after all
    /// attempts.
    pub undeliverable: u64,
    /// Number of messages that their recipient complained about.
    pub complained: u64,
    /// Number of receipts of the campaign's messages that were refused, as far as
    /// they are recorded.
    pub refused_receipts: u64,
    /// Number of recipients that get no message.
    pub suppressed: u64,
    /// Number of messages that are still to be sent.
    pub pending: u64,
    /// Number of messages in `sent` without a receipt yet.
    pub awaiting_receipt: u64,
    /// Time when the vendor's acceptance of the first of these was recorded.
    pub awaiting_since: Option<Timestamp>,
    /// Number of customers for whom it is unknown whether they match, since an
    /// event of theirs could not be folded at the launch. Those that got a
    /// message since are counted in `planned` instead.
    pub undetermined: u64,
    /// Events that the compared views could not fold. The messages and
    /// statistics that they concern are not compared. At most
    /// [`MAX_DISCREPANCIES`] are listed.
    pub withheld: Vec<Withheld>,
    /// True if the views had caught up and were compared.
    pub views_compared: bool,
    /// True if this program could check all texts. It cannot check texts that a
    /// newer program rendered with other rules.
    pub texts_compared: bool,
    /// Discrepancies, [`MAX_DISCREPANCIES`] at most.
    pub discrepancies: Vec<Discrepancy>,
    /// Number of all discrepancies.
    pub found: u64,
}

/// A deviation of a campaign from its launch, or of a view from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// Kind of discrepancy.
    pub kind: DiscrepancyKind,
    /// Customer concerned, if any.
    pub customer: Option<CustomerId>,
    /// Description for people.
    pub detail: String,
}

/// Kinds of discrepancies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscrepancyKind {
    /// A recipient has no message.
    MissingMessage,
    /// A customer has a message but is not a recipient.
    UnexpectedMessage,
    /// The audience size that the campaign recorded differs from the one in the
    /// log.
    SizeDiffers,
    /// The counts in the view `campaign_stats` differ from those in the log.
    StatisticsDiffer,
    /// The view `messages` lacks a message, has one that the log lacks, or has
    /// one in another status than the log.
    ViewDiffers,
    /// A message was sent to a customer who had unsubscribed, or to an address with
    /// which another customer had.
    SentAfterUnsubscribe,
    /// A message was sent after the campaign was paused or cancelled.
    SentAfterStop,
    /// A message's text cannot be rendered again from its recorded values, or
    /// differs from the recorded digest.
    TextDiffers,
    /// Messages to several customers with one address were queued.
    AddressQueuedTwice,
    /// A customer was suppressed for another one with the same address, whose
    /// message was not queued.
    DuplicateWithoutMessage,
}

impl DiscrepancyKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::MissingMessage,
        Self::UnexpectedMessage,
        Self::SizeDiffers,
        Self::StatisticsDiffer,
        Self::ViewDiffers,
        Self::SentAfterUnsubscribe,
        Self::SentAfterStop,
        Self::TextDiffers,
        Self::AddressQueuedTwice,
        Self::DuplicateWithoutMessage,
    ];

    /// Returns the wire name, such as `missing_message`.
    pub fn name(self) -> &'static str {
        match self {
            Self::MissingMessage => "missing_message",
            Self::UnexpectedMessage => "unexpected_message",
            Self::SizeDiffers => "size_differs",
            Self::StatisticsDiffer => "statistics_differ",
            Self::ViewDiffers => "view_differs",
            Self::SentAfterUnsubscribe => "sent_after_unsubscribe",
            Self::SentAfterStop => "sent_after_stop",
            Self::TextDiffers => "text_differs",
            Self::AddressQueuedTwice => "address_queued_twice",
            Self::DuplicateWithoutMessage => "duplicate_without_message",
        }
    }
}

/// Error of a reconciliation.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The log or MongoDB does not answer, or the log cannot be read.
    #[error(transparent)]
    Log(#[from] ProjectError),
    /// MongoDB does not answer.
    #[error(transparent)]
    Query(#[from] QueryError),
}
