//! The handle that the API and the reactors share.

use std::sync::Arc;

use domain::{Currency, CurrencyError};
use eventlog::{Log, LogError};

use crate::texts::Renderers;
use crate::turns::Turns;

/// Everything that can be commanded. Cloning shares the log.
#[derive(Clone)]
pub struct Commands {
    pub(crate) log: Log,
    pub(crate) currency: Currency,
    pub(crate) renderers: Renderers,
    pub(crate) turns: Arc<Turns>,
}

/// Why the deployment's currency could not be settled.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log does not answer, or was started with another currency.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What the log holds is no currency.
    #[error(transparent)]
    Currency(#[from] CurrencyError),
}

impl Commands {
    /// The currency of a deployment that does not say.
    pub const DEFAULT_CURRENCY: &str = "USD";

    /// Over this log. The currency is fixed when a log is first opened; `None`
    /// takes what is fixed.
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

    /// The deployment's one currency.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The log behind.
    pub fn log(&self) -> &Log {
        &self.log
    }
}
