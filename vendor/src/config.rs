//! Configuration of a vendor at its start.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use standardwebhooks::Webhook;

use crate::settings::Settings;

/// Everything a vendor is started with; each field is also a flag and an
/// environment variable of `patron-vendor`.
#[derive(Debug, Clone, clap::Args)]
pub struct VendorConfig {
    /// Directory of the ledger; created if missing. One vendor at a time uses it.
    #[arg(
        long,
        env = "PATRON_VENDOR_DATA_DIR",
        default_value = ".patron/vendor",
        value_name = "DIR"
    )]
    pub data_dir: PathBuf,

    /// Secret that signs receipts, as Standard Webhooks writes it: `whsec_` and base64 of at least 24 bytes.
    #[arg(long, env = "PATRON_VENDOR_SECRET", hide_env_values = true)]
    pub secret: SigningSecret,

    /// Host that receipts may be posted to besides loopback; may be repeated, or a comma-separated list.
    #[arg(
        long = "allow-callback-host",
        env = "PATRON_VENDOR_ALLOW_CALLBACK_HOST",
        value_delimiter = ',',
        value_name = "HOST"
    )]
    pub callback_hosts: Vec<String>,

    /// Receipt posts in flight at once, per callback URL.
    #[arg(long, env = "PATRON_VENDOR_CALLBACK_CONCURRENCY", default_value_t = DEFAULT_CONCURRENCY,
          value_parser = clap::value_parser!(u16).range(1..=256), value_name = "N")]
    pub callback_concurrency: u16,

    /// How it behaves at the start; `PUT /vendor/settings` changes it later.
    #[command(flatten)]
    pub settings: Settings,
}

const DEFAULT_CONCURRENCY: u16 = 4;

impl VendorConfig {
    /// A vendor with the default behaviour, posting receipts to loopback only.
    pub fn new(data_dir: impl Into<PathBuf>, secret: SigningSecret) -> Self {
        Self {
            data_dir: data_dir.into(),
            secret,
            callback_hosts: Vec::new(),
            callback_concurrency: DEFAULT_CONCURRENCY,
            settings: Settings::default(),
        }
    }
}

/// The key that receipts are signed with. Parsed from `whsec_…`; never printed.
#[derive(Clone)]
pub struct SigningSecret(Arc<Webhook>);

/// The text is not a Standard Webhooks secret.
#[derive(Debug, thiserror::Error)]
#[error("the secret must be `whsec_` followed by the base64 of at least 24 bytes")]
pub struct InvalidSecret;

const PREFIX: &str = "whsec_";
/// Length of the base64 of 24 bytes, the least that Standard Webhooks allows.
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
