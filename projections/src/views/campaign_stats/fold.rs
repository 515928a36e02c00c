//! Fold of the view `campaign_stats`: applies a message's event to the figures of its
//! campaign.

use domain::{Event, MessageEvent, Subject, SuppressionReason};

use super::document::{CampaignFigures, CampaignStatsDocument};
use crate::runtime::date::date;
use crate::runtime::recorded::Recorded;
use crate::runtime::view::FoldError;

pub(super) fn fold(
    document: Option<CampaignStatsDocument>,
    event: &Recorded,
) -> Result<CampaignStatsDocument, FoldError> {
    let (Subject::Message(_, campaign), Event::Message(message_event)) =
        (&event.subject, &event.event)
    else {
        return Err(FoldError(format!("{} is not a message", event.subject)));
    };
    let mut figures = document
        .map(|document| document.figures)
        .unwrap_or_default();
    count(&mut figures, message_event);
    // The maximum, since the fold of a shared view must not depend on the order of
    // events.
    figures.last_at = figures.last_at.max(Some(date(event.metadata.at)));
    Ok(CampaignStatsDocument {
        campaign_id: campaign.clone(),
        figures,
    })
}

/// Moves a message between the counts. The event has the status before it, so the
/// message itself is not read.
fn count(figures: &mut CampaignFigures, event: &MessageEvent) {
    if let Some(before) = event.from() {
        *figures.by_status.of_mut(before) -= 1;
    }
    if let Some(after) = event.status() {
        *figures.by_status.of_mut(after) += 1;
    }
    if let Some(reason) = event.unsuppressed() {
        adjust_suppressed(figures, reason, -1);
    }
    match event {
        MessageEvent::Suppressed { why, .. } => adjust_suppressed(figures, why.reason(), 1),
        MessageEvent::Attempted(_) => figures.attempts += 1,
        // A message has each of these events once.
        MessageEvent::Complained(_) => figures.marks.complained += 1,
        MessageEvent::Opened(_) => figures.marks.opened += 1,
        MessageEvent::Clicked { .. } => figures.marks.clicked += 1,
        MessageEvent::ReceiptRefused(_) => figures.refused_receipts += 1,
        _ => {}
    }
}

fn adjust_suppressed(figures: &mut CampaignFigures, reason: SuppressionReason, by: i64) {
    let count = figures.suppressed_for.entry(reason.name().to_owned());
    let count = count.and_modify(|count| *count += by).or_insert(by);
    if *count == 0 {
        figures.suppressed_for.remove(reason.name());
    }
}
