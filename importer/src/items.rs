//! Line items of an order, of which each row has one.

use anyhow::{anyhow, ensure};
use domain::MAX_ITEMS;

use super::bindings::{Binding, Origin};
use super::decimal::{DecimalError, minor_units};
use super::fields::FieldKind;
use super::options::DecimalSign;
use super::quoted::quoted;
use super::record::Reason;
use super::texts::Texts;
use super::values::{Decimals, ValueReader};

/// Maximum length of an article number and of a name, in bytes. A name is shortened; it is only
/// shown.
const MAX_SKU: usize = 128;
const MAX_NAME: usize = 256;

/// Numbers of the fields of line items.
#[derive(Debug)]
pub(super) struct ItemFields {
    sku: Option<usize>,
    name: Option<usize>,
    quantity: Option<usize>,
    unit_amount: Option<usize>,
    /// Fields that show that a row has an item: those that columns fill.
    shown: Vec<usize>,
    /// The order's amount is the sum of its items.
    is_summed: bool,
}

/// Line items of an order whose rows are being read.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// JSON of the items, with commas between them.
    pub(super) json: Vec<u8>,
    count: usize,
    /// Sum of quantity × unit amount, in minor units. `None` if it is too large.
    pub(super) sum: Option<i64>,
}

impl ItemFields {
    /// Returns the fields among these bindings; `None` if there are none. `is_summed` is true if the
    /// order's amount is the sum of its items.
    ///
    /// # Errors
    /// Returns an error if a field that every item needs is not bound, or a constant is invalid.
    pub(super) fn new(
        bound: &[Binding],
        is_summed: bool,
        decimal: Option<DecimalSign>,
    ) -> anyhow::Result<Option<Self>> {
        if !bound.iter().any(|binding| binding.target.is_of_item()) {
            return Ok(None);
        }
        let number = |name| bound.iter().position(|one| one.target.name() == name);
        let [sku, name, quantity, unit_amount] = [
            number("items.sku"),
            number("items.name"),
            number("items.quantity"),
            number("items.unit_amount"),
        ];
        ensure!(
            sku.is_some() && quantity.is_some(),
            "line items need items.sku and items.quantity"
        );
        ensure!(
            number("items").is_none(),
            "items is either one cell of JSON or made of items.sku, items.quantity, …"
        );
        if let Some(Origin::Constant(text)) = quantity.map(|number| &bound[number].origin) {
            self::quantity(text, decimal)
                .map_err(|reason| anyhow!("--set items.quantity={text}: {}", reason.text))?;
        }
        // A price alone shows an item, such as shipping, only if it counts.
        let price = unit_amount.filter(|_| is_summed);
        let is_of_column = |number: &usize| matches!(bound[*number].origin, Origin::Columns(_));
        let shown = [sku, name, quantity, price].into_iter().flatten();
        Ok(Some(Self {
            sku,
            name,
            quantity,
            unit_amount,
            shown: shown.filter(is_of_column).collect(),
            is_summed,
        }))
    }

    /// Returns true if the row has no line item.
    pub(super) fn are_empty(&self, texts: &Texts) -> bool {
        self.shown.iter().all(|field| texts.is_empty(*field))
    }

    /// Adds the row's item to the order's items.
    ///
    /// # Errors
    /// Returns the reason why the row has no valid item. `items` may then end in a partial item.
    pub(super) fn add(
        &self,
        texts: &Texts,
        decimals: Decimals,
        values: &ValueReader,
        items: &mut Items,
    ) -> Result<(), Reason> {
        let text = |field: Option<usize>| field.map_or("", |field| texts.get(field).trim());
        let sku = shortened(text(self.sku), MAX_SKU);
        if sku.is_empty() {
            return Err(reason("sku", "is empty"));
        }
        let quantity = quantity(text(self.quantity), values.decimal())?;
        if quantity == 0 {
            // A shop writes it for an item that was taken back whole.
            return Ok(());
        }
        if items.count == MAX_ITEMS {
            return Err(Reason {
                text: format!("the order has more than {MAX_ITEMS} line items"),
                pointer: Some("/items".into()),
            });
        }
        items.count += 1;
        let out = &mut items.json;
        if !out.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"sku\":");
        write_text(sku, out);
        let name = shortened(text(self.name), MAX_NAME);
        if !name.is_empty() {
            out.extend_from_slice(b",\"name\":");
            write_text(name, out);
        }
        out.extend_from_slice(format!(",\"quantity\":{quantity}").as_bytes());
        let amount = text(self.unit_amount);
        let mut unit_amount = 0;
        if amount.is_empty() && self.is_summed {
            let problem = "is empty: the amount is the sum of the items";
            return Err(reason("unit_amount", problem));
        }
        if !amount.is_empty() {
            out.extend_from_slice(b",\"unit_amount\":");
            let start = out.len();
            values
                .write(FieldKind::Amount, amount, decimals, out)
                .map_err(|problem| {
                    reason("unit_amount", &format!("{} {problem}", quoted(amount)))
                })?;
            let digits = str::from_utf8(&out[start..]).ok();
            unit_amount = digits.and_then(|digits| digits.parse().ok()).unwrap_or(0);
        }
        out.push(b'}');
        let total = i64::from(quantity).checked_mul(unit_amount);
        items.sum = items
            .sum
            .zip(total)
            .and_then(|(sum, one)| sum.checked_add(one));
        Ok(())
    }
}

impl Items {
    /// Returns an order without items.
    pub(super) fn none() -> Self {
        Self {
            json: Vec::new(),
            count: 0,
            sum: Some(0),
        }
    }
}

/// Parses a number of articles: `2`, or `2.0000` as some exports write it.
fn quantity(text: &str, stated: Option<DecimalSign>) -> Result<u32, Reason> {
    if text.is_empty() {
        return Err(reason("quantity", "is empty"));
    }
    let read = |sign| {
        let number = minor_units(text, 0, sign)?;
        u32::try_from(number).map_err(|_| DecimalError::NotWhole)
    };
    read(stated).map_err(|error| {
        let mut problem = match error {
            DecimalError::Ambiguous => error.to_string(),
            _ if text.starts_with(['-', '(']) => "is negative".into(),
            _ => "is not a whole number".into(),
        };
        let other = |sign| (stated != Some(sign)).then(|| read(Some(sign)).ok())?;
        for (separator, (sign, number)) in [DecimalSign::Point, DecimalSign::Comma]
            .into_iter()
            .filter_map(|sign| Some((sign, other(sign)?)))
            .enumerate()
        {
            problem += if separator == 0 { "; " } else { ", " };
            problem += &format!("--decimal {} reads it as {number}", sign.name());
        }
        reason("quantity", &format!("{} {problem}", quoted(text)))
    })
}

fn reason(field: &str, problem: &str) -> Reason {
    Reason {
        text: format!("items.{field} {problem}"),
        pointer: Some(format!("/items/{field}")),
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

fn shortened(text: &str, bytes: usize) -> &str {
    domain::beginning(text, bytes).trim_end()
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
