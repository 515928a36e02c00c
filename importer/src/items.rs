//! Line items of an order, of which each row has one.

use super::bindings::Binding;
use super::fields::FieldKind;
use super::record::Reason;
use super::texts::Texts;
use super::values::{Decimals, ValueReader};

/// Maximum length of an article number and of a name, in bytes. A name is shortened; it is only
/// shown.
const MAX_SKU: usize = 128;
const MAX_NAME: usize = 256;

/// Numbers of the fields of line items.
#[derive(Debug, Default)]
pub(super) struct ItemFields {
    sku: Option<usize>,
    name: Option<usize>,
    quantity: Option<usize>,
    unit_amount: Option<usize>,
}

/// Line items of an order whose rows are being read.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// JSON of the items, with commas between them.
    pub(super) json: Vec<u8>,
    /// Sum of quantity × unit amount, in minor units. `None` if it is too large.
    pub(super) sum: Option<i64>,
}

impl ItemFields {
    /// Returns the fields among these bindings; `None` if there are none.
    ///
    /// # Errors
    /// Returns an error if a field that every item needs is not bound.
    pub(super) fn new(bound: &[Binding]) -> anyhow::Result<Option<Self>> {
        let number = |name| bound.iter().position(|one| one.target.name() == name);
        let fields = Self {
            sku: number("items.sku"),
            name: number("items.name"),
            quantity: number("items.quantity"),
            unit_amount: number("items.unit_amount"),
        };
        if !bound.iter().any(|binding| binding.target.is_of_item()) {
            return Ok(None);
        }
        anyhow::ensure!(
            fields.sku.is_some() && fields.quantity.is_some(),
            "line items need items.sku and items.quantity"
        );
        anyhow::ensure!(
            number("items").is_none(),
            "items is either one cell of JSON or made of items.sku, items.quantity, …"
        );
        Ok(Some(fields))
    }

    /// Returns true if the row has no line item.
    pub(super) fn are_empty(&self, texts: &Texts) -> bool {
        let fields = [self.sku, self.name, self.quantity];
        fields
            .into_iter()
            .flatten()
            .all(|field| texts.is_empty(field))
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
        let quantity = quantity(text(self.quantity))?;
        if quantity == 0 {
            // A shop writes it for an item that was taken back whole.
            return Ok(());
        }
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
        if !amount.is_empty() {
            out.extend_from_slice(b",\"unit_amount\":");
            let start = out.len();
            values
                .write(FieldKind::Amount, amount, decimals, out)
                .map_err(|problem| reason("unit_amount", &format!("\"{amount}\" {problem}")))?;
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
            sum: Some(0),
        }
    }
}

/// Parses a number of articles: `2`, or `2.0000` as some exports write it.
fn quantity(text: &str) -> Result<u32, Reason> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_whole = decimals.bytes().all(|digit| digit == b'0');
    match whole.parse() {
        Ok(quantity) if is_whole => Ok(quantity),
        _ if text.is_empty() => Err(reason("quantity", "is empty")),
        _ => Err(reason(
            "quantity",
            &format!("\"{text}\" is not a whole number"),
        )),
    }
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
mod tests {
    use super::*;

    #[test]
    fn quantities_are_whole_numbers() {
        assert_eq!(quantity("3"), Ok(3));
        assert_eq!(quantity("2.0000"), Ok(2));
        for text in ["", "-1", "1.5", "two", "4294967296"] {
            assert!(quantity(text).is_err(), "{text}");
        }
    }

    #[test]
    fn long_texts_are_shortened_between_characters() {
        assert_eq!(shortened("äää", 3), "ä");
        assert_eq!(shortened("ab", 3), "ab");
    }
}
