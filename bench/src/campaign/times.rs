//! Times at which a campaign's messages were recorded, read from the log.

use std::time::Duration;

use domain::{CampaignId, Metadata, Subject, Timestamp};
use eventlog::{Entry, Log, Position};

/// Number of entries per read.
const BATCH: usize = 10_000;

/// Duration of each phase.
#[derive(Default)]
pub(super) struct CampaignTimes {
    /// Time from the launch to the last queued message.
    pub(super) queueing: Duration,
    /// Time from the first to the last sent message.
    pub(super) sending: Duration,
    /// Time from the first to the last receipt.
    pub(super) receiving: Duration,
    /// Time from the launch to the last event.
    pub(super) until_last: Duration,
    /// Number of messages that were queued, sent, and receipted.
    pub(super) counts: [u64; 3],
}

/// Count of the events of one phase, with the times of the first and the last in milliseconds.
#[derive(Default, Clone, Copy)]
struct Phase {
    count: u64,
    first: Option<i64>,
    last: Option<i64>,
}

const PHASES: [&[&str]; 3] = [
    &["message_queued.1"],
    &["message_sent.1"],
    &["message_delivered.1", "message_failed.1"],
];

impl CampaignTimes {
    /// Reads the events of the campaign after these positions. `launched` is the clock's time at
    /// the launch.
    pub(super) async fn read(
        log: &Log,
        from: Vec<Position>,
        campaign: &CampaignId,
        launched: Timestamp,
    ) -> anyhow::Result<Self> {
        let mut phases = [Phase::default(); 3];
        for mut at in from {
            loop {
                let entries = log.read(at, BATCH).await?;
                let Some(last) = entries.last() else { break };
                at = last.position;
                for entry in &entries {
                    count(&mut phases, campaign, entry)?;
                }
            }
        }
        let [queued, sent, receipted] = phases;
        let last = phases.iter().filter_map(|phase| phase.last).max();
        Ok(Self {
            queueing: between(Some(launched.millis()), queued.last),
            sending: between(sent.first, sent.last),
            receiving: between(receipted.first, receipted.last),
            until_last: between(Some(launched.millis()), last),
            counts: phases.map(|phase| phase.count),
        })
    }
}

/// Counts an entry if it is an event of a message of the campaign.
fn count(phases: &mut [Phase; 3], campaign: &CampaignId, entry: &Entry) -> anyhow::Result<()> {
    let phase = PHASES.iter().position(|tags| tags.contains(&&*entry.tag));
    let Some(phase) = phase.and_then(|phase| phases.get_mut(phase)) else {
        return Ok(());
    };
    if !matches!(Subject::parse(&entry.key)?, Subject::Message(_, of) if of == *campaign) {
        return Ok(());
    }
    let at = serde_json::from_str::<Metadata>(&entry.meta)?.at.millis();
    phase.count += 1;
    phase.first = Some(phase.first.map_or(at, |first| first.min(at)));
    phase.last = phase.last.max(Some(at));
    Ok(())
}

fn between(first: Option<i64>, last: Option<i64>) -> Duration {
    let millis = first.zip(last).map_or(0, |(first, last)| last - first);
    Duration::from_millis(millis.unsigned_abs())
}
