//! Who helps in plain words, as options say it.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, ensure};
use api::{ApiConfig, AssistantConfig};
use assist::model::{ApiKey, Model, ModelConfig};
use clap::Args;

use crate::span::span;

const OPENAI: &str = "https://api.openai.com/v1";
const MODEL: &str = "gpt-4o-mini";

/// Which language model is asked, and how much. Without a key Patron answers by itself.
#[derive(Args)]
pub(crate) struct AssistantOptions {
    /// The key of a server that speaks OpenAI's API; without it Patron answers by itself
    #[arg(
        long,
        env = "OPENAI_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    openai_api_key: Option<String>,

    /// Where that server is
    #[arg(long, env = "OPENAI_BASE_URL", value_name = "URL", default_value = OPENAI)]
    openai_base_url: String,

    /// The model that is asked; it has to know structured output
    #[arg(long, env = "OPENAI_MODEL", value_name = "MODEL", default_value = MODEL)]
    openai_model: String,

    /// How long the model may take until Patron answers by itself, at most 25s
    #[arg(long, env = "PATRON_AI_TIMEOUT", default_value = "20s",
          value_parser = span, value_name = "TIME")]
    ai_timeout: Duration,

    /// Requests for help in a minute with one credential, a third of them at once; 0 for any
    /// number
    #[arg(
        long,
        env = "PATRON_AI_PER_MINUTE",
        default_value_t = 60,
        value_name = "N"
    )]
    ai_per_minute: u32,
}

/// What a request has left for everything else.
const MOST: Duration = Duration::from_secs(25);

impl AssistantOptions {
    /// Sets the API up for this.
    ///
    /// # Errors
    /// For options that are not what they should be.
    pub(crate) fn apply(&self, config: &mut ApiConfig) -> anyhow::Result<()> {
        ensure!(
            self.ai_timeout <= MOST,
            "PATRON_AI_TIMEOUT is at most {} s, since a request has 30 s in all",
            MOST.as_secs()
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
