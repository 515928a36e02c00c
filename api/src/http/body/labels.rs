//! Sets of labels in request bodies.

use std::collections::BTreeSet;

use domain::Text;
use serde::Deserialize;

/// Set of labels, parsed from an array of at most `MAX`, duplicates included.
#[derive(Deserialize)]
#[serde(try_from = "Vec<Text<64>>")]
pub(crate) struct Labels<const MAX: usize>(pub(crate) BTreeSet<Text<64>>);

impl<const MAX: usize> Default for Labels<MAX> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<const MAX: usize> TryFrom<Vec<Text<64>>> for Labels<MAX> {
    type Error = String;

    fn try_from(labels: Vec<Text<64>>) -> Result<Self, String> {
        if labels.len() > MAX {
            return Err(format!("must be at most {MAX}, not {}", labels.len()));
        }
        Ok(Self(labels.into_iter().collect()))
    }
}
