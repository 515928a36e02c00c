//! Handle that the API and the reactors share.

use std::sync::Arc;

use domain::{Currency, CurrencyError};
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
}

/// Reason why the deployment's currency could not be determined.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log does not answer, or was started with another currency.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The currency stored in the log is not a valid code.
    #[error(transparent)]
    Currency(#[from] CurrencyError),
}

impl Commands {
    /// Default currency of a new deployment.
    pub const DEFAULT_CURRENCY: &str = "USD";

    /// Opens the commands of this log. The currency is fixed when a log is
    /// first opened; `None` accepts whatever is fixed.
    ///
    /// # Errors
    /// [`OpenError`] if another currency is given than at the first start.
    pub async fn open(log: Log, currency: Option<Currency>) -> Result<Self, OpenError> {
        let given = currency.map(Currency::code);
        let code = log.pin("currency", given, Self::DEFAULT_CURRENCY).await?;
        let currency = Currency::try_from(code)?;
        let renderers = Renderers::default();
        Ok(Self {
            log,
            currency,
            renderers,
            turns: Arc::default(),
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
