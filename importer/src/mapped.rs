//! Fields of objects, bound to what fills them.

use anyhow::{anyhow, bail, ensure};

use super::bindings::{Binding, Origin, column};
use super::columns::Columns;
use super::expressions::Expression;
use super::fields::{FieldKind, FieldTarget, Resource};
use super::options::{AmountUnit, ImportOptions, Pair};
use super::record::Reason;
use super::statuses::{StatusMeaning, Statuses};
use super::values::{Decimals, ValueReader};

/// Field, prepared for writing.
pub(super) struct MappedField {
    pub(super) target: FieldTarget,
    /// JSON of the key with its colon: `"name":`.
    pub(super) key: Vec<u8>,
    pub(super) content: Content,
    /// Origin where `content` is an empty column.
    pub(super) fallback: Option<Expression>,
    /// Columns that fill the field, for messages.
    pub(super) columns: String,
    pub(super) is_required: bool,
    /// An empty cell clears the field.
    pub(super) clears: bool,
}

pub(super) enum Content {
    Columns(Expression),
    /// JSON that is the same in every object.
    Constant(Vec<u8>),
    /// Text that is the same in every line item.
    ItemConstant(String),
    LineNumber {
        before: String,
        after: String,
    },
    /// Sum of the line items.
    Sum,
}

#[derive(Clone, Copy)]
pub(super) enum DecimalsFrom {
    Known(Decimals),
    /// Field with the row's currency.
    Currency(usize),
}

impl MappedField {
    pub(super) fn new(
        binding: Binding,
        decimals: DecimalsFrom,
        values: &ValueReader,
        statuses: &Statuses,
    ) -> anyhow::Result<Self> {
        let Binding {
            target,
            origin,
            clears,
            ..
        } = binding;
        let content = match origin {
            Origin::Columns(expression) => Content::Columns(expression),
            Origin::LineNumber { before, after } => Content::LineNumber { before, after },
            Origin::Constant(text) if target.is_of_item() => {
                if let (FieldKind::Amount, DecimalsFrom::Known(_)) = (target.kind(), decimals) {
                    constant(&target, &text, decimals, values)?;
                }
                Content::ItemConstant(text)
            }
            Origin::Constant(text) if target.name() == "status" => {
                match statuses
                    .meaning(&text)
                    .map_err(|reason| anyhow!(reason.text))?
                {
                    StatusMeaning::Status(text) => {
                        Content::Constant(constant(&target, text, decimals, values)?)
                    }
                    StatusMeaning::Skip => bail!("--set status={text} leaves out every order"),
                }
            }
            Origin::Constant(text) => {
                Content::Constant(constant(&target, &text, decimals, values)?)
            }
        };
        let field = Self::with_content(target, content)?;
        Ok(Self { clears, ..field })
    }

    /// Adds the columns that fill the field, for messages and where the first one is empty.
    ///
    /// # Errors
    /// Returns an error if the options do not fit the columns.
    pub(super) fn with_columns(
        mut self,
        resource: Resource,
        options: &ImportOptions,
        columns: Columns,
    ) -> anyhow::Result<Self> {
        let name = self.target.name();
        self.columns = column_names(resource, options, &self.target);
        self.fallback = fallback(resource, options, columns, &self.target)?;
        self.is_required = resource.required().any(|required| required == name);
        Ok(self)
    }

    /// Returns a field that is the sum of the line items.
    pub(super) fn computed(target: FieldTarget) -> anyhow::Result<Self> {
        Self::with_content(target, Content::Sum)
    }

    fn with_content(target: FieldTarget, content: Content) -> anyhow::Result<Self> {
        let mut key = serde_json::to_vec(target.key())?;
        key.push(b':');
        Ok(Self {
            target,
            key,
            content,
            fallback: None,
            columns: String::new(),
            is_required: false,
            clears: false,
        })
    }

    /// Returns a reason that concerns this field: the rest of a sentence that begins with its name.
    pub(super) fn reason(&self, problem: impl AsRef<str>) -> Reason {
        Reason {
            text: format!("{} {}", self.target.name(), problem.as_ref()),
            pointer: Some(self.target.pointer()),
        }
    }
}

/// Returns the columns that fill a field, for messages: `column Name`.
fn column_names(resource: Resource, options: &ImportOptions, target: &FieldTarget) -> String {
    let name = target.name();
    let of_field = |pair: &&Pair| {
        let other = resource.target(&pair.field);
        other.is_some_and(|other| other.pointer() == target.pointer())
    };
    let of = |pairs: &[Pair]| pairs.iter().find(of_field).map(|pair| pair.value.clone());
    let first = of(&options.map).unwrap_or_else(|| name.into_owned());
    match of(&options.fallback) {
        Some(second) => format!("columns {first} and {second}"),
        None => format!("column {first}"),
    }
}

/// Returns what fills a field where its first column is empty.
fn fallback(
    resource: Resource,
    options: &ImportOptions,
    columns: Columns,
    target: &FieldTarget,
) -> anyhow::Result<Option<Expression>> {
    for pair in &options.fallback {
        let plain = resource.target(&pair.field);
        let Some(plain) = plain.filter(|plain| plain.pointer() == target.pointer()) else {
            continue;
        };
        let (fallback, expression) = column("--fallback", columns, plain, &pair.value)?;
        ensure!(
            fallback.kind() == target.kind(),
            "the columns that fill {} have different meanings: negate both or none",
            target.name()
        );
        return Ok(Some(expression));
    }
    Ok(None)
}

fn constant(
    target: &FieldTarget,
    text: &str,
    decimals: DecimalsFrom,
    values: &ValueReader,
) -> anyhow::Result<Vec<u8>> {
    let decimals = match decimals {
        DecimalsFrom::Known(decimals) => decimals,
        DecimalsFrom::Currency(_) if target.kind() == FieldKind::Amount => {
            bail!("--set amount={text} also needs --set currency=…")
        }
        DecimalsFrom::Currency(_) => Decimals::Minor,
    };
    let mut json = Vec::new();
    values
        .write(target.kind(), text, decimals, &mut json)
        .map_err(|problem| anyhow!("--set {}={text}: \"{text}\" {problem}", target.name()))?;
    Ok(json)
}

/// Determines where the number of decimals of amounts comes from.
pub(super) fn decimals_from(
    unit: Option<AmountUnit>,
    bound: &[Binding],
) -> anyhow::Result<DecimalsFrom> {
    let number = bound
        .iter()
        .position(|binding| binding.target.name() == "currency");
    let is_minor = unit == Some(AmountUnit::Minor);
    Ok(match number.map(|number| (number, &bound[number].origin)) {
        Some((_, Origin::Constant(code))) if !is_minor => DecimalsFrom::Known(
            Decimals::stated(code).map_err(|problem| anyhow!("currency \"{code}\" {problem}"))?,
        ),
        Some((number, _)) if !is_minor => DecimalsFrom::Currency(number),
        _ => DecimalsFrom::Known(Decimals::Minor),
    })
}
