//! Cache of the templates that texts are rendered with.

use std::sync::Arc;

use domain::{CampaignId, Renderer, TemplateIdentity};
use moka::sync::Cache;

/// Number of prepared templates that are cached.
const RENDERERS: u64 = 256;

/// Identity of a campaign's template.
type RendererKey = (CampaignId, TemplateIdentity);

/// Cache of recently used templates. Clones share it.
#[derive(Clone)]
pub(crate) struct Renderers(pub(crate) Cache<RendererKey, Arc<Renderer>>);

impl Default for Renderers {
    fn default() -> Self {
        Self(Cache::new(RENDERERS))
    }
}
