//! Conversion of a table's rows to objects of the API.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

use super::bindings::bindings;
use super::cells::Cells;
use super::columns::Columns;
use super::effects::check_effects;
use super::expressions::Expression;
use super::fields::{FieldKind, FieldTarget, Resource};
use super::ids::{hash_of_id, is_address};
use super::items::{ItemFields, Items};
use super::mapped::{Content, DecimalsFrom, MappedField, decimals_from};
use super::options::ImportOptions;
use super::quoted::quoted;
use super::record::{Identity, Reason, RecordContent, RowNotes};
use super::statuses::{StatusMeaning, Statuses};
use super::texts::Texts;
use super::values::{Decimals, ValueReader};

/// Conversion of rows to objects.
pub(super) struct Mapping {
    /// Fields of the object, then the values with free keys, then those of line items. Their order
    /// is that of the texts of a row.
    fields: Vec<MappedField>,
    /// Number of the field with the item's own id.
    id: usize,
    status: Option<usize>,
    /// Numbers of the fields with an order's amount and the part of it that was paid back.
    refund: Option<(usize, usize)>,
    /// Numbers of the fields with the time of a consent and with the consent itself, without which
    /// the time means nothing.
    consent: Option<(usize, Option<usize>)>,
    /// Name of the field with free keys.
    keys_field: &'static str,
    items: Option<ItemFields>,
    decimals: DecimalsFrom,
    values: ValueReader,
    statuses: Statuses,
}

impl Mapping {
    /// Builds the mapping of a table with these columns. `given` are the options without those of a
    /// preset.
    ///
    /// # Errors
    /// Returns an error that names the option that does not fit the resource, the columns or
    /// another option.
    pub(super) fn new(
        resource: Resource,
        options: &ImportOptions,
        given: &ImportOptions,
        columns: Columns,
    ) -> anyhow::Result<Self> {
        let mut bound = bindings(resource, options, columns)?;
        check_effects(resource, given, &bound)?;
        // Values of line items come last; the order of all others stays.
        bound.sort_by_key(|binding| binding.target.is_of_item());
        let is_bound = |name: &str| bound.iter().any(|one| one.target.name() == name);
        let is_sum = resource == Resource::Orders && !is_bound("amount");
        let items = ItemFields::new(&bound, is_sum, options.decimal)?;
        let decimals = decimals_from(options.amount_unit, &bound)?;
        let values = ValueReader::new(options)?;
        let statuses = Statuses::new(&options.status)?;
        let number = |name: &str| bound.iter().position(|one| one.target.name() == name);
        let (id, status) = (number(resource.id_field()), number("status"));
        let fields = bound.into_iter().map(|binding| {
            MappedField::new(binding, decimals, &values, &statuses)?
                .with_columns(resource, options, columns)
        });
        let mut fields = fields.collect::<anyhow::Result<Vec<_>>>()?;
        if is_sum && let Some(target) = resource.target("amount") {
            fields.push(MappedField::computed(target)?);
        }
        let number = |name: &str| {
            let mut names = fields.iter().map(|field| field.target.name());
            names.position(|one| one == name)
        };
        let refund = number("amount").zip(number("refunded_amount"));
        let unsubscribed = number("unsubscribed");
        let consent = number("consent_at").map(|time| (time, unsubscribed));
        Ok(Self {
            refund,
            consent,
            fields,
            id: id.unwrap_or_default(),
            status,
            keys_field: resource.free_keys().unwrap_or_default(),
            items,
            decimals,
            values,
            statuses,
        })
    }

    /// Returns what was noted about the rows since the last call.
    pub(super) fn take_notes(&self) -> RowNotes {
        self.values.take_notes()
    }

    /// Number of the field with the item's own id.
    pub(super) fn id(&self) -> usize {
        self.id
    }

    /// Returns the fields of line items, if rows have them.
    pub(super) fn items(&self) -> Option<&ItemFields> {
        self.items.as_ref()
    }

    /// Returns the numbers and names of the fields that a row of an order may leave to another row.
    pub(super) fn shared_fields(&self) -> impl Iterator<Item = (usize, &FieldTarget, bool)> {
        let fields = self.fields.iter().enumerate();
        let of_columns = |field: &MappedField| matches!(field.content, Content::Columns(_));
        fields
            .filter(move |(_, field)| of_columns(field) && !field.target.is_of_item())
            .map(|(number, field)| (number, &field.target, field.is_required))
    }

    /// Returns the indices of the columns that fill fields.
    pub(super) fn columns(&self) -> Vec<usize> {
        let of_field = |field: &MappedField| {
            let first = match &field.content {
                Content::Columns(expression) => expression.columns(),
                _ => Vec::new(),
            };
            let second = field.fallback.iter().flat_map(Expression::columns);
            first.into_iter().chain(second).collect::<Vec<_>>()
        };
        self.fields.iter().flat_map(of_field).collect()
    }

    /// Returns the numbers and names of the fields with free keys that one column fills with text.
    pub(super) fn free_texts(&self) -> impl Iterator<Item = (usize, String)> {
        let fields = self.fields.iter().enumerate();
        let is_meant = |field: &MappedField| {
            matches!(field.target, FieldTarget::Key { .. })
                && field.target.kind() == FieldKind::Text
                && matches!(field.content, Content::Columns(Expression::Column(_)))
        };
        fields
            .filter(move |(_, field)| is_meant(field))
            .map(|(number, field)| (number, field.target.name().into_owned()))
    }

    /// Reads the texts of the row's fields.
    pub(super) fn read(&self, cells: &Cells, line: u64, texts: &mut Texts) {
        texts.clear();
        for field in &self.fields {
            match &field.content {
                Content::Constant(_) | Content::Sum => texts.push(""),
                Content::ItemConstant(text) => texts.push(text),
                Content::LineNumber { before, after } => {
                    texts.push(&format!("{before}{line}{after}"));
                }
                Content::Columns(expression) => {
                    let mut text = expression.text(cells);
                    let mut is_fallback = false;
                    if let Some(fallback) = &field.fallback
                        && text.trim().is_empty()
                    {
                        text = fallback.text(cells);
                        is_fallback = true;
                    }
                    let text = self.values.clean(field.target.kind(), &text);
                    let is_address = field.target.name() == "customer_id" && is_address(text);
                    let text = match is_address {
                        true => Cow::Owned(text.to_lowercase()),
                        false => Cow::Borrowed(text),
                    };
                    match is_fallback {
                        true => texts.push_fallback(&text),
                        false => texts.push(&text),
                    }
                }
            }
        }
    }

    /// Adds the row's line item to those of its order, which has these texts.
    ///
    /// # Errors
    /// Returns the reason why the row has no valid item.
    pub(super) fn add_item(
        &self,
        order: &Texts,
        row: &Texts,
        items: &mut Items,
    ) -> Result<(), Reason> {
        match &self.items {
            Some(fields) if !fields.are_empty(row) => {
                let decimals = self.decimals(order)?;
                fields.add(row, decimals, &self.values, items)
            }
            _ => Ok(()),
        }
    }

    /// Returns true if orders with these texts are left out.
    pub(super) fn is_skipped(&self, texts: &Texts) -> bool {
        self.status.is_some_and(|status| {
            let meaning = self.statuses.meaning(texts.get(status));
            !texts.is_empty(status) && meaning == Ok(StatusMeaning::Skip)
        })
    }

    /// Appends the object with these texts and line items to `out`. After an error `out` is
    /// unchanged.
    pub(super) fn write(
        &self,
        texts: &Texts,
        items: &Items,
        out: &mut Vec<u8>,
    ) -> Result<RecordContent, Reason> {
        let start = out.len();
        if let Err(reason) = self.write_object(texts, items, out) {
            out.truncate(start);
            return Err(reason);
        }
        let id = texts.get(self.id).trim();
        let identity = |id: &str| Identity {
            id: hash_of_id(id),
            content: xxh3_64(&out[start..]),
        };
        Ok(RecordContent::Item((!id.is_empty()).then(|| identity(id))))
    }

    fn write_object(&self, texts: &Texts, items: &Items, out: &mut Vec<u8>) -> Result<(), Reason> {
        out.push(b'{');
        let is_key = |field: &MappedField| matches!(field.target, FieldTarget::Key { .. });
        let fields = self.fields.iter().enumerate();
        let fields = fields.filter(|(_, field)| !field.target.is_of_item());
        let left_out = self
            .consent
            .filter(|(_, consent)| consent.is_none_or(|consent| !self.has_value(consent, texts)));
        let left_out = left_out.map(|(time, _)| time);
        let plain = fields.clone().filter(|(_, field)| !is_key(field));
        for (number, field) in plain.filter(|(number, _)| Some(*number) != left_out) {
            self.write_field(number, field, texts, items, out)?;
        }
        self.check_refund(texts, items)?;
        if !items.json.is_empty() {
            out.extend_from_slice(b"\"items\":[");
            out.extend_from_slice(&items.json);
            out.extend_from_slice(b"],");
        }
        let start = out.len();
        out.extend_from_slice(format!("\"{}\":{{", self.keys_field).as_bytes());
        let empty = out.len();
        for (number, field) in fields.filter(|(_, field)| is_key(field)) {
            self.write_field(number, field, texts, items, out)?;
        }
        if out.len() == empty {
            out.truncate(start);
        } else {
            close(out);
            out.push(b',');
        }
        close(out);
        Ok(())
    }

    /// Returns whether the object has a field: one that is filled, or cleared.
    fn has_value(&self, number: usize, texts: &Texts) -> bool {
        let field = &self.fields[number];
        match field.content {
            Content::Columns(_) => field.clears || !texts.is_empty(number),
            _ => true,
        }
    }

    /// Checks that no more was paid back than the order's amount.
    fn check_refund(&self, texts: &Texts, items: &Items) -> Result<(), Reason> {
        let Some((amount, refund)) = self.refund else {
            return Ok(());
        };
        let value = |number: usize| -> Result<Option<i64>, Reason> {
            let field = &self.fields[number];
            let mut json = Vec::new();
            match &field.content {
                Content::Constant(constant) => json.extend_from_slice(constant),
                Content::Sum => return Ok(items.sum),
                _ if texts.is_empty(number) => return Ok(None),
                _ => self.write_text(number, field, texts, &mut json)?,
            }
            Ok(serde_json::from_slice(&json).ok())
        };
        match value(refund)? {
            Some(refunded) if refunded > 0 && value(amount)?.is_some_and(|all| refunded > all) => {
                let text = quoted(texts.get(refund).trim());
                let field = &self.fields[refund];
                Err(field.reason(format!("{text} is more than the order's amount")))
            }
            _ => Ok(()),
        }
    }

    /// Appends `"name":value,`, or nothing if there is no text.
    fn write_field(
        &self,
        number: usize,
        field: &MappedField,
        texts: &Texts,
        items: &Items,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let start = out.len();
        out.extend_from_slice(&field.key);
        match &field.content {
            Content::Constant(json) => out.extend_from_slice(json),
            Content::Sum => {
                let sum = items.sum.ok_or_else(|| field.reason("is too large"))?;
                out.extend_from_slice(sum.to_string().as_bytes());
            }
            Content::Columns(_) | Content::LineNumber { .. } if !texts.is_empty(number) => {
                self.write_text(number, field, texts, out)?;
            }
            Content::Columns(_) | Content::LineNumber { .. } if field.is_required => {
                return Err(field.reason(format!("is empty: {}", field.columns)));
            }
            Content::Columns(_) if field.clears => out.extend_from_slice(b"null"),
            // Line items are written apart.
            Content::Columns(_) | Content::LineNumber { .. } | Content::ItemConstant(_) => {
                out.truncate(start);
                return Ok(());
            }
        }
        out.push(b',');
        Ok(())
    }

    fn write_text(
        &self,
        number: usize,
        field: &MappedField,
        texts: &Texts,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let text = texts.get(number);
        let decimals = match field.target.kind() {
            FieldKind::Amount => self.decimals(texts)?,
            _ => Decimals::Minor,
        };
        let text = match self.status {
            Some(status) if status == number => match self.statuses.meaning(text)? {
                StatusMeaning::Status(status) => status,
                StatusMeaning::Skip => return Err(field.reason("is left out")),
            },
            _ => text,
        };
        self.values
            .write(field.target.kind(), text, decimals, out)
            .map_err(|problem| field.reason(format!("{} {problem}", quoted(text))))
    }

    /// Returns true if both rows have a value for a field, and the values differ.
    pub(super) fn differ(&self, order: &Texts, row: &Texts, number: usize) -> bool {
        if !order.differs(row, number) {
            return false;
        }
        let (before, now) = (order.get(number).trim(), row.get(number).trim());
        if self.status == Some(number) {
            let meaning = |text| self.statuses.meaning(text).ok();
            return Statuses::folded(before) != Statuses::folded(now)
                && (meaning(before).is_none() || meaning(before) != meaning(now));
        }
        let kind = self.fields[number].target.kind();
        if kind == FieldKind::Id && before.is_ascii() && now.is_ascii() {
            return true;
        }
        // The currency may stand on one of the two rows only.
        let decimals = |texts: &Texts| match kind {
            FieldKind::Amount => self.decimals(texts).or_else(|_| self.decimals(order)),
            _ => Ok(Decimals::Minor),
        };
        match (decimals(order), decimals(row)) {
            (Ok(before_decimals), Ok(now_decimals)) => {
                !self
                    .values
                    .are_equal(kind, (before, before_decimals), (now, now_decimals))
            }
            _ => true,
        }
    }

    /// Returns the number of decimals of the amounts in a row with these texts.
    fn decimals(&self, texts: &Texts) -> Result<Decimals, Reason> {
        let currency = match self.decimals {
            DecimalsFrom::Known(decimals) => return Ok(decimals),
            DecimalsFrom::Currency(field) => field,
        };
        let field = &self.fields[currency];
        let code = texts.get(currency).trim();
        if code.is_empty() {
            return Err(field.reason(format!("is empty: {}", field.columns)));
        }
        Decimals::of_line(code)
            .map_err(|problem| field.reason(format!("{} {problem}", quoted(code))))
    }
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
