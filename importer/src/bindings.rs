//! Binding of fields to columns and constants, from the options and the table's columns.

use anyhow::{Context, anyhow, bail, ensure};

use super::columns::Columns;
use super::consent::ConsentColumn;
use super::expressions::Expression;
use super::fields::{FieldTarget, Resource};
use super::options::ImportOptions;

/// Origin of a field's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Value made of columns.
    Columns(Expression),
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
    /// An empty cell clears the field.
    pub(super) clears: bool,
}

/// Returns the bindings in the order of the API's fields.
///
/// # Errors
/// Returns an error if an option is invalid, a field is bound twice, or a required field is not
/// bound.
pub(super) fn bindings(
    resource: Resource,
    options: &ImportOptions,
    columns: Columns,
) -> anyhow::Result<Vec<Binding>> {
    let mut bound = Vec::new();
    if options.map.is_empty() {
        for name in columns.names() {
            if let Some(target) = resource.target(name) {
                let index = columns.index(name)?;
                bind(
                    &mut bound,
                    target,
                    Origin::Columns(Expression::Column(index)),
                    true,
                )?;
            }
        }
    }
    for pair in &options.map {
        let target = field(resource, &pair.field)?;
        let (target, expression) = column(columns, target, &pair.value)?;
        bind(&mut bound, target, Origin::Columns(expression), false)?;
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
    clear_empty(resource, &options.clear_empty, &mut bound)?;
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
        clears: false,
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

/// Parses the expression of columns that fills a field. A negated column gives the field's target
/// the contrary meaning.
pub(super) fn column(
    columns: Columns,
    target: FieldTarget,
    text: &str,
) -> anyhow::Result<(FieldTarget, Expression)> {
    let expression = Expression::parse(text, columns)
        .map_err(|error| anyhow!("--map {}={text}: {error}", target.name()))?;
    let target = match expression {
        Expression::Not(_) => target.negated().with_context(|| {
            format!(
                "--map {}={text}: only true and false can be negated with '!'; write '!!' for a \
                 column whose name begins with it",
                target.name()
            )
        })?,
        Expression::Column(_) | Expression::Template(_) => target,
    };
    if target.name() == "unsubscribed" {
        check_consent(columns, &expression)?;
    }
    Ok((target, expression))
}

/// Checks that the column's name does not say the contrary of what it is mapped to.
fn check_consent(columns: Columns, expression: &Expression) -> anyhow::Result<()> {
    let meaning = |index: usize| {
        let name = &columns.names()[index];
        (name, ConsentColumn::of(name))
    };
    match expression {
        Expression::Column(index) => {
            let (name, meaning) = meaning(*index);
            ensure!(
                meaning != Some(ConsentColumn::Acceptance),
                "the column {name} says who accepts messages, and unsubscribed who does not; \
                 negate it: --map unsubscribed='!{name}'"
            );
        }
        Expression::Not(index) => {
            let (name, meaning) = meaning(*index);
            ensure!(
                meaning != Some(ConsentColumn::Refusal),
                "the column {name} says who does not accept messages, as unsubscribed does; map it \
                 without '!': --map unsubscribed='{name}'"
            );
        }
        Expression::Template(_) => {}
    }
    Ok(())
}

/// Marks the fields of `--clear-empty`.
fn clear_empty(resource: Resource, names: &[String], bound: &mut [Binding]) -> anyhow::Result<()> {
    ensure!(
        names.is_empty() || resource == Resource::Customers,
        "--clear-empty applies to customers only: {} are sent in their complete state, so a field \
         that is left out is cleared",
        resource.name()
    );
    let is_required = |name: &str| resource.required().any(|required| required == name);
    for name in names {
        let mut found = false;
        for binding in bound.iter_mut() {
            let target = binding.target.name();
            let is_of_column = matches!(binding.origin, Origin::Columns(_));
            let is_meant = match name.as_str() {
                "all" => !is_required(&target),
                name => target == name,
            };
            binding.clears |= is_meant && is_of_column;
            found |= is_meant && is_of_column;
        }
        ensure!(
            !is_required(name),
            "--clear-empty {name}: this field cannot be cleared"
        );
        ensure!(
            found || name == "all",
            "--clear-empty {name}: no column fills this field"
        );
    }
    Ok(())
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

fn check_required(resource: Resource, bound: &[Binding], columns: Columns) -> anyhow::Result<()> {
    let is_bound = |name: &str| bound.iter().any(|binding| binding.target.name() == name);
    // An amount that is not bound is the sum of the items.
    let is_sum = is_bound("items.quantity") && is_bound("items.unit_amount");
    let is_given = |name: &str| is_bound(name) || (name == "amount" && is_sum);
    let missing: Vec<_> = resource.required().filter(|name| !is_given(name)).collect();
    let Some(first) = missing.first() else {
        return Ok(());
    };
    bail!(
        "{} need {}: set it with --map FIELD=COLUMN, --set FIELD=VALUE or --id; {}",
        resource.name(),
        missing.join(", "),
        columns.hint(first)
    )
}
