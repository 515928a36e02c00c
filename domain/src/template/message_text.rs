//! Texts of recorded messages, reproduced from their values.

use serde::{Deserialize, Serialize};

use super::{RenderError, Renderer, TemplateIdentity, TemplateValues};
use crate::CampaignId;
use crate::digest::TextDigest;

/// Part of a message that differs between customers. Apart from the address, it
/// holds all personal data of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalContent {
    /// Values that the template used.
    pub values: TemplateValues,
    /// Digest of the rendered text.
    pub digest: TextDigest,
}

/// Source of a queued message's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedMessage {
    /// Campaign that has the template.
    pub campaign: CampaignId,
    /// Digest of the template, and version of the rendering rules.
    pub template: TemplateIdentity,
    /// Values, and digest of the text.
    pub content: PersonalContent,
}

/// Reason why the text of a recorded message cannot be reproduced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReproduceError {
    /// The campaign has a different template, or none.
    #[error("the campaign does not have the template that the message was queued with")]
    Template,
    /// The campaign's content cannot be decoded.
    #[error("the campaign's template cannot be read by this program")]
    Unreadable,
    /// The template cannot be rendered with the values.
    #[error("the text cannot be rendered again: {0}")]
    Render(#[from] RenderError),
    /// The rendered text differs from the recorded one.
    #[error("the text is not the one that was recorded when the message was queued")]
    Differs,
}

impl ReproduceError {
    /// Returns whether a newer program may be able to reproduce the text. The
    /// error then says nothing about the message itself.
    pub fn needs_newer_program(&self) -> bool {
        matches!(self, Self::Unreadable | Self::Render(RenderError::Rules(_)))
    }
}

impl Renderer {
    /// Renders a message with these values and returns its content.
    ///
    /// # Errors
    /// [`RenderError`], as for [`Renderer::render`].
    pub fn personalize(&self, values: TemplateValues) -> Result<PersonalContent, RenderError> {
        let digest = TextDigest::of(&self.render(&values)?);
        Ok(PersonalContent { values, digest })
    }

    /// Renders the text of a recorded message again, and checks that it equals
    /// the recorded one.
    ///
    /// # Errors
    /// [`ReproduceError`] if this renderer is not for `template`, or if the
    /// text differs from the recorded one.
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
