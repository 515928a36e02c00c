//! Texts of messages, rendered again from the values in the log.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use domain::{CampaignId, RecordedMessage, Renderer, ReproduceError, TemplateIdentity};

use crate::{CommandError, Commands};

impl Commands {
    /// Returns a campaign's template, prepared for rendering.
    ///
    /// # Errors
    /// [`CommandError`] if the log does not answer. The inner
    /// [`ReproduceError`] means that the campaign does not have this template,
    /// that its content cannot be read, or that this program does not have the
    /// rendering rules.
    pub async fn renderer(
        &self,
        campaign: &CampaignId,
        template: TemplateIdentity,
    ) -> Result<Result<Arc<Renderer>, ReproduceError>, CommandError> {
        let key = (campaign.clone(), template);
        if let Some(renderer) = self.renderers.0.get(&key) {
            return Ok(Ok(renderer));
        }
        let content = match self.campaign_content(campaign).await {
            Err(CommandError::Unreadable { .. }) => return Ok(Err(ReproduceError::Unreadable)),
            content => content?,
        };
        let source = content.map(|content| content.template);
        let Some(source) = source.filter(|source| source.identity().digest == template.digest)
        else {
            return Ok(Err(ReproduceError::Template));
        };
        Ok(match Renderer::by_rules(&source, template.rules) {
            Ok(renderer) => {
                let renderer = Arc::new(renderer);
                self.renderers.0.insert(key, renderer.clone());
                Ok(renderer)
            }
            Err(error) => Err(error.into()),
        })
    }

    /// Returns the texts of recorded messages, in the order given. A text that
    /// differs from the recorded one is a [`ReproduceError`].
    ///
    /// # Errors
    /// [`CommandError`] if the log does not answer.
    pub async fn texts(
        &self,
        messages: Vec<RecordedMessage>,
    ) -> Result<Vec<Result<String, ReproduceError>>, CommandError> {
        let mut renderers = HashMap::new();
        for message in &messages {
            let key = (message.campaign.clone(), message.template);
            if let Entry::Vacant(vacant) = renderers.entry(key) {
                let renderer = self.renderer(&message.campaign, message.template).await?;
                vacant.insert(renderer);
            }
        }
        // Rendering may take long and must not block the async runtime.
        let rendering = move || {
            let text = |message: &RecordedMessage| {
                let key = (message.campaign.clone(), message.template);
                match &renderers[&key] {
                    Ok(renderer) => renderer.reproduce(message.template, &message.content),
                    Err(error) => Err(error.clone()),
                }
            };
            messages.iter().map(text).collect()
        };
        Ok(tokio::task::spawn_blocking(rendering).await?)
    }
}
