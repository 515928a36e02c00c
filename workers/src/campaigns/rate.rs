//! How many messages a second a campaign sends at most, over all processes.

use std::time::Duration;

use domain::{CampaignId, Subject};
use eventlog::{Batch, Log, LogError, Taken, Tokens};

/// A batch has at most as many messages as the rate allows in this time, so
/// that a second's messages do not go out all at once.
const SPREAD: Duration = Duration::from_millis(200);

/// The rate of one campaign, if it has one.
#[derive(Clone)]
pub(super) struct Limiter(Option<Tokens>);

/// What came of asking for permission.
pub(super) enum Permission {
    /// To write messages.
    Granted(Reserved),
    /// None yet: ask again after this.
    Wait(Duration),
}

/// Permission to write so many messages. What is not written is given back when
/// this is dropped.
pub(super) struct Reserved {
    tokens: Option<(Tokens, Batch)>,
    count: usize,
}

impl Limiter {
    /// Lets so many messages a second through; any number without a rate.
    pub(super) fn new(log: &Log, campaign: &CampaignId, per_second: Option<u32>) -> Self {
        Self(per_second.map(|per_second| {
            let subject = Subject::Campaign(campaign.clone());
            let key = log.layout().key(subject.to_string(), subject.route());
            Tokens::new(log, key, per_second, largest_batch(per_second))
        }))
    }

    /// Permission to write up to `count` messages as one batch.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub(super) async fn reserve(&self, count: usize) -> Result<Permission, LogError> {
        let Some(tokens) = &self.0 else {
            let tokens = None;
            return Ok(Permission::Granted(Reserved { tokens, count }));
        };
        Ok(match tokens.take(count).await? {
            Taken::Wait(wait) => Permission::Wait(wait),
            Taken::Some(batch) => Permission::Granted(Reserved {
                count: usize::try_from(batch.count).unwrap_or(count),
                tokens: Some((tokens.clone(), batch)),
            }),
        })
    }
}

fn largest_batch(per_second: u32) -> u32 {
    let spread = u64::from(per_second) * SPREAD.as_millis() as u64 / 1_000;
    u32::try_from(spread).unwrap_or(u32::MAX).max(1)
}

impl Reserved {
    /// How many messages may be written.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Gives back all but so many.
    pub(super) async fn keep(&mut self, count: usize) {
        self.count = self.count.min(count);
        if let Some((tokens, batch)) = &mut self.tokens {
            let kept = tokens.keep(batch, as_u32(self.count)).await;
            tell(kept);
        }
    }

    /// So many are written now; the others are given back. Returns false if that
    /// cannot be recorded: then nothing may be written.
    pub(super) async fn written(&mut self, count: usize) -> bool {
        let Some((tokens, batch)) = self.tokens.take() else {
            return true;
        };
        match tokens.written(&batch, as_u32(count)).await {
            Ok(may) => may,
            Err(error) => {
                tracing::debug!(%error, "messages wait: the rate cannot be kept");
                false
            }
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some((tokens, mut batch)) = self.tokens.take() {
            // Nobody here waits for it.
            tokio::spawn(async move { tell(tokens.keep(&mut batch, 0).await) });
        }
    }
}

fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn tell(given_back: Result<(), LogError>) {
    if let Err(error) = given_back {
        tracing::debug!(%error, "permissions could not be given back; they lapse");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_a_fifth_of_a_second_at_most() {
        let batches = [1, 4, 10, 500, u32::MAX].map(largest_batch);
        assert_eq!(batches, [1, 1, 2, 100, u32::MAX / 5]);
    }
}
