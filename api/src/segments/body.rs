//! A segment as a client writes it.

use domain::{SegmentContent, Text};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::body::Input;
use crate::problem::Problem;
use crate::rules::{self, RulesSchema};
use crate::schema;
use crate::state::Shared;

/// A segment, whole.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a segment object")]
#[schema(as = SegmentIn, example = json!({
    "name": "Big spenders who stay away",
    "description": "For the spring letter",
    "rules": "total_spend > 100000 AND days_since_last_order > 90"
}))]
pub(super) struct SegmentBody {
    /// What it is called, at most 200 bytes.
    #[schema(value_type = schema::Text200)]
    name: Text<200>,
    /// What it is for, at most 2,000 bytes.
    #[serde(default)]
    #[schema(value_type = Option<schema::Text2000>)]
    description: Option<Text<2000>>,
    /// Which customers are meant, at most 64 KiB as JSON.
    #[schema(value_type = RulesSchema)]
    rules: serde_json::Value,
}

impl Input for SegmentBody {
    fn check(&self, _: &Shared) -> Result<(), Problem> {
        rules::read("/rules", &self.rules).map(drop)
    }
}

impl SegmentBody {
    /// # Errors
    /// 422 with every part of the rules that is wrong.
    pub(super) fn into_content(self) -> Result<SegmentContent, Problem> {
        Ok(SegmentContent {
            rules: rules::read("/rules", &self.rules)?,
            name: self.name,
            description: self.description,
        })
    }
}
