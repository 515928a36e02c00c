//! What becomes of a campaign's messages, in numbers.

use std::collections::BTreeMap;

use bson::DateTime;
use domain::{CampaignId, MessageStatus};
use serde::{Deserialize, Serialize};

/// The messages of a campaign to the customers of one partition, in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignStatsDocument {
    /// Which campaign.
    pub campaign_id: CampaignId,
    /// The numbers.
    #[serde(flatten)]
    pub figures: CampaignFigures,
}

/// Messages of a campaign in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CampaignFigures {
    /// How many are how far.
    pub by_status: StatusCounts,
    /// How many are suppressed for which reason; together as many as are
    /// suppressed.
    pub suppressed_for: BTreeMap<String, i64>,
    /// How many attempts to hand one over failed.
    pub attempts: i64,
    /// When something last happened to one of them.
    pub last_at: Option<DateTime>,
}

/// How many messages are how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatusCounts {
    /// To be sent.
    pub queued: i64,
    /// Not to be sent.
    pub suppressed: i64,
    /// With the vendor.
    pub sent: i64,
    /// Arrived.
    pub delivered: i64,
    /// Not arrived.
    pub failed: i64,
    /// Not taken by the vendor.
    pub undeliverable: i64,
}

impl StatusCounts {
    /// How many are as far as this.
    pub fn of(&self, status: MessageStatus) -> i64 {
        let mut counts = *self;
        *counts.place(status)
    }

    pub(super) fn place(&mut self, status: MessageStatus) -> &mut i64 {
        match status {
            MessageStatus::Queued => &mut self.queued,
            MessageStatus::Suppressed => &mut self.suppressed,
            MessageStatus::Sent => &mut self.sent,
            MessageStatus::Delivered => &mut self.delivered,
            MessageStatus::Failed => &mut self.failed,
            MessageStatus::Undeliverable => &mut self.undeliverable,
        }
    }
}

/// `audience = sent + failed + suppressed + pending`, whenever it is asked.
impl CampaignFigures {
    /// All messages.
    pub fn audience(&self) -> i64 {
        MessageStatus::ALL
            .iter()
            .map(|status| self.by_status.of(*status))
            .sum()
    }

    /// Those to be sent.
    pub fn queued(&self) -> i64 {
        self.by_status.queued
    }

    /// Those that the vendor took and has not failed to deliver.
    pub fn sent(&self) -> i64 {
        self.by_status.sent + self.by_status.delivered
    }

    /// Those that arrived.
    pub fn delivered(&self) -> i64 {
        self.by_status.delivered
    }

    /// Those that did not arrive, or that the vendor did not take.
    pub fn failed(&self) -> i64 {
        self.by_status.failed + self.by_status.undeliverable
    }

    /// Those that the vendor did not take.
    pub fn undeliverable(&self) -> i64 {
        self.by_status.undeliverable
    }

    /// Those that are not to be sent.
    pub fn suppressed(&self) -> i64 {
        self.by_status.suppressed
    }

    /// Those still to be sent.
    pub fn pending(&self) -> i64 {
        self.queued()
    }

    /// Those that the vendor has and says nothing of yet.
    pub fn awaiting_receipt(&self) -> i64 {
        self.by_status.sent
    }

    /// Takes the numbers of another partition in.
    pub(super) fn add(&mut self, other: &Self) {
        for status in MessageStatus::ALL {
            *self.by_status.place(status) += other.by_status.of(status);
        }
        for (reason, count) in &other.suppressed_for {
            *self.suppressed_for.entry(reason.clone()).or_default() += count;
        }
        self.attempts += other.attempts;
        self.last_at = self.last_at.max(other.last_at);
    }
}
