//! Who is asked, and how much of it there is.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use assist::model::Model;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Semaphore;

use super::facts::KeptFacts;
use crate::problem::{Problem, ProblemKind};

/// How many are helped at once.
const PLACES: usize = 8;

/// Who helps, and how much.
#[derive(Debug)]
pub struct AssistantConfig {
    /// The language model that is asked; `None` to have Patron alone answer.
    pub model: Option<Model>,
    /// How long the model may take, a second attempt included, until Patron
    /// answers itself. Less than a request may take.
    pub time_limit: Duration,
    /// Requests in a minute with one credential, a third of them at once.
    /// Beyond it: 429. `None` for no limit.
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

pub(crate) struct Assistant {
    pub(super) model: Option<Model>,
    pub(super) time_limit: Duration,
    pub(super) places: Semaphore,
    pub(super) facts: KeptFacts,
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
            places: Semaphore::new(PLACES),
            facts: KeptFacts::default(),
            rates: config
                .per_minute
                .map(|rate| RateLimiter::keyed(quota(rate))),
        }
    }

    /// A request for help with a credential, by the name of whom it is.
    ///
    /// # Errors
    /// 429, if there were too many.
    pub(super) fn admit(&self, actor: &Arc<str>) -> Result<(), Problem> {
        let Some(limiter) = &self.rates else {
            return Ok(());
        };
        limiter.check_key(actor).map_err(|_| {
            let detail = "this credential has asked for help more often than is taken in a minute";
            Problem::new(ProblemKind::TooManyRequests, detail)
        })
    }

    /// Forgets who has not asked lately.
    pub(crate) fn forget(&self) {
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
    fn each_credential_may_ask_so_often() {
        let assistant = |per_minute| {
            Assistant::new(AssistantConfig {
                per_minute: NonZeroU32::new(per_minute),
                ..AssistantConfig::default()
            })
        };
        let (limited, unlimited) = (assistant(6), assistant(0));
        for actor in ["key:1", "key:2"] {
            let asked = |assistant: &Assistant| {
                let admit = |_: &i32| assistant.admit(&Arc::from(actor)).is_ok();
                (0..100).filter(admit).count()
            };
            assert_eq!((asked(&limited), asked(&unlimited)), (2, 100));
        }
    }
}
