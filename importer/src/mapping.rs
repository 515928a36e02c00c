//! Conversion of a table's rows to objects of the API.

use anyhow::{anyhow, bail};
use xxhash_rust::xxh3::xxh3_64;

use super::bindings::{Binding, Origin, bindings};
use super::cells::Cells;
use super::dates::DateFormat;
use super::fields::{FieldKind, FieldTarget, Resource};
use super::options::{AmountUnit, ImportOptions};
use super::record::Reason;
use super::values::{Decimals, decimals_of, write_value};

/// Conversion of rows to objects.
pub(super) struct Mapping {
    id_field: &'static str,
    fields: Vec<MappedField>,
    /// Values in the field with free keys.
    keys: Vec<MappedField>,
    /// Name of the field with free keys.
    keys_field: &'static str,
    decimals: DecimalsFrom,
    dates: DateFormat,
}

/// Field, prepared for writing.
struct MappedField {
    target: FieldTarget,
    /// JSON of the key with its colon: `"name":`.
    key: Vec<u8>,
    content: Content,
}

enum Content {
    Column(usize),
    /// JSON that is the same in every object.
    Constant(Vec<u8>),
    LineNumber {
        before: String,
        after: String,
    },
}

#[derive(Clone, Copy)]
enum DecimalsFrom {
    Known(Decimals),
    CurrencyColumn(usize),
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
        columns: &[String],
    ) -> anyhow::Result<Self> {
        let bound = bindings(resource, options, columns)?;
        let decimals = decimals_from(options.amount_unit, &bound)?;
        let dates = DateFormat::new(options.date_format.as_deref())?;
        let field = |binding| MappedField::new(binding, decimals, &dates);
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
            dates,
        })
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
            Content::Column(index) => {
                let cell = cells
                    .get(*index)
                    .ok_or_else(|| field.reason("is not UTF-8"))?;
                if cell.trim_ascii().is_empty() {
                    out.truncate(start);
                    return Ok(());
                }
                self.write(field, cell, self.decimals(field, cells)?, out)?;
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
        write_value(field.target.kind(), text, decimals, &self.dates, out)
            .map_err(|problem| field.reason(format!("\"{text}\" {problem}")))
    }

    fn decimals(&self, field: &MappedField, cells: &Cells) -> Result<Decimals, Reason> {
        match self.decimals {
            DecimalsFrom::CurrencyColumn(index) if field.target.kind() == FieldKind::Amount => {
                let code = cells.get(index).unwrap_or_default().trim();
                decimals_of(code).map_err(|problem| Reason {
                    text: format!("currency \"{code}\" {problem}"),
                    pointer: Some("/currency".into()),
                })
            }
            DecimalsFrom::CurrencyColumn(_) => Ok(Decimals::Minor),
            DecimalsFrom::Known(decimals) => Ok(decimals),
        }
    }
}

impl MappedField {
    fn new(binding: Binding, decimals: DecimalsFrom, dates: &DateFormat) -> anyhow::Result<Self> {
        let Binding { target, origin, .. } = binding;
        let content = match origin {
            Origin::Column(index) => Content::Column(index),
            Origin::LineNumber { before, after } => Content::LineNumber { before, after },
            Origin::Constant(text) => Content::Constant(constant(&target, &text, decimals, dates)?),
        };
        let mut key = serde_json::to_vec(target.key())?;
        key.push(b':');
        Ok(Self {
            target,
            key,
            content,
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
    decimals: DecimalsFrom,
    dates: &DateFormat,
) -> anyhow::Result<Vec<u8>> {
    let decimals = match decimals {
        DecimalsFrom::Known(decimals) => decimals,
        DecimalsFrom::CurrencyColumn(_) if target.kind() == FieldKind::Amount => {
            bail!("--set amount={text} also needs --set currency=…")
        }
        DecimalsFrom::CurrencyColumn(_) => Decimals::Minor,
    };
    let mut json = Vec::new();
    write_value(target.kind(), text, decimals, dates, &mut json)
        .map_err(|problem| anyhow!("--set {}={text}: \"{text}\" {problem}", target.name()))?;
    Ok(json)
}

fn decimals_from(unit: Option<AmountUnit>, bound: &[Binding]) -> anyhow::Result<DecimalsFrom> {
    let currency = bound
        .iter()
        .find(|binding| binding.target.name() == "currency");
    let is_minor = unit == Some(AmountUnit::Minor);
    Ok(match currency.map(|binding| &binding.origin) {
        Some(Origin::Column(index)) if !is_minor => DecimalsFrom::CurrencyColumn(*index),
        Some(Origin::Constant(code)) if !is_minor => DecimalsFrom::Known(
            decimals_of(code).map_err(|problem| anyhow!("currency \"{code}\" {problem}"))?,
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
