//! Options of message delivery and of the vendor.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use workers::{Delivery, VendorAt};

use crate::duration::parse_duration;

/// Limits of message delivery, and the grace period of scheduled campaigns.
#[derive(Args, Clone, Debug)]
pub(crate) struct DeliveryOptions {
    /// Concurrent requests to the vendor, over all campaigns; each has up to 100 messages
    #[arg(long, env = "PATRON_DELIVERY_CONCURRENCY", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=4_096), value_name = "N")]
    delivery_concurrency: u16,

    /// Time limit of a request to the vendor: 500ms, 10s
    #[arg(long, env = "PATRON_DELIVERY_TIMEOUT", default_value = "10s",
          value_parser = parse_duration, value_name = "TIME")]
    delivery_timeout: Duration,

    /// Delivery attempts before a message counts as undeliverable
    #[arg(long, env = "PATRON_DELIVERY_ATTEMPTS", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
    delivery_attempts: u32,

    /// Backoff after a message's first failed attempt; it doubles with each further one
    #[arg(long, env = "PATRON_DELIVERY_FIRST_BACKOFF", default_value = "1s",
          value_parser = parse_duration, value_name = "TIME")]
    delivery_first_backoff: Duration,

    /// Longest backoff between attempts, unless the vendor defers a message for longer
    #[arg(long, env = "PATRON_DELIVERY_LONGEST_BACKOFF", default_value = "60s",
          value_parser = parse_duration, value_name = "TIME")]
    delivery_longest_backoff: Duration,

    /// Time within which a receipt is expected after the vendor accepted a message: 90m, 72h;
    /// later the message is unconfirmed, and no longer keeps its campaign open
    #[arg(long, env = "PATRON_RECEIPT_WINDOW", default_value = "72h",
          value_parser = parse_duration, value_name = "TIME")]
    receipt_window: Duration,

    /// Maximum delay with which a scheduled campaign is still launched automatically: 30m, 1h;
    /// later it is missed
    #[arg(long, env = "PATRON_SCHEDULE_GRACE", default_value = "1h",
          value_parser = parse_duration, value_name = "TIME")]
    schedule_grace: Duration,

    /// Messages per customer within a week, over all campaigns [default: no limit]
    #[arg(long, env = "PATRON_MAX_MESSAGES_PER_WEEK", value_name = "N")]
    max_messages_per_week: Option<u32>,
}

/// URLs that connect separate workers and the vendor.
#[derive(Args, Clone, Debug)]
pub(crate) struct VendorOptions {
    /// URL of the vendor that sends messages: http://127.0.0.1:8090; without it nothing is sent
    #[arg(
        long,
        env = "PATRON_VENDOR_URL",
        requires = "callback_url",
        value_name = "URL"
    )]
    vendor_url: Option<String>,

    /// URL at which the vendor reaches the API, for receipts: http://127.0.0.1:8080
    #[arg(long, env = "PATRON_CALLBACK_URL", value_name = "URL")]
    callback_url: Option<String>,
}

impl VendorOptions {
    /// Returns the addresses of the vendor and the API; `None` without a vendor. An empty option
    /// counts as not set.
    pub(crate) fn addresses(&self) -> anyhow::Result<Option<VendorAt>> {
        let non_empty = |url: &Option<String>| url.clone().filter(|url| !url.is_empty());
        match (non_empty(&self.vendor_url), non_empty(&self.callback_url)) {
            (None, _) => Ok(None),
            (Some(_), None) => bail!("PATRON_VENDOR_URL also needs PATRON_CALLBACK_URL"),
            (Some(vendor), Some(callback)) => Ok(Some(VendorAt::new(&vendor, &callback)?)),
        }
    }
}

impl DeliveryOptions {
    /// Returns the workers' delivery settings. Without a vendor, nothing is sent.
    pub(crate) fn settings(&self, vendor: Option<VendorAt>) -> Delivery {
        Delivery {
            vendor,
            concurrency: self.delivery_concurrency,
            timeout: self.delivery_timeout,
            attempts: self.delivery_attempts,
            first_backoff: self.delivery_first_backoff,
            longest_backoff: self.delivery_longest_backoff,
            receipt_window: self.receipt_window,
            grace: self.schedule_grace,
            max_messages_per_week: self.max_messages_per_week,
        }
    }
}
