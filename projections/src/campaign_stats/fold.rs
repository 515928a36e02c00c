//! What each event of a message does to its campaign's numbers.

use domain::{Event, MessageEvent, Subject, SuppressionReason};

use super::document::{CampaignFigures, CampaignStatsDocument};
use crate::Recorded;
use crate::date::date;
use crate::view::FoldError;

pub(super) fn fold(
    document: Option<CampaignStatsDocument>,
    event: &Recorded,
) -> Result<CampaignStatsDocument, FoldError> {
    let (Subject::Message(_, campaign), Event::Message(happened)) = (&event.subject, &event.event)
    else {
        return Err(FoldError(format!("{} is no message", event.subject)));
    };
    let mut figures = document
        .map(|document| document.figures)
        .unwrap_or_default();
    count(&mut figures, happened);
    figures.last_at = figures.last_at.max(Some(date(event.metadata.at)));
    Ok(CampaignStatsDocument {
        campaign_id: campaign.clone(),
        figures,
    })
}

/// The event says how far the message was: no look at the message is needed.
fn count(figures: &mut CampaignFigures, happened: &MessageEvent) {
    if let Some(before) = happened.from() {
        *figures.by_status.place(before) -= 1;
    }
    if let Some(after) = happened.status() {
        *figures.by_status.place(after) += 1;
    }
    if let Some(reason) = happened.unsuppressed() {
        suppress(figures, reason, -1);
    }
    match happened {
        MessageEvent::Suppressed { why, .. } => suppress(figures, why.reason(), 1),
        MessageEvent::Attempted(_) => figures.attempts += 1,
        _ => {}
    }
}

fn suppress(figures: &mut CampaignFigures, reason: SuppressionReason, by: i64) {
    let count = figures.suppressed_for.entry(reason.name().to_owned());
    let count = count.and_modify(|count| *count += by).or_insert(by);
    if *count == 0 {
        figures.suppressed_for.remove(reason.name());
    }
}
