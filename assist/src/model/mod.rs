//! The same answers from a language model, of any server that speaks the chat
//! completions API.
//!
//! A model only phrases. What it says is read as a client's input would be:
//! rules by [`Rules::from_json`](domain::rules::Rules::from_json), templates
//! by [`Template`](domain::Template), the numbers of a text by
//! [`check::numbers`](crate::check::numbers). An answer that does not pass
//! goes back once with what is wrong; then it is an error. The explanation of
//! rules is never the model's.
//!
//! What goes out are people's words, aggregates, and names of groups that
//! enough customers share; nothing of any one customer.
//!
//! How long an answer may take is the caller's to say: dropping the future
//! ends the request.

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

use server::Server;

/// A model that can be asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Model {
    server: Server,
    name: Arc<str>,
}

/// What asking has come to, also where no answer came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// How many requests were sent.
    pub calls: u32,
    /// How many tokens the model read.
    pub input_tokens: u64,
    /// How many it wrote, its thoughts included.
    pub output_tokens: u64,
}

impl Model {
    /// # Errors
    /// [`ModelConfigError`] where nobody could be asked like this.
    pub fn new(config: &ModelConfig) -> Result<Self, ModelConfigError> {
        let name = config.model.trim();
        if name.is_empty() {
            return Err(ModelConfigError::Name);
        }
        Ok(Self {
            server: Server::new(config)?,
            name: name.into(),
        })
    }

    /// What its server calls it.
    pub fn name(&self) -> &str {
        &self.name
    }
}
