//! Configuration of the vendor at its start.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use standardwebhooks::Webhook;

use crate::settings::VendorSettings;

/// Configuration with which a vendor is started. Each field is also a flag and an environment
/// variable of `patron-vendor`.
#[derive(Debug, Clone, clap::Args)]
pub struct VendorConfig {
    /// Directory of the ledger; created if missing. Only one vendor at a time can use it.
    #[arg(
        long,
        env = "PATRON_VENDOR_DATA_DIR",
        default_value = ".patron/vendor",
        value_name = "DIR"
    )]
    pub data_dir: PathBuf,

    /// Secret that signs receipts, in the form of Standard Webhooks: `whsec_` and base64 of at
    /// least 24 bytes.
    #[arg(long, env = "PATRON_VENDOR_SECRET", hide_env_values = true)]
    pub secret: SigningSecret,

    /// Host to which receipts may be posted, in addition to loopback; repeatable, or a
    /// comma-separated list.
    #[arg(
        long = "allow-callback-host",
        env = "PATRON_VENDOR_ALLOW_CALLBACK_HOST",
        value_delimiter = ',',
        value_name = "HOST"
    )]
    pub callback_hosts: Vec<String>,

    /// Concurrent receipt posts per callback URL.
    #[arg(long, env = "PATRON_VENDOR_CALLBACK_CONCURRENCY", default_value_t = DEFAULT_CONCURRENCY,
          value_parser = clap::value_parser!(u16).range(1..=256), value_name = "N")]
    pub callback_concurrency: u16,

    /// Behavior at the start; `PUT /vendor/settings` changes it later.
    #[command(flatten)]
    pub settings: VendorSettings,
}

const DEFAULT_CONCURRENCY: u16 = 4;

impl VendorConfig {
    /// Returns the configuration of a vendor with the default behavior, which posts receipts to
    /// loopback only.
    pub fn new(data_dir: impl Into<PathBuf>, secret: SigningSecret) -> Self {
        Self {
            data_dir: data_dir.into(),
            secret,
            callback_hosts: Vec::new(),
            callback_concurrency: DEFAULT_CONCURRENCY,
            settings: VendorSettings::default(),
        }
    }
}

/// Key that signs receipts. Parsed from `whsec_…`; never printed.
#[derive(Clone)]
pub struct SigningSecret(Arc<Webhook>);

/// Error for a text that is not a Standard Webhooks secret.
#[derive(Debug, thiserror::Error)]
#[error("the secret must be `whsec_` followed by the base64 of at least 24 bytes")]
pub struct InvalidSecret;

const PREFIX: &str = "whsec_";
/// Length of the base64 of 24 bytes, the minimum of Standard Webhooks.
const SHORTEST_BASE64: usize = 32;

impl FromStr for SigningSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let base64 = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        if base64.len() < SHORTEST_BASE64 {
            return Err(InvalidSecret);
        }
        let webhook = Webhook::new(base64).map_err(|_| InvalidSecret)?;
        Ok(Self(Arc::new(webhook)))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

impl SigningSecret {
    pub(crate) fn webhook(&self) -> &Webhook {
        &self.0
    }
}
