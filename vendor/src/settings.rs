//! Settings of the vendor's behavior, and the types that keep each in its range.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Settings of the vendor's behavior: the JSON of `GET|PUT /vendor/settings`. Each field is also a
/// flag and an environment variable of `patron-vendor`.
///
/// The outcome of a message (delivered, delay, lost, …) is drawn from `seed` and its id when it is
/// accepted, so changes affect later messages only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct VendorSettings {
    /// Share of messages whose receipt is `delivered`; the receipts of all others are `failed`.
    #[arg(long, env = "PATRON_VENDOR_DELIVERED_RATE", default_value_t = VendorSettings::default().delivered_rate, value_name = "RATE")]
    pub delivered_rate: Probability,

    /// Milliseconds from accepting a message to its receipt.
    #[arg(long, env = "PATRON_VENDOR_RECEIPT_DELAY_MS", default_value_t = VendorSettings::default().receipt_delay_ms, value_name = "MIN..MAX")]
    pub receipt_delay_ms: MillisRange,

    /// Maximum number of receipts per post, up to 1000; with 1 each is posted alone, as an object
    /// instead of an array.
    #[arg(long, env = "PATRON_VENDOR_RECEIPT_BATCH", default_value_t = VendorSettings::default().receipt_batch, value_name = "N")]
    pub receipt_batch: BatchSize,

    /// Share of receipts that are posted a second time, later.
    #[arg(long, env = "PATRON_VENDOR_DUPLICATE_RATE", default_value_t = VendorSettings::default().duplicate_rate, value_name = "RATE")]
    pub duplicate_rate: Probability,

    /// Share of receipts that are posted before the request for their message is answered.
    #[arg(long, env = "PATRON_VENDOR_OUT_OF_ORDER_RATE", default_value_t = VendorSettings::default().out_of_order_rate, value_name = "RATE")]
    pub out_of_order_rate: Probability,

    /// Share of receipts that are never posted.
    #[arg(long, env = "PATRON_VENDOR_LOST_RATE", default_value_t = VendorSettings::default().lost_rate, value_name = "RATE")]
    pub lost_rate: Probability,

    /// Delay of each response to a send, in milliseconds.
    #[arg(long, env = "PATRON_VENDOR_LATENCY_MS", default_value_t = VendorSettings::default().latency_ms, value_name = "MIN..MAX")]
    pub latency_ms: MillisRange,

    /// Share of sends that are answered 500 and not accepted.
    #[arg(long, env = "PATRON_VENDOR_ERROR_RATE", default_value_t = VendorSettings::default().error_rate, value_name = "RATE")]
    pub error_rate: Probability,

    /// Share of sends that are accepted and still answered 500.
    #[arg(long, env = "PATRON_VENDOR_LOST_ANSWER_RATE", default_value_t = VendorSettings::default().lost_answer_rate, value_name = "RATE")]
    pub lost_answer_rate: Probability,

    /// Share of addresses whose messages in arrays are answered `refused`, each time.
    #[arg(long, env = "PATRON_VENDOR_REFUSED_RATE", default_value_t = VendorSettings::default().refused_rate, value_name = "RATE")]
    pub refused_rate: Probability,

    /// Share of failed messages whose receipt is `bounced` instead of `failed`. A bounce is hard if
    /// the recipient is unknown.
    #[arg(long, env = "PATRON_VENDOR_BOUNCED_RATE", default_value_t = VendorSettings::default().bounced_rate, value_name = "RATE")]
    pub bounced_rate: Probability,

    /// Share of messages in arrays that are answered `deferred` and not accepted. Drawn again for
    /// each request; a message that was accepted before is never deferred.
    #[arg(long, env = "PATRON_VENDOR_DEFERRED_RATE", default_value_t = VendorSettings::default().deferred_rate, value_name = "RATE")]
    pub deferred_rate: Probability,

    /// Seconds after which a deferred message should be sent again: its `retry_after`.
    #[arg(long, env = "PATRON_VENDOR_DEFERRED_RETRY_AFTER_S", default_value_t = VendorSettings::default().deferred_retry_after_s, value_name = "S")]
    pub deferred_retry_after_s: u64,

    /// Share of messages in arrays that are answered `in_doubt`; half of them are accepted. Drawn
    /// again for each request; a message that was accepted before is answered `accepted`.
    #[arg(long, env = "PATRON_VENDOR_IN_DOUBT_RATE", default_value_t = VendorSettings::default().in_doubt_rate, value_name = "RATE")]
    pub in_doubt_rate: Probability,

    /// Outage until this is turned off: sends are answered 503, and receipts wait.
    #[arg(long, env = "PATRON_VENDOR_OUTAGE")]
    pub outage: bool,

    /// Outage of this many milliseconds, from when it is set; the value read is the remaining time.
    #[arg(long, env = "PATRON_VENDOR_OUTAGE_MS", default_value_t = VendorSettings::default().outage_ms, value_name = "MS")]
    pub outage_ms: u64,

    /// Seed of every random decision.
    #[arg(long, env = "PATRON_VENDOR_SEED", default_value_t = VendorSettings::default().seed, value_name = "N")]
    pub seed: u64,
}

impl Default for VendorSettings {
    fn default() -> Self {
        Self {
            delivered_rate: Probability(0.9),
            receipt_delay_ms: MillisRange {
                min: 200,
                max: 2_000,
            },
            receipt_batch: BatchSize(100),
            duplicate_rate: Probability(0.0),
            out_of_order_rate: Probability(0.0),
            lost_rate: Probability(0.0),
            latency_ms: MillisRange { min: 0, max: 0 },
            error_rate: Probability(0.0),
            lost_answer_rate: Probability(0.0),
            refused_rate: Probability(0.0),
            bounced_rate: Probability(0.0),
            deferred_rate: Probability(0.0),
            deferred_retry_after_s: 1,
            in_doubt_rate: Probability(0.0),
            outage: false,
            outage_ms: 0,
            seed: 1,
        }
    }
}

/// Error for an invalid value of a setting.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSetting {
    /// The rate is not in 0 to 1.
    #[error("a rate must be a number from 0 to 1")]
    Probability,
    /// The span is malformed, or its minimum is greater than its maximum.
    #[error("a span needs a `min` that is at most its `max`, in whole milliseconds up to a day")]
    MillisRange,
    /// The batch size is not in 1 to 1000.
    #[error("a batch must be 1 to 1000 receipts")]
    BatchSize,
}

/// Share from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Probability(f64);

impl Probability {
    /// Returns the share as a number from 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Probability {
    type Error = InvalidSetting;

    fn try_from(share: f64) -> Result<Self, InvalidSetting> {
        if (0.0..=1.0).contains(&share) {
            Ok(Self(share))
        } else {
            Err(InvalidSetting::Probability)
        }
    }
}

impl From<Probability> for f64 {
    fn from(rate: Probability) -> f64 {
        rate.0
    }
}

impl FromStr for Probability {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let share: f64 = text.parse().map_err(|_| InvalidSetting::Probability)?;
        share.try_into()
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Inclusive range of milliseconds: `{"min": 200, "max": 2000}` in JSON, `200..2000` as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Bounds")]
pub struct MillisRange {
    min: u64,
    max: u64,
}

/// Bounds of a span that are not validated yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    min: u64,
    max: u64,
}

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl MillisRange {
    /// Returns a span of milliseconds.
    ///
    /// # Errors
    /// Returns an error if `min` is greater than `max`, or `max` is greater than a day.
    pub fn new(min: u64, max: u64) -> Result<Self, InvalidSetting> {
        if min <= max && max <= DAY_MS {
            Ok(Self { min, max })
        } else {
            Err(InvalidSetting::MillisRange)
        }
    }

    /// Returns the milliseconds at `share` (0 to 1) of the way from `min` to `max`.
    pub(crate) fn at(self, share: f64) -> u64 {
        // Exact: a day in milliseconds is far below 2^53.
        self.min + ((self.max - self.min) as f64 * share).round() as u64
    }
}

impl TryFrom<Bounds> for MillisRange {
    type Error = InvalidSetting;

    fn try_from(bounds: Bounds) -> Result<Self, InvalidSetting> {
        Self::new(bounds.min, bounds.max)
    }
}

impl FromStr for MillisRange {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let bound = |text: &str| text.trim().parse().map_err(|_| InvalidSetting::MillisRange);
        Self::new(bound(min)?, bound(max)?)
    }
}

impl fmt::Display for MillisRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.min, self.max)
    }
}

/// Maximum number of receipts per post, 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct BatchSize(u16);

impl BatchSize {
    /// Returns the number of receipts.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl TryFrom<u16> for BatchSize {
    type Error = InvalidSetting;

    fn try_from(size: u16) -> Result<Self, InvalidSetting> {
        if (1..=1_000).contains(&size) {
            Ok(Self(size))
        } else {
            Err(InvalidSetting::BatchSize)
        }
    }
}

impl From<BatchSize> for u16 {
    fn from(size: BatchSize) -> u16 {
        size.0
    }
}

impl FromStr for BatchSize {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let size: u16 = text.parse().map_err(|_| InvalidSetting::BatchSize)?;
        size.try_into()
    }
}

impl fmt::Display for BatchSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
