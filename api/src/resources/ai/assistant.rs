//! The assistant: its language model, concurrency limit, and rate limits.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use assist::model::Model;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::facts::CachedFacts;
use crate::http::limits::Permits;
use crate::http::problem::{Problem, ProblemKind};

/// Maximum number of concurrent calls.
const MAX_CONCURRENT: usize = 8;

/// Configuration of the assistant.
#[derive(Debug)]
pub struct AssistantConfig {
    /// Language model; `None` if only the built-in engine answers.
    pub model: Option<Model>,
    /// Time limit for the model, including its second attempt. After that, the
    /// built-in engine answers. It must be shorter than the request timeout.
    pub time_limit: Duration,
    /// Requests per minute for each credential, with bursts of up to a third of
    /// that. Requests over the limit get 429. `None` for no limit.
    pub per_minute: Option<NonZeroU32>,
}

impl Default for AssistantConfig {
    fn default() -> Self {
        Self {
            model: None,
            time_limit: Duration::from_secs(20),
            per_minute: NonZeroU32::new(60),
        }
    }
}

/// State of the assistant, shared by all requests.
pub(crate) struct Assistant {
    pub(super) model: Option<Model>,
    pub(super) time_limit: Duration,
    pub(super) places: Permits,
    pub(super) facts: CachedFacts,
    rates: Option<DefaultKeyedRateLimiter<Arc<str>>>,
}

impl Assistant {
    pub(crate) fn new(config: AssistantConfig) -> Self {
        let quota = |rate: NonZeroU32| {
            let burst = NonZeroU32::new(rate.get().div_ceil(3)).unwrap_or(rate);
            Quota::per_minute(rate).allow_burst(burst)
        };
        Self {
            model: config.model,
            time_limit: config.time_limit,
            places: Permits::new(MAX_CONCURRENT),
            facts: CachedFacts::default(),
            rates: config
                .per_minute
                .map(|rate| RateLimiter::keyed(quota(rate))),
        }
    }

    /// Counts a request against the rate limit of an actor.
    ///
    /// # Errors
    /// 429 over the limit.
    pub(super) fn check_rate(&self, actor: &Arc<str>) -> Result<(), Problem> {
        let Some(limiter) = &self.rates else {
            return Ok(());
        };
        limiter.check_key(actor).map_err(|_| {
            let detail = "this credential has exceeded the assistant's rate limit; retry later";
            Problem::new(ProblemKind::TooManyRequests, detail)
        })
    }

    /// Evicts actors without recent requests from the rate limiter.
    pub(crate) fn evict_idle(&self) {
        if let Some(limiter) = &self.rates {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_credential_has_its_own_rate_limit() {
        let assistant = |per_minute| {
            Assistant::new(AssistantConfig {
                per_minute: NonZeroU32::new(per_minute),
                ..AssistantConfig::default()
            })
        };
        let (limited, unlimited) = (assistant(6), assistant(0));
        for actor in ["key:1", "key:2"] {
            let asked = |assistant: &Assistant| {
                let admit = |_: &i32| assistant.check_rate(&Arc::from(actor)).is_ok();
                (0..100).filter(admit).count()
            };
            assert_eq!((asked(&limited), asked(&unlimited)), (2, 100));
        }
    }
}
