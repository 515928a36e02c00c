//! State that handlers and receipt posts share.

use crate::config::SigningSecret;
use crate::controls::Controls;
use crate::ledger::Ledger;
use crate::stats::Stats;

/// State that handlers and receipt posts share.
pub(crate) struct Vendor {
    pub(crate) controls: Controls,
    pub(crate) ledger: Ledger,
    pub(crate) stats: Stats,
    pub(crate) callback_hosts: Vec<String>,
    pub(crate) callback_concurrency: u16,
    pub(crate) secret: SigningSecret,
    pub(crate) client: reqwest::Client,
}
