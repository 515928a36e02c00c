//! Warnings about what a call has and Patron does not keep.

use serde_json::Value as Json;

use crate::http::problem::{MAX_ERRORS, shortened_pointer};
use crate::resources::data::warning::{Warning, WarningCode};

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
