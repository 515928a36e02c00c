//! Options of the engine that answers calls for help.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, ensure};
use api::{ApiConfig, AssistantConfig};
use assist::model::{ApiKey, Model, ModelConfig};
use clap::Args;

use crate::duration::parse_duration;

const OPENAI: &str = "https://api.openai.com/v1";
const MODEL: &str = "gpt-4o-mini";

/// Language model that answers calls for help, and its limits. Without a key, Patron's built-in
/// engine answers.
#[derive(Args)]
pub(crate) struct AssistantOptions {
    /// API key of a server that speaks OpenAI's API; without it Patron's built-in engine answers
    #[arg(
        long,
        env = "OPENAI_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    openai_api_key: Option<String>,

    /// URL of that server
    #[arg(long, env = "OPENAI_BASE_URL", value_name = "URL", default_value = OPENAI)]
    openai_base_url: String,

    /// Language model; it must support structured output
    #[arg(long, env = "OPENAI_MODEL", value_name = "MODEL", default_value = MODEL)]
    openai_model: String,

    /// Time limit of the model, at most 25s; after it Patron's built-in engine answers
    #[arg(long, env = "PATRON_AI_TIMEOUT", default_value = "20s",
          value_parser = parse_duration, value_name = "TIME")]
    ai_timeout: Duration,

    /// Calls for help per minute with one credential, a third of them in a burst; 0 for no limit
    #[arg(
        long,
        env = "PATRON_AI_PER_MINUTE",
        default_value_t = 60,
        value_name = "N"
    )]
    ai_per_minute: u32,
}

/// Longest time limit of the model. A request may take 30 s in total, and the rest of its work
/// needs time too.
const MAX_TIMEOUT: Duration = Duration::from_secs(25);

impl AssistantOptions {
    /// Configures the API's assistant.
    ///
    /// # Errors
    /// Returns an error if the time limit is too long or the model's options are invalid.
    pub(crate) fn apply(&self, config: &mut ApiConfig) -> anyhow::Result<()> {
        ensure!(
            self.ai_timeout <= MAX_TIMEOUT,
            "PATRON_AI_TIMEOUT must be at most {} s: a request may take 30 s in total",
            MAX_TIMEOUT.as_secs()
        );
        config.assistant = AssistantConfig {
            model: self.model()?,
            time_limit: self.ai_timeout,
            per_minute: NonZeroU32::new(self.ai_per_minute),
        };
        Ok(())
    }

    fn model(&self) -> anyhow::Result<Option<Model>> {
        let key = self.openai_api_key.as_deref().map(str::trim);
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Ok(None);
        };
        let config = ModelConfig {
            base_url: self.openai_base_url.clone(),
            api_key: ApiKey::from(key.to_owned()),
            model: self.openai_model.clone(),
        };
        let model = Model::new(&config);
        let model = model.context("OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL")?;
        Ok(Some(model))
    }
}
