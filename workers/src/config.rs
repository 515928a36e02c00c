//! Configuration of sending and of scheduled launches.

use std::time::Duration;

use reqwest::Url;

/// Configuration of sending and of scheduled launches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// URLs of the vendor. Without them this process sends nothing.
    pub vendor: Option<VendorAt>,
    /// Largest number of requests to the vendor in flight, over all campaigns. A
    /// request has up to a hundred messages.
    pub concurrency: u16,
    /// Time limit for one request to the vendor.
    pub timeout: Duration,
    /// Number of attempts after which a message is undeliverable.
    pub attempts: u32,
    /// Backoff after a message's first failed attempt, before jitter; doubled after
    /// each further one.
    pub first_backoff: Duration,
    /// Longest backoff. The vendor can defer a message for longer.
    pub longest_backoff: Duration,
    /// Time within which a receipt is expected after the vendor accepted a message.
    pub receipt_window: Duration,
    /// Longest delay after its scheduled time with which a campaign is still
    /// launched; after that it is missed.
    pub grace: Duration,
    /// Largest number of messages per customer and week, over all campaigns.
    pub max_messages_per_week: Option<u32>,
}

/// URLs to which messages are sent and to which the vendor posts receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorAt {
    pub(crate) send: Url,
    pub(crate) callback: Url,
}

/// Error for a text that is not the URL of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a URL such as http://127.0.0.1:8090")]
pub struct VendorUrlError(String);

impl VendorAt {
    /// Derives the URLs from the base URLs of the vendor and of this API, such as
    /// `http://127.0.0.1:8090` and `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// [`VendorUrlError`] for a text that is not an HTTP or HTTPS URL.
    pub fn new(vendor_url: &str, callback_url: &str) -> Result<Self, VendorUrlError> {
        Ok(Self {
            send: below(vendor_url, "vendor/send")?,
            callback: below(callback_url, "api/delivery/receipt")?,
        })
    }
}

fn below(base: &str, path: &str) -> Result<Url, VendorUrlError> {
    let is_server = |url: &Url| matches!(url.scheme(), "http" | "https");
    let whole = Url::parse(base).ok().filter(is_server).and_then(|base| {
        let base = base.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/{path}")).ok()
    });
    whole.ok_or_else(|| VendorUrlError(base.to_owned()))
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            vendor: None,
            concurrency: 32,
            timeout: Duration::from_secs(10),
            attempts: 8,
            first_backoff: Duration::from_secs(1),
            longest_backoff: Duration::from_secs(60),
            receipt_window: Duration::from_secs(72 * 60 * 60),
            grace: Duration::from_secs(60 * 60),
            max_messages_per_week: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_appended_to_the_base_urls() {
        let at = VendorAt::new("http://127.0.0.1:8090", "https://crm.example/base/").unwrap();
        assert_eq!(at.send.as_str(), "http://127.0.0.1:8090/vendor/send");
        let callback = "https://crm.example/base/api/delivery/receipt";
        assert_eq!(at.callback.as_str(), callback);
    }

    #[test]
    fn other_texts_are_rejected() {
        for odd in ["", "127.0.0.1:8090", "ftp://vendor", "http://", "/vendor"] {
            let refused = VendorAt::new(odd, "http://127.0.0.1");
            assert_eq!(refused, Err(VendorUrlError(odd.to_owned())), "{odd}");
        }
    }
}
