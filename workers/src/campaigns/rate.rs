//! Rate limit of one campaign, in messages per second over all processes.

use std::time::Duration;

use domain::{CampaignId, Subject};
use eventlog::{Log, LogError, RateTokens, TokenBatch, TokenGrant};

/// Longest time whose messages, at the campaign's rate, one batch may contain, so that
/// the messages of a second are not all sent at once.
const SPREAD: Duration = Duration::from_millis(200);

/// Rate limiter of one campaign; limits nothing if the campaign has no rate.
#[derive(Clone)]
pub(super) struct Limiter(Option<RateTokens>);

/// Result of a request for tokens.
pub(super) enum Permission {
    /// Tokens are reserved.
    Granted(Reserved),
    /// No token is available; try again after this time.
    Wait(Duration),
}

/// Reserved tokens, one per message. Tokens that are not spent are released on drop.
pub(super) struct Reserved {
    tokens: Option<(RateTokens, TokenBatch)>,
    count: usize,
}

impl Limiter {
    /// Creates a limiter for this many messages per second; `None` for no limit.
    pub(super) fn new(log: &Log, campaign: &CampaignId, per_second: Option<u32>) -> Self {
        Self(per_second.map(|per_second| {
            let subject = Subject::Campaign(campaign.clone());
            let key = log.layout().key(subject.to_string(), subject.route());
            RateTokens::new(log, key, per_second, largest_batch(per_second))
        }))
    }

    /// Reserves tokens for up to `count` messages of one batch.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached.
    pub(super) async fn reserve(&self, count: usize) -> Result<Permission, LogError> {
        let Some(tokens) = &self.0 else {
            let tokens = None;
            return Ok(Permission::Granted(Reserved { tokens, count }));
        };
        Ok(match tokens.take(count).await? {
            TokenGrant::Wait(wait) => Permission::Wait(wait),
            TokenGrant::Some(batch) => Permission::Granted(Reserved {
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
    /// Returns the number of messages that may be written.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Releases all tokens but `count`.
    pub(super) async fn keep(&mut self, count: usize) {
        self.count = self.count.min(count);
        if let Some((tokens, batch)) = &mut self.tokens {
            let kept = tokens.keep(batch, as_u32(self.count)).await;
            log_failed_release(kept);
        }
    }

    /// Spends the tokens of `count` messages that are written now, and releases the
    /// others. Returns false if the tokens have expired or Redis could not be reached;
    /// then nothing may be written.
    pub(super) async fn written(&mut self, count: usize) -> bool {
        let Some((tokens, batch)) = self.tokens.take() else {
            return true;
        };
        match tokens.written(&batch, as_u32(count)).await {
            Ok(may) => may,
            Err(error) => {
                tracing::debug!(%error, "messages are held: tokens of the rate could not be spent");
                false
            }
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some((tokens, mut batch)) = self.tokens.take() {
            // `drop` cannot await; the tokens expire if the task fails.
            tokio::spawn(async move { log_failed_release(tokens.keep(&mut batch, 0).await) });
        }
    }
}

fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn log_failed_release(given_back: Result<(), LogError>) {
    if let Err(error) = given_back {
        tracing::debug!(%error, "tokens could not be released; they expire by themselves");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_at_most_a_fifth_of_a_second_of_messages() {
        let batches = [1, 4, 10, 500, u32::MAX].map(largest_batch);
        assert_eq!(batches, [1, 1, 2, 100, u32::MAX / 5]);
    }
}
