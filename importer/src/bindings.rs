//! Binding of fields to columns and constants, from the options and the table's columns.

use std::fmt::Display;

use anyhow::{Context, anyhow, bail, ensure};
use domain::Name;

use super::columns::Columns;
use super::consent::ConsentColumn;
use super::expressions::Expression;
use super::fields::{FieldTarget, Resource};
use super::options::{ImportOptions, Pair};

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
    require_unique(resource, options)?;
    let mut bound = Vec::new();
    if options.map.is_empty() {
        for name in columns.names() {
            if let Some(target) = resource.target(name) {
                if let Some(problem) = problem_of_key(&target) {
                    bail!("the column {name}: {problem}");
                }
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
        let target = field("--map", resource, pair)?;
        let (target, expression) = column("--map", columns, target, &pair.value)?;
        bind(&mut bound, target, Origin::Columns(expression), false)?;
    }
    for pair in &options.set {
        let target = field("--set", resource, pair)?;
        bind(
            &mut bound,
            target,
            Origin::Constant(pair.value.clone()),
            false,
        )?;
    }
    if let Some(template) = &options.id
        && let Some(target) = resource.target(resource.id_field())
    {
        bind(&mut bound, target, line_number(template)?, false)?;
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

/// Checks that no option is given twice for one field.
///
/// # Errors
/// Returns an error that names the option and the field.
pub(super) fn require_unique(resource: Resource, options: &ImportOptions) -> anyhow::Result<()> {
    for (option, pairs) in [
        ("--map", &options.map),
        ("--set", &options.set),
        ("--fallback", &options.fallback),
    ] {
        for (index, pair) in pairs.iter().enumerate() {
            let target = field(option, resource, pair)?;
            let is_same = |other: &Pair| {
                let other = resource.target(&other.field);
                other.is_some_and(|other| other.pointer() == target.pointer())
            };
            ensure!(
                !pairs[..index].iter().any(is_same),
                "{option} {} is given twice",
                target.name()
            );
        }
    }
    Ok(())
}

/// Returns the target of an option's field.
pub(super) fn field(option: &str, resource: Resource, pair: &Pair) -> anyhow::Result<FieldTarget> {
    let Pair { field, value } = pair;
    let target = resource.target(field).with_context(|| {
        format!(
            "{option} {field}={value}: {} have no field {field}; they have {}",
            resource.name(),
            resource.field_names()
        )
    })?;
    match problem_of_key(&target) {
        Some(problem) => bail!("{option} {field}={value}: {problem}"),
        None => Ok(target),
    }
}

/// Returns why the API would refuse the key of a free value in every object.
fn problem_of_key(target: &FieldTarget) -> Option<String> {
    let FieldTarget::Key { key, .. } = target else {
        return None;
    };
    let error = Name::try_from(key.clone()).err()?;
    Some(match key.rsplit_once(':') {
        Some((_, kind)) => format!("{kind} is none of number and boolean, the types of a value"),
        None => format!("{key} cannot be the name of a value: it {error}"),
    })
}

/// Parses the expression of columns that fills a field. A negated column gives the field's target
/// the contrary meaning.
pub(super) fn column(
    option: &str,
    columns: Columns,
    target: FieldTarget,
    text: &str,
) -> anyhow::Result<(FieldTarget, Expression)> {
    let wrong = |problem: &dyn Display| anyhow!("{option} {}={text}: {problem}", target.name());
    let (is_confirmed, plain) = confirmed(text, columns);
    let expression = Expression::parse(plain, columns).map_err(|error| wrong(&error))?;
    let is_consent = target.name() == "unsubscribed";
    if is_confirmed && !is_consent {
        return Err(wrong(
            &"'=' confirms a column of unsubscribed, whose name is checked",
        ));
    }
    if is_consent && !is_confirmed {
        check_consent(option, columns, &expression)?;
    }
    let target = match expression {
        Expression::Not(_) => target.negated().ok_or_else(|| {
            wrong(
                &"only true and false can be negated with '!'; write '!!' for a column whose name \
                  begins with it",
            )
        })?,
        Expression::Column(_) | Expression::Template(_) => target,
    };
    Ok((target, expression))
}

/// Splits off the `=` by which a user confirms a column of consent. A column that really has such a
/// name is taken first.
pub(super) fn confirmed<'a>(text: &'a str, columns: Columns) -> (bool, &'a str) {
    match text.strip_prefix('=') {
        Some(rest) if !columns.has(text) => (true, rest),
        _ => (false, text),
    }
}

/// Checks that the names of the columns do not say the contrary of what they are mapped to.
fn check_consent(option: &str, columns: Columns, expression: &Expression) -> anyhow::Result<()> {
    let is_negated = matches!(expression, Expression::Not(_));
    for index in expression.columns() {
        let name = &columns.names()[index];
        match ConsentColumn::of(name) {
            Some(ConsentColumn::Acceptance) if !is_negated => bail!(
                "the column {name} seems to say who accepts messages, and unsubscribed says who \
                 does not; negate it with {option} unsubscribed='!{name}', or confirm that it says \
                 who does not with {option} unsubscribed='={name}'"
            ),
            Some(ConsentColumn::Refusal) if is_negated => bail!(
                "the column {name} seems to say who does not accept messages, as unsubscribed does; \
                 map it without '!' ({option} unsubscribed='{name}'), or confirm that it says who \
                 accepts them with {option} unsubscribed='=!{name}'"
            ),
            _ => {}
        }
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
        "{} need {}: set {} with --map FIELD=COLUMN, --set FIELD=VALUE or --id; {}",
        resource.name(),
        missing.join(", "),
        if missing.len() == 1 { "it" } else { "them" },
        columns.hint(first)
    )
}

#[cfg(test)]
#[path = "bindings_tests.rs"]
mod tests;
