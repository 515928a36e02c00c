//! Answers from a language model, on any server with the chat completions API.
//!
//! A model's answer is treated like untrusted input: rules are parsed by
//! [`Rules::from_json`](domain::rules::Rules::from_json), templates by
//! [`Template`](domain::Template), and [`prose::fill`](crate::prose::fill) inserts the
//! figures into prose, since a model writes no numbers. An answer that does not pass is
//! returned to the model once, with the reasons; a second invalid answer is an error. The
//! explanation of rules is never written by the model.
//!
//! The model receives people's requests, aggregates, and names of groups that enough
//! customers share; nothing about an individual customer.
//!
//! The caller limits the time: dropping the future ends the request.

mod answer;
mod config;
mod error;
mod messages;
mod rules;
mod schema;
mod server;
mod summary;
mod tags;
mod task;

use std::sync::Arc;

pub use config::{ApiKey, ModelConfig, ModelConfigError};
pub use error::{ModelError, NoRules};

use server::ModelServer;

/// Client of a model. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Model {
    server: ModelServer,
    name: Arc<str>,
}

/// Cost of calls to a model, including those without a usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Number of requests that were sent.
    pub calls: u32,
    /// Number of tokens that the model read.
    pub input_tokens: u64,
    /// Number of tokens that the model wrote, including reasoning tokens.
    pub output_tokens: u64,
}

impl Model {
    /// Creates a client of the configured model.
    ///
    /// # Errors
    /// [`ModelConfigError`] if the configuration is invalid.
    pub fn new(config: &ModelConfig) -> Result<Self, ModelConfigError> {
        let name = config.model.trim();
        if name.is_empty() {
            return Err(ModelConfigError::Name);
        }
        Ok(Self {
            server: ModelServer::new(config)?,
            name: name.into(),
        })
    }

    /// Returns the model's name on its server.
    pub fn name(&self) -> &str {
        &self.name
    }
}
