//! Newer wins: the order of an item's versions by the time at which its source
//! last changed it.
//!
//! A source may send `updated_at` with an item. An item that is older than what
//! is recorded changes nothing; one of the same time, or without a time, is
//! applied.

use crate::Timestamp;

/// Milliseconds by which `updated_at` may be ahead of this server's clock.
const MAX_AHEAD: i64 = 5 * 60_000;

/// Time of a consent or an opt-out that is too far in the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given} is more than five minutes ahead of the server's time, {now}; until then, nothing would \
     outrank it: correct the clock or the time zone of the source"
)]
pub struct ConsentAhead {
    /// Time of the consent or the opt-out.
    pub given: Timestamp,
    /// Time of the server.
    pub now: Timestamp,
}

/// An item's `updated_at` is too far in the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given} is more than five minutes ahead of the server's time, {now}; until then, every \
     correct update would be stale: correct the clock or the time zone of the source"
)]
pub struct AheadOfClock {
    /// The item's `updated_at`.
    pub given: Timestamp,
    /// Time of the server.
    pub now: Timestamp,
}

/// Checks that a source's time of the last change is not in the future. One
/// record of the year 2099 would make all later updates stale.
///
/// # Errors
/// [`AheadOfClock`] if it is more than five minutes ahead of `now`.
pub fn check_updated_at(given: Option<Timestamp>, now: Timestamp) -> Result<(), AheadOfClock> {
    match given {
        Some(given) if given.millis() - now.millis() > MAX_AHEAD => {
            Err(AheadOfClock { given, now })
        }
        _ => Ok(()),
    }
}

/// Checks that the time of a consent or an opt-out is not in the future: one of the
/// year 2099 could not be withdrawn, or lifted, by any data.
///
/// # Errors
/// [`ConsentAhead`] if it is more than five minutes ahead of `now`.
pub fn check_consent_at(given: Timestamp, now: Timestamp) -> Result<(), ConsentAhead> {
    match check_updated_at(Some(given), now) {
        Ok(()) => Ok(()),
        Err(AheadOfClock { given, now }) => Err(ConsentAhead { given, now }),
    }
}

/// Returns whether an item of this time is older than what is recorded.
pub(crate) fn is_older(given: Option<Timestamp>, recorded: Option<Timestamp>) -> bool {
    matches!((given, recorded), (Some(given), Some(recorded)) if given < recorded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<Timestamp> {
        Some(Timestamp::try_from(text).unwrap())
    }

    #[test]
    fn only_a_time_before_the_recorded_one_is_older() {
        let (old, new) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T00:00:00.001Z"));
        assert!(is_older(old, new));
        for (given, recorded) in [
            (new, old),
            (old, old),
            (None, new),
            (old, None),
            (None, None),
        ] {
            assert!(!is_older(given, recorded), "{given:?} {recorded:?}");
        }
    }

    #[test]
    fn a_time_in_the_future_is_refused_after_five_minutes() {
        let now = at("2026-11-23T12:00:00Z").unwrap();
        for accepted in [None, at("2026-11-23T12:05:00Z"), at("1970-01-01T00:00:00Z")] {
            assert_eq!(check_updated_at(accepted, now), Ok(()));
        }
        let given = at("2026-11-23T12:05:00.001Z");
        let ahead = check_consent_at(given.unwrap(), now).unwrap_err();
        assert_eq!(ahead.given, given.unwrap());
        assert_eq!(check_consent_at(now, now), Ok(()));
        let refused = check_updated_at(given, now).unwrap_err();
        assert_eq!(refused.given, given.unwrap());
        let reason = refused.to_string();
        assert!(reason.contains("more than five minutes ahead"), "{reason}");
    }
}
