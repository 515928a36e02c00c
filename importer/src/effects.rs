//! Check that options have an effect. A misspelled field or a missing option would otherwise go
//! unnoticed.

use anyhow::{Context, bail, ensure};

use super::bindings::{Binding, Origin, field};
use super::fields::FieldKind::{Consent, Flag, NegatedConsent, NegatedFlag, Tags, Time};
use super::fields::Resource;
use super::options::ImportOptions;

/// Checks that the options that are given have an effect on a table with these bindings. Those of a
/// preset are no part of `given`: a file may lack the columns of some.
///
/// # Errors
/// Returns an error that names the option, and what it lacks.
pub(super) fn check_effects(
    resource: Resource,
    given: &ImportOptions,
    bound: &[Binding],
) -> anyhow::Result<()> {
    let is_bound = |name: &str| bound.iter().any(|binding| binding.target.name() == name);
    let is_of_column = |pointer: &str| {
        let is_same = |binding: &&Binding| binding.target.pointer() == pointer;
        let binding = bound.iter().find(is_same);
        binding.is_some_and(|binding| matches!(binding.origin, Origin::Columns(_)))
    };
    if !given.status.is_empty() {
        ensure!(
            resource == Resource::Orders,
            "--status applies to orders only"
        );
        ensure!(
            is_bound("status"),
            "--status: no column fills status; add --map status=COLUMN"
        );
    }
    let flags = &[Flag, NegatedFlag, Consent, NegatedConsent];
    for (option, is_given, kinds, what) in [
        (
            "--date-format",
            !given.date_format.is_empty(),
            &[Time][..],
            "a time",
        ),
        (
            "--tag-separator",
            given.tag_separator.is_some(),
            &[Tags][..],
            "tags",
        ),
        (
            "--yes-word",
            !given.yes_word.is_empty(),
            &flags[..],
            "a yes or no",
        ),
        (
            "--no-word",
            !given.no_word.is_empty(),
            &flags[..],
            "a yes or no",
        ),
    ] {
        let is_read = |binding: &Binding| kinds.contains(&binding.target.kind());
        ensure!(
            !is_given || bound.iter().any(is_read),
            "{option}: no field has {what}"
        );
    }
    let times_consent = given.map.iter().any(|pair| pair.field == "consent_at");
    ensure!(
        !times_consent || is_bound("unsubscribed"),
        "--map consent_at: it is the time of a consent, which no column has; add --map \
         unsubscribed=COLUMN"
    );
    check_first_row(resource, &given.first_row)?;
    for name in &given.first_row {
        ensure!(
            is_of_column(&format!("/{name}")),
            "--first-row {name}: no column fills this field"
        );
    }
    for pair in &given.fallback {
        let target = field("--fallback", resource, pair)?;
        ensure!(
            is_of_column(&target.pointer()),
            "--fallback {0}={1}: no column fills {0}; use --map {0}={1}",
            pair.field,
            pair.value
        );
    }
    Ok(())
}

/// Checks the names of `--first-row`.
pub(super) fn check_first_row(resource: Resource, names: &[String]) -> anyhow::Result<()> {
    ensure!(
        names.is_empty() || resource == Resource::Orders,
        "--first-row applies to orders only"
    );
    for name in names {
        let target = resource.target(name).with_context(|| {
            format!(
                "--first-row {name}: orders have no field {name}; they have {}",
                resource.field_names()
            )
        })?;
        if target.is_of_item() {
            bail!("--first-row {name}: each row has a line item of its own");
        }
    }
    Ok(())
}
