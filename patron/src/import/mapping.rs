//! Rows of a table to objects of the API.

use anyhow::{anyhow, bail};
use xxhash_rust::xxh3::xxh3_64;

use super::args::{AmountUnit, TableArgs};
use super::bindings::{Binding, Origin, bindings};
use super::cells::Cells;
use super::dates::DateFormat;
use super::fields::{Kind, Resource, Target};
use super::source::Reason;
use super::values::{Decimals, decimals_of, write_value};

/// How a row becomes an object.
pub(super) struct Mapping {
    id_field: &'static str,
    fields: Vec<Slot>,
    /// What goes into the field that holds free keys, and that field's name.
    keys: Vec<Slot>,
    keys_field: &'static str,
    decimals: DecimalsFrom,
    dates: DateFormat,
}

/// A field, ready to be written.
struct Slot {
    target: Target,
    /// `"name":`
    key: Vec<u8>,
    content: Content,
}

enum Content {
    Column(usize),
    /// JSON.
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
    /// An error says which option does not fit the resource, the columns or another option.
    pub(super) fn new(
        resource: Resource,
        options: &TableArgs,
        columns: &[String],
    ) -> anyhow::Result<Self> {
        let bound = bindings(resource, options, columns)?;
        let decimals = decimals_from(options.amount_unit, &bound)?;
        let dates = DateFormat::new(options.date_format.as_deref())?;
        let slot = |binding| Slot::new(binding, decimals, &dates);
        let slots = bound
            .into_iter()
            .map(slot)
            .collect::<anyhow::Result<Vec<_>>>()?;
        let (fields, keys) = slots
            .into_iter()
            .partition(|slot| matches!(slot.target, Target::Field { .. }));
        Ok(Self {
            id_field: resource.id_field(),
            fields,
            keys,
            keys_field: resource.free_keys().unwrap_or_default(),
            decimals,
            dates,
        })
    }

    /// Appends the row's object to `out` and gives a hash of its id, if it has one. After an
    /// error `out` is as it was.
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
        for slot in &self.fields {
            let start = out.len();
            self.write_slot(slot, cells, line, out)?;
            if slot.target.name() == self.id_field && out.len() > start {
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
        for slot in &self.keys {
            self.write_slot(slot, cells, line, out)?;
        }
        if out.len() == empty {
            out.truncate(start);
            return Ok(());
        }
        close(out);
        out.push(b',');
        Ok(())
    }

    /// Writes `"name":value,`, or nothing if the cell is empty.
    fn write_slot(
        &self,
        slot: &Slot,
        cells: &Cells,
        line: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let start = out.len();
        out.extend_from_slice(&slot.key);
        match &slot.content {
            Content::Constant(json) => out.extend_from_slice(json),
            Content::LineNumber { before, after } => {
                self.write(
                    slot,
                    &format!("{before}{line}{after}"),
                    Decimals::Minor,
                    out,
                )?;
            }
            Content::Column(index) => {
                let cell = cells
                    .get(*index)
                    .ok_or_else(|| slot.reason("is not UTF-8"))?;
                if cell.trim_ascii().is_empty() {
                    out.truncate(start);
                    return Ok(());
                }
                self.write(slot, cell, self.decimals(slot, cells)?, out)?;
            }
        }
        out.push(b',');
        Ok(())
    }

    fn write(
        &self,
        slot: &Slot,
        text: &str,
        decimals: Decimals,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        write_value(slot.target.kind(), text, decimals, &self.dates, out)
            .map_err(|problem| slot.reason(format!("\"{text}\" {problem}")))
    }

    fn decimals(&self, slot: &Slot, cells: &Cells) -> Result<Decimals, Reason> {
        match self.decimals {
            DecimalsFrom::CurrencyColumn(index) if slot.target.kind() == Kind::Amount => {
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

impl Slot {
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
    target: &Target,
    text: &str,
    decimals: DecimalsFrom,
    dates: &DateFormat,
) -> anyhow::Result<Vec<u8>> {
    let decimals = match decimals {
        DecimalsFrom::Known(decimals) => decimals,
        DecimalsFrom::CurrencyColumn(_) if target.kind() == Kind::Amount => {
            bail!("--set amount={text} needs one currency too: --set currency=…")
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
    let minor = unit == Some(AmountUnit::Minor);
    Ok(match currency.map(|binding| &binding.origin) {
        Some(Origin::Column(index)) if !minor => DecimalsFrom::CurrencyColumn(*index),
        Some(Origin::Constant(code)) if !minor => DecimalsFrom::Known(
            decimals_of(code).map_err(|problem| anyhow!("currency \"{code}\" {problem}"))?,
        ),
        _ => DecimalsFrom::Known(Decimals::Minor),
    })
}

/// Replaces the comma after the last member, if there is one, by the end of the object.
fn close(out: &mut Vec<u8>) {
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(b'}');
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
