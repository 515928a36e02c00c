//! Rate limit shared by several processes, on Redis's clock.
//!
//! A process takes tokens for the messages that it is about to write, confirms the
//! tokens of those that it writes, and returns the rest. A token counts from the time
//! it is taken until one second after it is confirmed. So within any second, wherever
//! it begins, all processes together write at most the allowed number.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;

use crate::{Key, Log, LogError};

/// Time for which a token counts if it is neither confirmed nor returned, as when its
/// process has died.
const ABANDONED: Duration = Duration::from_secs(30);

/// Time for which a confirmed token counts. Longer than a second, since the delay
/// between the confirmation and the message's arrival differs from write to write.
const SECOND: Duration = Duration::from_millis(1_050);

/// Takes up to ARGV[2] tokens, of ARGV[1] per second and at most ARGV[3] at once.
/// Returns the number taken, and the milliseconds to wait if it is 0. Members of the
/// set are `ID/COUNT`; their scores are the times at which they stop counting. ARGV[6]
/// is the time per token if tokens are spread evenly, in microseconds.
// Two conditions must hold. The sliding window (KEYS[1]) bounds the number in any
// second. The pace (KEYS[2]) spreads tokens over the second, so that they are not all
// taken at its start. Times too far ahead were stored before Redis's clock was set
// back, and are dropped. The wait is at most 100 ms, since tokens may be returned
// earlier than they expire.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local t = redis.call('TIME') \
         local micros = t[1] * 1000000 + t[2] \
         local now = math.floor(micros / 1000) \
         redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now) \
         redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. (now + ARGV[5]), '+inf') \
         local next = tonumber(redis.call('HGET', KEYS[2], 'next') or 0) \
         if next > micros + 1000000 + ARGV[3] * ARGV[6] then next = 0 end \
         if next > micros then return {0, math.min(math.ceil((next - micros) / 1000), 100)} end \
         local taken, first = 0, nil \
         for i, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')) do \
           if i % 2 == 1 then \
             taken = taken + tonumber(string.match(member, '/(%d+)$')) \
           elseif not first then \
             first = tonumber(member) \
           end \
         end \
         local count = math.min(tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[1] - taken) \
         if count <= 0 then return {0, math.min(math.max(first - now, 1), 100)} end \
         redis.call('ZADD', KEYS[1], now + ARGV[5], ARGV[4] .. '/' .. count) \
         redis.call('PEXPIRE', KEYS[1], ARGV[5] + 1000) \
         local from = math.max(next, micros - ARGV[3] * ARGV[6]) \
         redis.call('HSET', KEYS[2], 'next', string.format('%d', from + count * ARGV[6])) \
         redis.call('PEXPIRE', KEYS[2], ARGV[5]) \
         return {count, 0}",
    )
});

/// Keeps ARGV[3] of the ARGV[2] tokens of ARGV[1], and confirms them if ARGV[4] is not
/// 0. Returns 0 if they have expired.
// Expired tokens may have been taken by another process, so the caller must not write.
static SETTLE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local member = ARGV[1] .. '/' .. ARGV[2] \
         local lapses = redis.call('ZSCORE', KEYS[1], member) \
         if not lapses then return 0 end \
         redis.call('ZREM', KEYS[1], member) \
         if ARGV[3] == '0' then return 1 end \
         if ARGV[4] ~= '0' then \
           local t = redis.call('TIME') \
           lapses = t[1] * 1000 + math.ceil(t[2] / 1000) + ARGV[4] \
         end \
         redis.call('ZADD', KEYS[1], lapses, ARGV[1] .. '/' .. ARGV[3]) \
         redis.call('PEXPIRE', KEYS[1], ARGV[5]) \
         return 1",
    )
});

/// Rate limit of one aggregate.
#[derive(Clone)]
pub struct RateTokens {
    log: Log,
    key: Key,
    per_second: u32,
    /// Largest number of tokens that are taken at once.
    at_once: u32,
}

/// Result of taking tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenGrant {
    /// Tokens were taken.
    Some(TokenBatch),
    /// No token is available; try again after this time.
    Wait(Duration),
}

/// Tokens that were taken together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBatch {
    id: String,
    /// Number of tokens.
    pub count: u32,
}

impl RateTokens {
    /// Creates a rate limit of `per_second` tokens per second, of which at most
    /// `at_once` are taken at once; both at least 1.
    pub fn new(log: &Log, key: Key, per_second: u32, at_once: u32) -> Self {
        Self {
            log: log.clone(),
            key,
            per_second: per_second.max(1),
            at_once: at_once.max(1),
        }
    }

    /// Takes up to `count` tokens.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached. Tokens may have been taken; they
    /// expire.
    pub async fn take(&self, count: usize) -> Result<TokenGrant, LogError> {
        let id = format!("{:016x}", rand::random::<u64>());
        let layout = self.log.layout();
        let (count, wait): (u32, u64) = TAKE
            .key(layout.tokens(&self.key))
            .key(layout.token_pace(&self.key))
            .arg(self.per_second)
            .arg(count)
            .arg(self.at_once)
            .arg(&id)
            .arg(ABANDONED.as_millis() as u64)
            .arg(1_000_000.0 / f64::from(self.per_second))
            .invoke_async(&mut self.log.connection())
            .await?;
        Ok(match count {
            0 => TokenGrant::Wait(Duration::from_millis(wait.max(1))),
            count => TokenGrant::Some(TokenBatch { id, count }),
        })
    }

    /// Returns all but `count` tokens of a batch.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached; the tokens then expire.
    pub async fn keep(&self, batch: &mut TokenBatch, count: u32) -> Result<(), LogError> {
        if count < batch.count {
            self.settle(batch, count, Duration::ZERO).await?;
            batch.count = count;
        }
        Ok(())
    }

    /// Confirms `count` tokens for messages that are written now, and returns the
    /// others. False if the tokens have expired: then nothing may be written.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached; then nothing may be written.
    pub async fn written(&self, batch: &TokenBatch, count: u32) -> Result<bool, LogError> {
        self.settle(batch, count.min(batch.count), SECOND).await
    }

    async fn settle(
        &self,
        batch: &TokenBatch,
        count: u32,
        second: Duration,
    ) -> Result<bool, LogError> {
        let settled = SETTLE
            .key(self.log.layout().tokens(&self.key))
            .arg(&batch.id)
            .arg(batch.count)
            .arg(count)
            .arg(second.as_millis() as u64)
            .arg((ABANDONED + SECOND).as_millis() as u64)
            .invoke_async(&mut self.log.connection())
            .await?;
        Ok(settled)
    }
}
