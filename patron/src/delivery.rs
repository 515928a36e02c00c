//! How campaigns are worked on, as options say it.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use workers::{Delivery, VendorAt};

use crate::span::span;

/// How messages are handed to the vendor, and when campaigns go out.
#[derive(Args, Clone, Debug)]
pub(crate) struct DeliveryOptions {
    /// Requests to the vendor in flight at once, of all campaigns together; each has up to 100 messages
    #[arg(long, env = "PATRON_DELIVERY_CONCURRENCY", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=4_096), value_name = "N")]
    delivery_concurrency: u16,

    /// How long the vendor may take to answer a request: 500ms, 10s
    #[arg(long, env = "PATRON_DELIVERY_TIMEOUT", default_value = "10s",
          value_parser = span, value_name = "TIME")]
    delivery_timeout: Duration,

    /// How often a message is tried before it counts as undeliverable
    #[arg(long, env = "PATRON_DELIVERY_ATTEMPTS", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
    delivery_attempts: u32,

    /// How long a message rests after its first failed attempt; twice as long after each further one
    #[arg(long, env = "PATRON_DELIVERY_FIRST_BACKOFF", default_value = "1s",
          value_parser = span, value_name = "TIME")]
    delivery_first_backoff: Duration,

    /// The longest that a message rests between attempts
    #[arg(long, env = "PATRON_DELIVERY_LONGEST_BACKOFF", default_value = "60s",
          value_parser = span, value_name = "TIME")]
    delivery_longest_backoff: Duration,

    /// How late a scheduled campaign may still be launched by itself: 30m, 1h; later it is missed
    #[arg(long, env = "PATRON_SCHEDULE_GRACE", default_value = "1h",
          value_parser = span, value_name = "TIME")]
    schedule_grace: Duration,

    /// The most messages that a customer gets within a week, of all campaigns together [default: any number]
    #[arg(long, env = "PATRON_MAX_MESSAGES_PER_WEEK", value_name = "N")]
    max_messages_per_week: Option<u32>,
}

/// Where the vendor is, for workers that run alone.
#[derive(Args, Clone, Debug)]
pub(crate) struct VendorOptions {
    /// The vendor that messages are handed to: http://127.0.0.1:8090; without it none are sent
    #[arg(
        long,
        env = "PATRON_VENDOR_URL",
        requires = "callback_url",
        value_name = "URL"
    )]
    vendor_url: Option<String>,

    /// The API as the vendor reaches it, for its receipts: http://127.0.0.1:8080
    #[arg(long, env = "PATRON_CALLBACK_URL", value_name = "URL")]
    callback_url: Option<String>,
}

impl VendorOptions {
    /// Where the vendor is, if it is said. An empty text counts as not set.
    pub(crate) fn at(&self) -> anyhow::Result<Option<VendorAt>> {
        let given = |url: &Option<String>| url.clone().filter(|url| !url.is_empty());
        match (given(&self.vendor_url), given(&self.callback_url)) {
            (None, _) => Ok(None),
            (Some(_), None) => bail!("PATRON_VENDOR_URL also needs PATRON_CALLBACK_URL"),
            (Some(vendor), Some(callback)) => Ok(Some(VendorAt::new(&vendor, &callback)?)),
        }
    }
}

impl DeliveryOptions {
    /// To the vendor there, if there is one.
    pub(crate) fn to(&self, vendor: Option<VendorAt>) -> Delivery {
        Delivery {
            vendor,
            concurrency: self.delivery_concurrency,
            timeout: self.delivery_timeout,
            attempts: self.delivery_attempts,
            first_backoff: self.delivery_first_backoff,
            longest_backoff: self.delivery_longest_backoff,
            grace: self.schedule_grace,
            max_messages_per_week: self.max_messages_per_week,
        }
    }
}
