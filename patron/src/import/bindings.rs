//! Which field comes from where, by the options and the table's columns.

use anyhow::{Context, bail, ensure};

use super::args::TableArgs;
use super::fields::{Resource, Target};

/// Where a field's text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The column at this index.
    Column(usize),
    /// The same on every line.
    Constant(String),
    /// The line's number between two texts.
    LineNumber { before: String, after: String },
}

/// One field and its origin.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) target: Target,
    pub(super) origin: Origin,
    /// Taken because a column has the field's name; gives way to what the options say.
    by_name: bool,
}

/// The bindings in the order of the API's fields, with every field that the API insists on.
pub(super) fn bindings(
    resource: Resource,
    options: &TableArgs,
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
        Target::Field { rank, .. } => rank,
        Target::Key { .. } => usize::MAX,
    });
    Ok(bound)
}

fn bind(
    bound: &mut Vec<Binding>,
    target: Target,
    origin: Origin,
    by_name: bool,
) -> anyhow::Result<()> {
    let same = |binding: &Binding| binding.target.pointer() == target.pointer();
    if let Some(at) = bound.iter().position(same) {
        ensure!(
            bound[at].by_name && !by_name,
            "{} is given twice",
            target.name()
        );
        bound.remove(at);
    }
    bound.push(Binding {
        target,
        origin,
        by_name,
    });
    Ok(())
}

fn field(resource: Resource, name: &str) -> anyhow::Result<Target> {
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
        _ => bail!("--id {template}: there must be one {{line}} in it"),
    }
}

fn check_required(resource: Resource, bound: &[Binding], columns: &[String]) -> anyhow::Result<()> {
    let is_bound = |name: &str| bound.iter().any(|binding| binding.target.name() == name);
    let missing: Vec<_> = resource.required().filter(|name| !is_bound(name)).collect();
    ensure!(
        missing.is_empty(),
        "{} need {}: say where from with --map FIELD=COLUMN, --set FIELD=VALUE or --id; \
         the file's columns are {}",
        resource.name(),
        missing.join(", "),
        columns.join(", ")
    );
    Ok(())
}
