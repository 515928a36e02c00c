//! What a segment says.

use serde::{Deserialize, Serialize};

use super::SegmentError;
use crate::Text;
use crate::rules::Rules;

/// The most bytes that a segment's rules may have as JSON. Far below what a
/// document of a view can hold, so that none stands still at a segment.
pub const MAX_RULES: usize = 64 * 1024;

/// What a segment says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentContent {
    /// What it is called.
    pub name: Text<200>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<2000>>,
    /// Which customers are meant.
    pub rules: Rules,
}

impl SegmentContent {
    /// That it is not too large.
    pub(super) fn check(&self) -> Result<(), SegmentError> {
        match self.rules.to_json().to_string().len() {
            bytes if bytes > MAX_RULES => Err(SegmentError::TooLarge(bytes)),
            _ => Ok(()),
        }
    }
}
