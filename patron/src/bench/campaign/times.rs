//! When a campaign's messages came to the log, as the log says.

use std::time::Duration;

use domain::{CampaignId, Metadata, Subject, Timestamp};
use eventlog::{Entry, Log, Position};

/// Entries read at once.
const BATCH: usize = 10_000;

/// How long each phase took.
#[derive(Default)]
pub(super) struct Times {
    /// From the launch to the last message queued.
    pub(super) queueing: Duration,
    /// From the first to the last message sent.
    pub(super) sending: Duration,
    /// From the first to the last receipt.
    pub(super) receiving: Duration,
    /// From the launch to the last event of all.
    pub(super) until_last: Duration,
    /// How many messages were queued, sent, and told of.
    pub(super) counts: [u64; 3],
}

/// Events of a kind: how many, the first and the last.
#[derive(Default, Clone, Copy)]
struct Kind {
    count: u64,
    first: Option<i64>,
    last: Option<i64>,
}

const KINDS: [&[&str]; 3] = [
    &["message_queued.1"],
    &["message_sent.1"],
    &["message_delivered.1", "message_failed.1"],
];

impl Times {
    /// Of what was appended after these positions, by the clock at the launch.
    pub(super) async fn read(
        log: &Log,
        from: Vec<Position>,
        campaign: &CampaignId,
        launched: Timestamp,
    ) -> anyhow::Result<Self> {
        let mut kinds = [Kind::default(); 3];
        for mut at in from {
            loop {
                let entries = log.read(at, BATCH).await?;
                let Some(last) = entries.last() else { break };
                at = last.position;
                for entry in &entries {
                    note(&mut kinds, campaign, entry)?;
                }
            }
        }
        let [queued, sent, told] = kinds;
        let last = kinds.iter().filter_map(|kind| kind.last).max();
        Ok(Self {
            queueing: between(Some(launched.millis()), queued.last),
            sending: between(sent.first, sent.last),
            receiving: between(told.first, told.last),
            until_last: between(Some(launched.millis()), last),
            counts: kinds.map(|kind| kind.count),
        })
    }
}

fn note(kinds: &mut [Kind; 3], campaign: &CampaignId, entry: &Entry) -> anyhow::Result<()> {
    let kind = KINDS.iter().position(|tags| tags.contains(&&*entry.tag));
    let Some(kind) = kind.and_then(|kind| kinds.get_mut(kind)) else {
        return Ok(());
    };
    if !matches!(Subject::parse(&entry.key)?, Subject::Message(_, of) if of == *campaign) {
        return Ok(());
    }
    let at = serde_json::from_str::<Metadata>(&entry.meta)?.at.millis();
    kind.count += 1;
    kind.first = Some(kind.first.map_or(at, |first| first.min(at)));
    kind.last = kind.last.max(Some(at));
    Ok(())
}

fn between(first: Option<i64>, last: Option<i64>) -> Duration {
    let millis = first.zip(last).map_or(0, |(first, last)| last - first);
    Duration::from_millis(millis.unsigned_abs())
}
