//! Handle that the API and the reactors share.

use std::sync::Arc;

use domain::{AddressKey, Currency, CurrencyError};
use eventlog::{Log, LogError};

use crate::renderers::Renderers;
use crate::turns::Turns;

/// Entry point for all commands. Clones share the log.
#[derive(Clone)]
pub struct Commands {
    pub(crate) log: Log,
    pub(crate) currency: Currency,
    pub(crate) renderers: Renderers,
    pub(crate) turns: Arc<Turns>,
    /// Turns of commands on addresses that commands on customers require.
    pub(crate) address_turns: Arc<Turns>,
    pub(crate) address_key: Option<AddressKey>,
}

/// Reason why the deployment's currency could not be determined.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log does not answer, or was started with another currency.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log was started with another address key.
    #[error(
        "the address key is not the one that the log was started with: set PATRON_ADDRESS_KEY to \
         that one; with another key, nobody who unsubscribed would be found"
    )]
    AddressKey,
    /// The currency stored in the log is not a valid code.
    #[error(transparent)]
    Currency(#[from] CurrencyError),
}

impl Commands {
    /// Default currency of a new deployment.
    pub const DEFAULT_CURRENCY: &str = "USD";

    /// Opens the commands of this log. The currency is fixed when a log is
    /// first opened; `None` accepts whatever is fixed. So is the key from which
    /// the ids of addresses are derived; without one, commands that need it fail.
    ///
    /// # Errors
    /// [`OpenError`] if another currency or key is given than at the first start.
    pub async fn open(
        log: Log,
        currency: Option<Currency>,
        address_key: Option<AddressKey>,
    ) -> Result<Self, OpenError> {
        if let Some(key) = &address_key {
            let fingerprint = key.fingerprint();
            let pinned = log.pin("address_key", Some(&fingerprint), &fingerprint);
            pinned.await.map_err(|error| match error {
                LogError::Pinned { .. } => OpenError::AddressKey,
                other => other.into(),
            })?;
        }
        let given = currency.map(Currency::code);
        let code = log.pin("currency", given, Self::DEFAULT_CURRENCY).await?;
        let currency = Currency::try_from(code)?;
        let renderers = Renderers::default();
        Ok(Self {
            log,
            currency,
            renderers,
            turns: Arc::default(),
            address_turns: Arc::default(),
            address_key,
        })
    }

    /// Returns the currency of the deployment.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Returns the log that commands append to.
    pub fn log(&self) -> &Log {
        &self.log
    }
}
