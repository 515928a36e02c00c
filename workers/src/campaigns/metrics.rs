//! Metrics of campaigns.

use metrics::{counter, describe_counter, describe_gauge, gauge};

const MESSAGES: &str = "patron_campaign_messages_total";
const BREAKER: &str = "patron_vendor_breaker_open";

/// Registers the descriptions of the metrics with the exporter.
pub(crate) fn describe() {
    describe_counter!(
        MESSAGES,
        "Messages of campaigns, by outcome: queued, suppressed, sent, attempt_failed, undeliverable"
    );
    describe_gauge!(
        BREAKER,
        "1 while the vendor's circuit breaker is open, else 0"
    );
}

/// Counts messages with this outcome.
pub(super) fn messages(outcome: &'static str, count: u64) {
    counter!(MESSAGES, "outcome" => outcome).increment(count);
}

/// Sets whether the circuit breaker is open.
pub(super) fn breaker(open: bool) {
    gauge!(BREAKER).set(f64::from(u8::from(open)));
}
