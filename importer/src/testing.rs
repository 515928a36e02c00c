//! Previews of texts, for tests.

use std::fs;

use serde_json::{Value, from_value};

use crate::error::ImportError;
use crate::fields::Resource;
use crate::fit::Fit;
use crate::import::ImportTask;
use crate::option_names::OptionNames;
use crate::options::{FileFormat, Pair};
use crate::presets::Preset;
use crate::preview::Preview;

/// Maximum number of objects that a test looks at.
const OBJECTS: usize = 99;

/// What a table would send.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) objects: Vec<Value>,
    /// An example of each kind of reason, after the number of its line: `3: amount is empty`.
    pub(crate) reasons: Vec<String>,
    pub(crate) left_out: Vec<Pair>,
    pub(crate) unused: Vec<String>,
    pub(crate) numbers: Vec<String>,
    pub(crate) preview: Preview,
}

/// Reads a table with these options.
pub(crate) fn read(resource: Resource, text: &[u8], options: Value) -> Read {
    try_read(resource, text, options, None).unwrap()
}

/// Reads a table of orders with these options.
pub(crate) fn orders(text: &str, options: Value) -> Read {
    read(Resource::Orders, text.as_bytes(), options)
}

/// Returns the error of options that do not fit a table.
pub(crate) fn error(resource: Resource, text: &str, options: Value) -> String {
    let read = try_read(resource, text.as_bytes(), options, None);
    read.unwrap_err().to_string()
}

/// Reads a table with these options and a preset.
pub(crate) fn try_read(
    resource: Resource,
    text: &[u8],
    options: Value,
    preset: Option<Preset>,
) -> Result<Read, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.csv");
    fs::write(&file, text).unwrap();
    let task = ImportTask {
        option_names: OptionNames::Flags,
        resource,
        format: FileFormat::Csv,
        options: from_value(options).unwrap(),
        preset,
        destination: String::new(),
        batch: 1,
        rejects: folder.path().join("rejects"),
        journal: folder.path().join("journal"),
        restart: false,
        file,
    };
    let Fit {
        left_out,
        unused,
        numbers,
    } = task.fit()?;
    let preview = task.preview(OBJECTS)?;
    let object = |text: &String| serde_json::from_str(text).unwrap();
    let kinds = preview.refusals.kinds().iter();
    Ok(Read {
        objects: preview.first.iter().map(object).collect(),
        reasons: kinds
            .map(|kind| format!("{}: {}", kind.line, kind.reason.text))
            .collect(),
        left_out,
        unused,
        numbers,
        preview,
    })
}
