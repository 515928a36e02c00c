//! How campaigns are worked on.

use std::time::Duration;

use reqwest::Url;

/// How messages are handed to the vendor, and when campaigns go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Where the vendor is. Without it this process delivers nothing.
    pub vendor: Option<VendorAt>,
    /// Requests to the vendor in flight at once, of all campaigns together. Each
    /// has up to a hundred messages.
    pub concurrency: u16,
    /// How long the vendor may take to answer one request.
    pub timeout: Duration,
    /// How often a message is tried before it counts as undeliverable.
    pub attempts: u32,
    /// The longest backoff after a message's first failed attempt; doubled after
    /// each further one.
    pub first_backoff: Duration,
    /// The longest backoff. The vendor can defer a message for longer.
    pub longest_backoff: Duration,
    /// How late a scheduled campaign may still be launched by itself; later it
    /// is missed.
    pub grace: Duration,
    /// How many messages a customer gets at most within a week, of all
    /// campaigns together.
    pub max_messages_per_week: Option<u32>,
}

/// Where the vendor takes messages, and where it posts their receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorAt {
    pub(super) send: Url,
    pub(super) callback: Url,
}

/// The text is not where a server could be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a URL such as http://127.0.0.1:8090")]
pub struct VendorUrlError(String);

impl VendorAt {
    /// Of the vendor at `vendor_url` and the API at `callback_url`:
    /// `http://127.0.0.1:8090` and `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// [`VendorUrlError`] for what is no URL of a server.
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
            grace: Duration::from_secs(60 * 60),
            max_messages_per_week: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_below_what_is_given() {
        let at = VendorAt::new("http://127.0.0.1:8090", "https://crm.example/base/").unwrap();
        assert_eq!(at.send.as_str(), "http://127.0.0.1:8090/vendor/send");
        let callback = "https://crm.example/base/api/delivery/receipt";
        assert_eq!(at.callback.as_str(), callback);
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for odd in ["", "127.0.0.1:8090", "ftp://vendor", "http://", "/vendor"] {
            let refused = VendorAt::new(odd, "http://127.0.0.1");
            assert_eq!(refused, Err(VendorUrlError(odd.to_owned())), "{odd}");
        }
    }
}
