//! Warnings about what a call has and Patron does not keep.

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::http::problem::{MAX_ERRORS, shortened_pointer};

/// Part of a call that was changed or left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Warning)]
pub(super) struct Warning {
    /// Kind of the warning.
    pub(super) code: WarningCode,
    /// JSON pointer to the part, from the root of the call.
    #[schema(example = "/properties/products")]
    pub(super) pointer: String,
    /// Explanation.
    #[schema(example = "an array cannot be kept")]
    pub(super) detail: String,
}

/// Kind of a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WarningCode {
    /// The part was left out.
    LeftOut,
    /// The part is kept under another name.
    Renamed,
}

/// Warnings about one call. The first twenty are kept.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Warnings(pub(super) Vec<Warning>);

impl Warnings {
    pub(super) fn left_out(&mut self, pointer: &str, detail: impl Into<String>) {
        self.add(WarningCode::LeftOut, pointer, detail.into());
    }

    pub(super) fn renamed(&mut self, pointer: &str, name: &str) {
        let detail = format!("kept as {name}");
        self.add(WarningCode::Renamed, pointer, detail);
    }

    /// Returns the number of bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let texts = self.0.iter();
        let texts = texts.map(|warning| warning.pointer.len() + warning.detail.len());
        texts.sum::<usize>() + self.0.len() * size_of::<Warning>()
    }

    fn add(&mut self, code: WarningCode, pointer: &str, detail: String) {
        if self.0.len() < MAX_ERRORS {
            self.0.push(Warning {
                code,
                pointer: shortened_pointer(pointer.to_owned()),
                detail,
            });
        }
    }
}

/// Returns whether a value says nothing: tools send nulls and empty texts unasked.
pub(super) fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.trim().is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Returns the pointer to a member.
pub(super) fn member(pointer: &str, name: &str) -> String {
    let name = name.replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{name}")
}
