//! Document of the view `campaign_stats`: counts of a campaign's messages.

use std::collections::BTreeMap;

use bson::DateTime;
use domain::{CampaignId, MessageCount, MessageStatus};
use serde::{Deserialize, Serialize};

/// Figures of a campaign's messages to the customers of one partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignStatsDocument {
    /// Campaign of the messages.
    pub campaign_id: CampaignId,
    /// Figures of the messages.
    #[serde(flatten)]
    pub figures: CampaignFigures,
}

/// Counts of a campaign's messages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CampaignFigures {
    /// Number of messages by status.
    pub by_status: StatusCounts,
    /// Number of suppressed messages by reason; the sum is `by_status.suppressed`.
    pub suppressed_for: BTreeMap<String, i64>,
    /// Number of failed delivery attempts.
    pub attempts: i64,
    /// Number of messages by what receipts say besides their status.
    #[serde(default)]
    pub marks: MarkCounts,
    /// Number of refused receipts that are recorded.
    #[serde(default)]
    pub refused_receipts: i64,
    /// Time of the last event of any of the messages; `None` without messages.
    pub last_at: Option<DateTime>,
}

/// Number of messages by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatusCounts {
    /// Messages that are yet to be sent.
    pub queued: i64,
    /// Messages that will not be sent, for a recorded reason.
    pub suppressed: i64,
    /// Messages that the vendor accepted and has sent no receipt for.
    pub sent: i64,
    /// Messages that arrived, by their receipts.
    pub delivered: i64,
    /// Messages that did not arrive, by their receipts.
    pub failed: i64,
    /// Messages that the recipient's provider returned, by their receipts.
    #[serde(default)]
    pub bounced: i64,
    /// Messages that the vendor accepted, without a receipt within the time for one.
    #[serde(default)]
    pub unconfirmed: i64,
    /// Messages that the vendor refused for good.
    #[serde(default)]
    pub rejected: i64,
    /// Messages that the vendor did not accept after all attempts.
    pub undeliverable: i64,
}

/// Number of messages by what receipts say besides their status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MarkCounts {
    /// Messages that their recipient complained about.
    #[serde(default)]
    pub complained: i64,
    /// Messages that their recipient opened.
    #[serde(default)]
    pub opened: i64,
    /// Messages with a link that their recipient followed.
    #[serde(default)]
    pub clicked: i64,
}

impl StatusCounts {
    /// Returns the number of messages with this status.
    pub fn of(&self, status: MessageStatus) -> i64 {
        let mut counts = *self;
        *counts.of_mut(status)
    }

    pub(super) fn of_mut(&mut self, status: MessageStatus) -> &mut i64 {
        match status {
            MessageStatus::Queued => &mut self.queued,
            MessageStatus::Suppressed => &mut self.suppressed,
            MessageStatus::Sent => &mut self.sent,
            MessageStatus::Delivered => &mut self.delivered,
            MessageStatus::Failed => &mut self.failed,
            MessageStatus::Bounced => &mut self.bounced,
            MessageStatus::Unconfirmed => &mut self.unconfirmed,
            MessageStatus::Rejected => &mut self.rejected,
            MessageStatus::Undeliverable => &mut self.undeliverable,
        }
    }
}

/// Figures derived from the counts. At any time,
/// `audience = sent + failed + suppressed + pending`.
impl CampaignFigures {
    /// Returns the number of all messages.
    pub fn audience(&self) -> i64 {
        MessageStatus::ALL
            .iter()
            .map(|status| self.by_status.of(*status))
            .sum()
    }

    /// Returns the number of queued messages.
    pub fn queued(&self) -> i64 {
        self.by_status.queued
    }

    /// Returns the number of messages that the vendor accepted and that did not fail:
    /// delivered, or without a receipt.
    pub fn sent(&self) -> i64 {
        self.counted(MessageCount::Sent)
    }

    /// Returns the number of messages that arrived.
    pub fn delivered(&self) -> i64 {
        self.by_status.delivered
    }

    /// Returns the number of messages that did not arrive, or that the vendor did not
    /// accept.
    pub fn failed(&self) -> i64 {
        self.counted(MessageCount::Failed)
    }

    /// Returns the number of messages that the vendor did not accept after all attempts.
    pub fn undeliverable(&self) -> i64 {
        self.by_status.undeliverable
    }

    /// Returns the number of suppressed messages.
    pub fn suppressed(&self) -> i64 {
        self.by_status.suppressed
    }

    /// Returns the number of messages that are yet to be sent: the queued ones.
    pub fn pending(&self) -> i64 {
        self.queued()
    }

    /// Returns the number of messages that the vendor accepted and has sent no receipt
    /// for, while there is time for one.
    pub fn awaiting_receipt(&self) -> i64 {
        self.by_status.sent
    }

    fn counted(&self, count: MessageCount) -> i64 {
        let statuses = MessageStatus::ALL.into_iter();
        let counted = statuses.filter(|status| status.count() == count);
        counted.map(|status| self.by_status.of(status)).sum()
    }

    /// Adds the figures of another partition.
    pub(super) fn add(&mut self, other: &Self) {
        for status in MessageStatus::ALL {
            *self.by_status.of_mut(status) += other.by_status.of(status);
        }
        for (reason, count) in &other.suppressed_for {
            *self.suppressed_for.entry(reason.clone()).or_default() += count;
        }
        self.attempts += other.attempts;
        self.marks.complained += other.marks.complained;
        self.marks.opened += other.marks.opened;
        self.marks.clicked += other.marks.clicked;
        self.refused_receipts += other.refused_receipts;
        self.last_at = self.last_at.max(other.last_at);
    }
}
