//! Periods in which no message may be sent to an address, by what was acknowledged.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::support::vendor::SentMessage;

/// Time after an acknowledgement within which a message may still begin.
const BOUND: TimeDelta = TimeDelta::seconds(1);

/// Periods from the acknowledgement of an opt-out or a suppression to the request that lifts it, by
/// address in its comparable form.
#[derive(Default)]
pub(super) struct QuietPeriods(BTreeMap<String, Vec<Period>>);

struct Period {
    from: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
}

impl QuietPeriods {
    /// Begins a period now, unless the address has an open one.
    pub(super) fn begin(&mut self, address: &str) {
        let periods = self.0.entry(comparable(address)).or_default();
        if periods.last().is_none_or(|last| last.until.is_some()) {
            let from = Utc::now();
            periods.push(Period { from, until: None });
        }
    }

    /// Ends the open period, if there is one. Must be called before the request that allows
    /// messages is sent.
    pub(super) fn end(&mut self, address: &str) {
        let open = self.0.get_mut(&comparable(address));
        if let Some(open) = open.and_then(|periods| periods.last_mut()) {
            open.until.get_or_insert_with(Utc::now);
        }
    }

    /// Returns the number of periods.
    pub(super) fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Returns how long after the beginning of a period the vendor accepted a message within it, if
    /// that is later than [`BOUND`].
    pub(super) fn delay(&self, sent: &SentMessage) -> Option<TimeDelta> {
        let mut periods = self.0.get(&comparable(&sent.to))?.iter();
        let at = sent.accepted_at;
        let within = periods.find(|period| {
            period.from + BOUND < at && period.until.is_none_or(|until| at < until)
        })?;
        Some(at - within.from)
    }
}

/// Returns the form in which spellings of one address are equal.
pub(super) fn comparable(address: &str) -> String {
    address.to_lowercase()
}
