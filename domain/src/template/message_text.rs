//! Texts of messages that the log holds as values.

use serde::{Deserialize, Serialize};

use super::{RenderError, Renderer, TemplateIdentity, TemplateValues};
use crate::CampaignId;
use crate::digest::TextDigest;

/// The part of a message that differs from customer to customer. Holds
/// personal data, and nothing else of a message does but the address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalContent {
    /// The values that the template used.
    pub values: TemplateValues,
    /// The digest of the text that they gave.
    pub digest: TextDigest,
}

/// What the text of a queued message is rendered from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedMessage {
    /// The campaign, which has the template.
    pub campaign: CampaignId,
    /// The template and the rendering rules.
    pub template: TemplateIdentity,
    /// The values, and the digest of the text.
    pub content: PersonalContent,
}

/// Why the text of a recorded message cannot be reproduced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReproduceError {
    /// The campaign has another template, or none.
    #[error("the campaign does not have the template that the message was queued with")]
    Template,
    /// The campaign's content cannot be read.
    #[error("the campaign's template cannot be read by this program")]
    Unreadable,
    /// The template cannot be rendered.
    #[error("the text cannot be rendered again: {0}")]
    Render(#[from] RenderError),
    /// It renders another text than was recorded.
    #[error("the text is not the one that was recorded when the message was queued")]
    Differs,
}

impl ReproduceError {
    /// Whether a newer program may be able to reproduce the text. Then nothing
    /// is known against the message.
    pub fn needs_newer_program(&self) -> bool {
        matches!(self, Self::Unreadable | Self::Render(RenderError::Rules(_)))
    }
}

impl Renderer {
    /// The content of a message with these values.
    ///
    /// # Errors
    /// [`RenderError`] as [`Renderer::render`].
    pub fn personalize(&self, values: TemplateValues) -> Result<PersonalContent, RenderError> {
        let digest = TextDigest::of(&self.render(&values)?);
        Ok(PersonalContent { values, digest })
    }

    /// The text of a recorded message, which is the text that was recorded.
    ///
    /// # Errors
    /// [`ReproduceError`] if this renderer is not for `template`, or another
    /// text comes of the values.
    pub fn reproduce(
        &self,
        template: TemplateIdentity,
        content: &PersonalContent,
    ) -> Result<String, ReproduceError> {
        if self.identity() != template {
            return Err(ReproduceError::Template);
        }
        let text = self.render(&content.values)?;
        match TextDigest::of(&text) == content.digest {
            true => Ok(text),
            false => Err(ReproduceError::Differs),
        }
    }
}
