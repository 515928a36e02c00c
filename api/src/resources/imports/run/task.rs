//! The importer's task for a run, and its errors in words.

use std::io::ErrorKind::{QuotaExceeded, StorageFull};

use domain::{ImportCounts, ImportId, ImportKind, Text};
use importer::{ImportError, ImportTask, OptionNames, Preset, Resource};

use crate::resources::imports::folder::ImportFolder;
use crate::resources::imports::stored::StoredRun;

/// Number of rows in a batch.
const BATCH: usize = 5_000;

/// Returns the importer's task for a run.
///
/// # Errors
/// If the stored options are those of another version of the importer.
pub(in super::super) fn task(
    folder: &ImportFolder,
    id: &ImportId,
    run: &StoredRun,
) -> Result<ImportTask, ImportError> {
    let options = serde_json::from_value(run.plan.options.clone());
    let options = options.map_err(|error| ImportError::Options(error.to_string()))?;
    Ok(ImportTask {
        file: folder.file(id),
        resource: resource(run.plan.kind),
        format: run.format,
        options,
        preset: preset(run.plan.preset.as_ref())?,
        destination: id.to_string(),
        batch: BATCH,
        rejects: folder.refused(id),
        journal: folder.journal(id),
        restart: false,
        option_names: OptionNames::Members,
    })
}

/// Returns the preset of a run, if it has one.
fn preset(name: Option<&Text<64>>) -> Result<Option<Preset>, ImportError> {
    let Some(name) = name else {
        return Ok(None);
    };
    let preset = Preset::named(name.as_str())
        .ok_or_else(|| ImportError::Options(format!("there is no preset {}", name.as_str())))?;
    Ok(Some(preset.clone()))
}

/// Returns the importer's name for a kind of data.
pub(in super::super) fn resource(kind: ImportKind) -> Resource {
    match kind {
        ImportKind::Customers => Resource::Customers,
        ImportKind::Orders => Resource::Orders,
        ImportKind::Events => Resource::Events,
    }
}

/// Returns the counts of the importer as the log has them.
pub(in super::super) fn domain_counts(counts: importer::ImportCounts) -> ImportCounts {
    ImportCounts {
        rows: counts.rows,
        read: counts.read,
        created: counts.created,
        updated: counts.updated,
        unchanged: counts.unchanged,
        stale: counts.stale,
        moved: counts.moved,
        refused: counts.refused,
        repeated: counts.repeated,
        skipped: counts.skipped,
        ambiguous_times: counts.notes.ambiguous_times,
        still_unsubscribed: counts.notes.still_unsubscribed,
    }
}

/// Describes an error to a person who does not know the server's paths.
pub(in super::super) fn describe(error: &ImportError) -> String {
    match error {
        ImportError::Layout { reason, .. } => OptionNames::Members.in_message(reason).into_owned(),
        ImportError::File { action, error, .. } => {
            let failed = format!("cannot {action} a file of the import: {error}");
            match error.kind() {
                StorageFull | QuotaExceeded => format!(
                    "{failed}; free space on the disk of PATRON_IMPORT_DIR and run the import \
                     again: it continues where it stopped"
                ),
                _ => failed,
            }
        }
        _ => error.to_string(),
    }
}

/// Shortens a reason to what an event may have.
pub(super) fn failure_reason(reason: &str) -> Text<1024> {
    let text: String = reason.chars().filter(|c| !c.is_control()).collect();
    Text::try_from(domain::beginning(&text, 1024).to_owned()).unwrap_or_else(|_| {
        // Only an empty text is not valid now.
        Text::try_from("the import failed".to_owned()).unwrap_or_else(|_| unreachable!())
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_full_disk_says_how_to_continue() {
        let error = ImportError::File {
            action: "write",
            path: PathBuf::from("/srv/imports/journal"),
            error: io::Error::from(StorageFull),
        };
        let text = describe(&error);
        assert!(text.contains("run the import again"), "{text}");
        assert!(!text.contains("/srv"), "{text}");
    }
}
