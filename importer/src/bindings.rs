//! Binding of fields to columns and constants, from the options and the table's columns.

use anyhow::{Context, bail, ensure};

use super::fields::{FieldTarget, Resource};
use super::options::ImportOptions;

/// Origin of a field's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Column at this index.
    Column(usize),
    /// Same text on every line.
    Constant(String),
    /// Number of the line between two texts.
    LineNumber { before: String, after: String },
}

/// Field and its origin.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) target: FieldTarget,
    pub(super) origin: Origin,
    /// True if the column was chosen by its name. An option for the same field replaces it.
    is_by_name: bool,
}

/// Returns the bindings in the order of the API's fields.
///
/// # Errors
/// Returns an error if an option is invalid, a field is bound twice, or a required field is not
/// bound.
pub(super) fn bindings(
    resource: Resource,
    options: &ImportOptions,
    columns: &[String],
) -> anyhow::Result<Vec<Binding>> {
    let mut bound = Vec::new();
    if options.map.is_empty() {
        for name in columns {
            if let Some(target) = resource.target(name) {
                bind(&mut bound, target, column(columns, name)?, true)?;
            }
        }
    }
    for pair in &options.map {
        let target = field(resource, &pair.field)?;
        bind(&mut bound, target, column(columns, &pair.value)?, false)?;
    }
    for pair in &options.set {
        let target = field(resource, &pair.field)?;
        bind(
            &mut bound,
            target,
            Origin::Constant(pair.value.clone()),
            false,
        )?;
    }
    if let Some(template) = &options.id {
        bind(
            &mut bound,
            field(resource, resource.id_field())?,
            line_number(template)?,
            false,
        )?;
    }
    check_required(resource, &bound, columns)?;
    bound.sort_by_key(|binding| match binding.target {
        FieldTarget::Field { rank, .. } => rank,
        FieldTarget::Key { .. } => usize::MAX,
    });
    Ok(bound)
}

fn bind(
    bound: &mut Vec<Binding>,
    target: FieldTarget,
    origin: Origin,
    is_by_name: bool,
) -> anyhow::Result<()> {
    let same = |binding: &Binding| binding.target.pointer() == target.pointer();
    if let Some(at) = bound.iter().position(same) {
        ensure!(
            bound[at].is_by_name && !is_by_name,
            "{} is mapped twice",
            target.name()
        );
        bound.remove(at);
    }
    bound.push(Binding {
        target,
        origin,
        is_by_name,
    });
    Ok(())
}

fn field(resource: Resource, name: &str) -> anyhow::Result<FieldTarget> {
    resource.target(name).with_context(|| {
        format!(
            "{} have no field {name}; they have {}",
            resource.name(),
            resource.field_names()
        )
    })
}

fn column(columns: &[String], name: &str) -> anyhow::Result<Origin> {
    let mut found = columns
        .iter()
        .enumerate()
        .filter(|(_, column)| *column == name);
    let (index, _) = found.next().with_context(|| {
        format!(
            "the file has no column {name}; its columns are {}",
            columns.join(", ")
        )
    })?;
    ensure!(
        found.next().is_none(),
        "the file has two columns named {name}"
    );
    Ok(Origin::Column(index))
}

fn line_number(template: &str) -> anyhow::Result<Origin> {
    match template.split_once("{line}") {
        Some((before, after)) if !after.contains("{line}") => Ok(Origin::LineNumber {
            before: before.into(),
            after: after.into(),
        }),
        _ => bail!("--id {template}: must contain {{line}} exactly once"),
    }
}

fn check_required(resource: Resource, bound: &[Binding], columns: &[String]) -> anyhow::Result<()> {
    let is_bound = |name: &str| bound.iter().any(|binding| binding.target.name() == name);
    let missing: Vec<_> = resource.required().filter(|name| !is_bound(name)).collect();
    ensure!(
        missing.is_empty(),
        "{} need {}: set it with --map FIELD=COLUMN, --set FIELD=VALUE or --id; \
         the file's columns are {}",
        resource.name(),
        missing.join(", "),
        columns.join(", ")
    );
    Ok(())
}
