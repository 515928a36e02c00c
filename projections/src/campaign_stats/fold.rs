//! What each event of a message does to its campaign's numbers.

use domain::{Event, MessageEvent, Subject};

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
    Ok(CampaignStatsDocument {
        campaign_id: campaign.clone(),
        figures,
        last_at: date(event.metadata.at),
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
    match happened {
        MessageEvent::Suppressed { why, .. } => {
            let reason = why.name().to_owned();
            *figures.suppressed_for.entry(reason).or_default() += 1;
        }
        MessageEvent::Attempted(_) => figures.attempts += 1,
        _ => {}
    }
}
