//! Content of a segment.

use serde::{Deserialize, Serialize};

use super::SegmentError;
use crate::Text;
use crate::rules::Rules;

/// Maximum size of a segment's rules as JSON, in bytes.
pub const MAX_RULES: usize = 64 * 1024;

/// Content of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentContent {
    /// Display name.
    pub name: Text<200>,
    /// Purpose of the segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<2000>>,
    /// Rules that select the customers.
    pub rules: Rules,
}

impl SegmentContent {
    /// Checks that the rules are not too large.
    pub(super) fn check(&self) -> Result<(), SegmentError> {
        match self.rules.to_json().to_string().len() {
            bytes if bytes > MAX_RULES => Err(SegmentError::TooLarge(bytes)),
            _ => Ok(()),
        }
    }
}
