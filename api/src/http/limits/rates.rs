//! Rate limits per credential and per address.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::Limits;
use crate::http::problem::{Problem, ProblemKind};

/// Rate limiters of credentials and addresses.
pub(crate) struct Rates {
    credentials: Option<DefaultKeyedRateLimiter<Arc<str>>>,
    addresses: Option<DefaultKeyedRateLimiter<IpAddr>>,
}

/// Bursts, in multiples of the rate per second.
const CREDENTIAL_BURST: u32 = 2;
const ADDRESS_BURST: u32 = 4;

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        let quota = |rate: NonZeroU32, burst: u32| {
            let burst = NonZeroU32::new(burst).map_or(rate, |burst| rate.saturating_mul(burst));
            Quota::per_second(rate).allow_burst(burst)
        };
        let credentials = limits.per_credential;
        let addresses = limits.per_address;
        Self {
            credentials: credentials.map(|rate| RateLimiter::keyed(quota(rate, CREDENTIAL_BURST))),
            addresses: addresses.map(|rate| RateLimiter::keyed(quota(rate, ADDRESS_BURST))),
        }
    }

    /// Counts a request with a valid credential, by the name of its actor.
    ///
    /// # Errors
    /// 429 if the rate limit is exceeded.
    pub(crate) fn check_credential(&self, actor: &Arc<str>) -> Result<(), Problem> {
        let Some(limiter) = &self.credentials else {
            return Ok(());
        };
        let checked = limiter.check_key(actor);
        checked.map_err(|_| rate_exceeded("this credential"))
    }

    /// Counts a request without a valid credential. An unknown address is not limited.
    ///
    /// # Errors
    /// 429 if the rate limit is exceeded.
    pub(crate) fn check_address(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        let (Some(limiter), Some(address)) = (&self.addresses, address) else {
            return Ok(());
        };
        let checked = limiter.check_key(&network(address));
        checked.map_err(|_| rate_exceeded("this address, without a valid credential,"))
    }

    /// Evicts credentials and addresses without recent requests.
    pub(crate) fn evict_idle(&self) {
        if let Some(limiter) = &self.credentials {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        if let Some(limiter) = &self.addresses {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

fn rate_exceeded(sender: &str) -> Problem {
    let detail = format!("{sender} exceeded its rate limit; retry later");
    Problem::new(ProblemKind::TooManyRequests, detail)
}

/// Returns the key of an address. For IPv6 that is the /64 network, since one host
/// usually controls a whole /64.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(per_credential: u32, per_address: u32) -> Rates {
        Rates::new(&Limits {
            per_credential: NonZeroU32::new(per_credential),
            per_address: NonZeroU32::new(per_address),
            ..Limits::default()
        })
    }

    #[test]
    fn each_credential_has_its_own_limit() {
        let rates = rates(1, 0);
        let (one, other) = (Arc::from("key:1"), Arc::from("key:2"));
        for actor in [&one, &other] {
            assert!(rates.check_credential(actor).is_ok() && rates.check_credential(actor).is_ok());
            let refused = rates.check_credential(actor).unwrap_err();
            assert_eq!(refused.kind(), ProblemKind::TooManyRequests);
        }
    }

    #[test]
    fn addresses_of_one_network_share_a_limit() {
        let rates = rates(0, 1);
        let ask = |address: &str| rates.check_address(address.parse().ok()).is_ok();
        assert!(ask("2001:db8::1") && ask("2001:db8::2") && ask("2001:db8::3"));
        assert!(ask("2001:db8::4"));
        assert!(!ask("2001:db8::5"));
        assert!(ask("2001:db8:0:1::1") && ask("10.0.0.1") && ask("10.0.0.2"));
        assert!(ask("10.0.0.1") && ask("10.0.0.1") && ask("::ffff:10.0.0.1"));
        assert!(!ask("10.0.0.1"));
    }

    #[test]
    fn without_a_limit_no_request_is_rejected() {
        let rates = rates(0, 0);
        for _ in 0..10_000 {
            assert!(rates.check_credential(&Arc::from("key:1")).is_ok());
            assert!(rates.check_address(Some([10, 0, 0, 1].into())).is_ok());
        }
    }
}
