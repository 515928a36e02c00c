//! Conversion of a table's rows to objects of the API.

use anyhow::{anyhow, bail};
use xxhash_rust::xxh3::xxh3_64;

use super::bindings::{Binding, Origin, bindings};
use super::cells::Cells;
use super::columns::Columns;
use super::expressions::Expression;
use super::fields::{FieldKind, FieldTarget, Resource};
use super::options::{AmountUnit, ImportOptions};
use super::record::{Reason, RowNotes};
use super::values::{Decimals, ValueReader};

/// Conversion of rows to objects.
pub(super) struct Mapping {
    id_field: &'static str,
    fields: Vec<MappedField>,
    /// Values in the field with free keys.
    keys: Vec<MappedField>,
    /// Name of the field with free keys.
    keys_field: &'static str,
    decimals: DecimalsFrom,
    values: ValueReader,
}

/// Field, prepared for writing.
struct MappedField {
    target: FieldTarget,
    /// JSON of the key with its colon: `"name":`.
    key: Vec<u8>,
    content: Content,
    /// An empty cell clears the field.
    clears: bool,
}

enum Content {
    Columns(Expression),
    /// JSON that is the same in every object.
    Constant(Vec<u8>),
    LineNumber {
        before: String,
        after: String,
    },
}

#[derive(Clone)]
enum DecimalsFrom {
    Known(Decimals),
    CurrencyColumn(Expression),
}

impl Mapping {
    /// Builds the mapping of a table with these columns.
    ///
    /// # Errors
    /// Returns an error that names the option that does not fit the resource, the columns or
    /// another option.
    pub(super) fn new(
        resource: Resource,
        options: &ImportOptions,
        columns: Columns,
    ) -> anyhow::Result<Self> {
        let bound = bindings(resource, options, columns)?;
        let decimals = decimals_from(options.amount_unit, &bound)?;
        let values = ValueReader::new(options)?;
        let field = |binding| MappedField::new(binding, &decimals, &values);
        let mapped = bound
            .into_iter()
            .map(field)
            .collect::<anyhow::Result<Vec<_>>>()?;
        let (fields, keys) = mapped
            .into_iter()
            .partition(|field| matches!(field.target, FieldTarget::Field { .. }));
        Ok(Self {
            id_field: resource.id_field(),
            fields,
            keys,
            keys_field: resource.free_keys().unwrap_or_default(),
            decimals,
            values,
        })
    }

    /// Returns what was noted about the rows since the last call.
    pub(super) fn take_notes(&self) -> RowNotes {
        self.values.take_notes()
    }

    /// Appends the row's object to `out`. Returns a hash of its id, if it has one. After an error
    /// `out` is unchanged.
    pub(super) fn render(
        &self,
        cells: &Cells,
        line: u64,
        out: &mut Vec<u8>,
    ) -> Result<Option<u64>, Reason> {
        let start = out.len();
        let rendered = self.write_object(cells, line, out);
        if rendered.is_err() {
            out.truncate(start);
        }
        rendered
    }

    fn write_object(
        &self,
        cells: &Cells,
        line: u64,
        out: &mut Vec<u8>,
    ) -> Result<Option<u64>, Reason> {
        let mut id = None;
        out.push(b'{');
        for field in &self.fields {
            let start = out.len();
            self.write_field(field, cells, line, out)?;
            if field.target.name() == self.id_field && out.len() > start {
                id = Some(xxh3_64(&out[start..]));
            }
        }
        self.write_keys(cells, line, out)?;
        close(out);
        Ok(id)
    }

    fn write_keys(&self, cells: &Cells, line: u64, out: &mut Vec<u8>) -> Result<(), Reason> {
        let start = out.len();
        if self.keys.is_empty() {
            return Ok(());
        }
        out.extend_from_slice(format!("\"{}\":{{", self.keys_field).as_bytes());
        let empty = out.len();
        for field in &self.keys {
            self.write_field(field, cells, line, out)?;
        }
        if out.len() == empty {
            out.truncate(start);
            return Ok(());
        }
        close(out);
        out.push(b',');
        Ok(())
    }

    /// Appends `"name":value,`, or nothing if the cell is empty.
    fn write_field(
        &self,
        field: &MappedField,
        cells: &Cells,
        line: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let start = out.len();
        out.extend_from_slice(&field.key);
        match &field.content {
            Content::Constant(json) => out.extend_from_slice(json),
            Content::LineNumber { before, after } => {
                self.write(
                    field,
                    &format!("{before}{line}{after}"),
                    Decimals::Minor,
                    out,
                )?;
            }
            Content::Columns(expression) => {
                let text = expression.text(cells);
                let text = self.values.clean(field.target.kind(), &text);
                if !text.trim().is_empty() {
                    self.write(field, text, self.decimals(field, cells)?, out)?;
                } else if field.clears {
                    out.extend_from_slice(b"null");
                } else {
                    out.truncate(start);
                    return Ok(());
                }
            }
        }
        out.push(b',');
        Ok(())
    }

    fn write(
        &self,
        field: &MappedField,
        text: &str,
        decimals: Decimals,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        self.values
            .write(field.target.kind(), text, decimals, out)
            .map_err(|problem| field.reason(format!("\"{text}\" {problem}")))
    }

    fn decimals(&self, field: &MappedField, cells: &Cells) -> Result<Decimals, Reason> {
        match &self.decimals {
            DecimalsFrom::CurrencyColumn(column) if field.target.kind() == FieldKind::Amount => {
                let code = column.text(cells);
                Decimals::of_line(&code).map_err(|problem| Reason {
                    text: format!("currency \"{code}\" {problem}"),
                    pointer: Some("/currency".into()),
                })
            }
            DecimalsFrom::CurrencyColumn(_) => Ok(Decimals::Minor),
            DecimalsFrom::Known(decimals) => Ok(*decimals),
        }
    }
}

impl MappedField {
    fn new(binding: Binding, decimals: &DecimalsFrom, values: &ValueReader) -> anyhow::Result<Self> {
        let Binding {
            target,
            origin,
            clears,
            ..
        } = binding;
        let content = match origin {
            Origin::Columns(expression) => Content::Columns(expression),
            Origin::LineNumber { before, after } => Content::LineNumber { before, after },
            Origin::Constant(text) => Content::Constant(constant(&target, &text, decimals, values)?),
        };
        let mut key = serde_json::to_vec(target.key())?;
        key.push(b':');
        Ok(Self {
            target,
            key,
            content,
            clears,
        })
    }

    fn reason(&self, problem: impl AsRef<str>) -> Reason {
        Reason {
            text: format!("{} {}", self.target.name(), problem.as_ref()),
            pointer: Some(self.target.pointer()),
        }
    }
}

fn constant(
    target: &FieldTarget,
    text: &str,
    decimals: &DecimalsFrom,
    values: &ValueReader,
) -> anyhow::Result<Vec<u8>> {
    let decimals = match decimals {
        DecimalsFrom::Known(decimals) => *decimals,
        DecimalsFrom::CurrencyColumn(_) if target.kind() == FieldKind::Amount => {
            bail!("--set amount={text} also needs --set currency=…")
        }
        DecimalsFrom::CurrencyColumn(_) => Decimals::Minor,
    };
    let mut json = Vec::new();
    values
        .write(target.kind(), text, decimals, &mut json)
        .map_err(|problem| anyhow!("--set {}={text}: \"{text}\" {problem}", target.name()))?;
    Ok(json)
}

fn decimals_from(unit: Option<AmountUnit>, bound: &[Binding]) -> anyhow::Result<DecimalsFrom> {
    let currency = bound
        .iter()
        .find(|binding| binding.target.name() == "currency");
    let is_minor = unit == Some(AmountUnit::Minor);
    Ok(match currency.map(|binding| &binding.origin) {
        Some(Origin::Columns(column)) if !is_minor => {
            DecimalsFrom::CurrencyColumn(column.clone())
        }
        Some(Origin::Constant(code)) if !is_minor => DecimalsFrom::Known(
            Decimals::stated(code).map_err(|problem| anyhow!("currency \"{code}\" {problem}"))?,
        ),
        _ => DecimalsFrom::Known(Decimals::Minor),
    })
}

/// Replaces the comma after the last member, if there is one, with the end of the object.
fn close(out: &mut Vec<u8>) {
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(b'}');
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
