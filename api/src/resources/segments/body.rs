//! Request bodies of segments.

use domain::{SegmentContent, Text};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::body::{BodyRules, Input};
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::shared::rules::{self, RulesSchema};

/// A segment's complete content.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a segment object")]
#[schema(as = SegmentIn, example = json!({
    "name": "Big spenders without a recent order",
    "description": "For the spring letter",
    "rules": "total_spend > 100000 AND days_since_last_order > 90"
}))]
pub(super) struct SegmentBody {
    /// The segment's name, at most 200 bytes.
    #[schema(value_type = schema::Text200)]
    name: Text<200>,
    /// The segment's purpose, at most 2,000 bytes.
    #[serde(default)]
    #[schema(value_type = Option<schema::Text2000>)]
    description: Option<Text<2000>>,
    /// Rules that select customers, at most 64 KiB as JSON.
    #[schema(value_type = RulesSchema)]
    rules: serde_json::Value,
}

impl Input for SegmentBody {
    fn check(&self, _: &BodyRules) -> Result<(), Problem> {
        rules::read("/rules", &self.rules).map(drop)
    }
}

impl SegmentBody {
    /// Parses the body into the content of a segment.
    ///
    /// # Errors
    /// 422 with every invalid part of the rules.
    pub(super) fn into_content(self) -> Result<SegmentContent, Problem> {
        Ok(SegmentContent {
            rules: rules::read("/rules", &self.rules)?,
            name: self.name,
            description: self.description,
        })
    }
}
