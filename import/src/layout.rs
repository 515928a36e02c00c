//! Choice of the file's layout, with the user.

use std::io::{self, IsTerminal, Write};

use importer::{Detected, ImportTask, Layout, Preset};

use super::UsageError;

/// Completes the import with the layout that its file has. Asks the user about a layout that was
/// detected, if there is a terminal and `is_accepted` is false.
///
/// # Errors
/// Returns an error if the file cannot be read, its layout does not fit the resource, or the user
/// does not want it.
pub(super) fn choose_layout(task: &mut ImportTask, is_accepted: bool) -> anyhow::Result<()> {
    task.check_resource()?;
    detect(task, is_accepted)?;
    if let Some(preset) = task.preset.as_ref().filter(|preset| preset.local_times)
        && task.options.time_zone.is_none()
        && preset.options()?.time_zone.is_none()
    {
        eprintln!(
            "the times in this file have no zone and are read as UTC; --time-zone Europe/Berlin \
             reads them as those of a clock there"
        );
    }
    Ok(())
}

fn detect(task: &mut ImportTask, is_accepted: bool) -> anyhow::Result<()> {
    let Layout::Detected(Detected { preset, delimiter }) = task.layout()? else {
        return Ok(());
    };
    let file = task.file.display();
    eprintln!("This looks like {}: preset {}", preset.title, preset.name);
    if preset.resource != task.resource {
        return Err(UsageError(format!(
            "{file} has {0}, not {1}; run: patron import {0} {file} --preset {2}",
            preset.resource.name(),
            task.resource.name(),
            preset.name
        ))
        .into());
    }
    if !is_accepted && !confirmed()? {
        return Err(UsageError(format!(
            "the layout was not confirmed; run patron import {} {file} --preset {}, or \
             add --yes to accept any layout that is detected; --dry-run shows what would be sent",
            task.resource.name(),
            preset.name
        ))
        .into());
    }
    task.options.delimiter = delimiter.or(task.options.delimiter);
    task.preset = Some(preset.clone());
    Ok(())
}

/// Asks on the terminal. Returns false if there is none.
fn confirmed() -> io::Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    eprint!("Import it so? [Y/n] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let answer = answer.trim();
    Ok(answer.is_empty()
        || ["y", "yes"]
            .iter()
            .any(|yes| answer.eq_ignore_ascii_case(yes)))
}

/// Returns the list of the presets, for people.
pub(super) fn preset_list() -> String {
    let mut text = String::new();
    for preset in Preset::all() {
        text += &format!(
            "{:22} {:10} {}\n",
            preset.name,
            preset.resource.name(),
            preset.title
        );
    }
    text
}
