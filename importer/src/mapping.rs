//! Conversion of a table's rows to objects of the API.

use anyhow::{anyhow, bail, ensure};
use xxhash_rust::xxh3::xxh3_64;

use super::bindings::{Binding, Origin, bindings, column};
use super::cells::Cells;
use super::columns::Columns;
use super::expressions::Expression;
use super::fields::{FieldKind, FieldTarget, Resource};
use super::items::{ItemFields, Items};
use super::options::{AmountUnit, ImportOptions, Pair};
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
    /// Name of the field with free keys.
    keys_field: &'static str,
    items: Option<ItemFields>,
    decimals: DecimalsFrom,
    values: ValueReader,
    statuses: Statuses,
}

/// Field, prepared for writing.
struct MappedField {
    target: FieldTarget,
    /// JSON of the key with its colon: `"name":`.
    key: Vec<u8>,
    content: Content,
    /// Origin where `content` is an empty column.
    fallback: Option<Expression>,
    /// Columns that fill the field, for messages.
    columns: String,
    is_required: bool,
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
    /// Sum of the line items.
    Sum,
}

#[derive(Clone, Copy)]
enum DecimalsFrom {
    Known(Decimals),
    /// Field with the row's currency.
    Currency(usize),
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
        let mut bound = bindings(resource, options, columns)?;
        // Values of line items come last; the order of all others stays.
        bound.sort_by_key(|binding| binding.target.is_of_item());
        let items = ItemFields::new(&bound)?;
        let decimals = decimals_from(options.amount_unit, &bound)?;
        let values = ValueReader::new(options)?;
        let statuses = Statuses::new(&options.status)?;
        let number = |name: &str| bound.iter().position(|one| one.target.name() == name);
        let (id, status) = (number(resource.id_field()), number("status"));
        let is_sum = resource == Resource::Orders && number("amount").is_none();
        let fields = bound.into_iter().map(|binding| {
            let mut field = MappedField::new(binding, decimals, &values, &statuses)?;
            let name = field.target.name();
            field.columns = column_names(options, &name);
            field.fallback = fallback(resource, options, columns, &field.target)?;
            field.is_required = resource.required().any(|required| required == name);
            Ok(field)
        });
        let mut fields = fields.collect::<anyhow::Result<Vec<_>>>()?;
        if is_sum && let Some(target) = resource.target("amount") {
            fields.push(MappedField::computed(target)?);
        }
        Ok(Self {
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

    /// Reads the texts of the row's fields.
    pub(super) fn read(&self, cells: &Cells, line: u64, texts: &mut Texts) {
        texts.clear();
        for field in &self.fields {
            match &field.content {
                Content::Constant(_) | Content::Sum => texts.push(""),
                Content::LineNumber { before, after } => {
                    texts.push(&format!("{before}{line}{after}"));
                }
                Content::Columns(expression) => {
                    let mut text = expression.text(cells);
                    if let Some(fallback) = &field.fallback
                        && text.trim().is_empty()
                    {
                        text = fallback.text(cells);
                    }
                    let text = self.values.clean(field.target.kind(), &text);
                    if field.target.name() == "customer_id" && is_address(text) {
                        texts.push(&text.to_lowercase());
                    } else {
                        texts.push(text);
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
        Ok(RecordContent::Item((!id.is_empty()).then(|| Identity {
            id: xxh3_64(id.as_bytes()),
            content: xxh3_64(&out[start..]),
        })))
    }

    fn write_object(&self, texts: &Texts, items: &Items, out: &mut Vec<u8>) -> Result<(), Reason> {
        out.push(b'{');
        let is_key = |field: &MappedField| matches!(field.target, FieldTarget::Key { .. });
        let fields = self.fields.iter().enumerate();
        let fields = fields.filter(|(_, field)| !field.target.is_of_item());
        for (number, field) in fields.clone().filter(|(_, field)| !is_key(field)) {
            self.write_field(number, field, texts, items, out)?;
        }
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
            Content::Columns(_) | Content::LineNumber { .. } => {
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
            .map_err(|problem| field.reason(format!("\"{text}\" {problem}")))
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
        Decimals::of_line(code).map_err(|problem| field.reason(format!("\"{code}\" {problem}")))
    }
}

impl MappedField {
    fn new(
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

    fn computed(target: FieldTarget) -> anyhow::Result<Self> {
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

    fn reason(&self, problem: impl AsRef<str>) -> Reason {
        Reason {
            text: format!("{} {}", self.target.name(), problem.as_ref()),
            pointer: Some(self.target.pointer()),
        }
    }
}

/// Returns the columns that fill a field, for messages: `column Name`.
fn column_names(options: &ImportOptions, name: &str) -> String {
    let of_field = |pair: &&Pair| pair.field == name;
    let of = |pairs: &[Pair]| pairs.iter().find(of_field).map(|pair| pair.value.clone());
    let first = of(&options.map).unwrap_or_else(|| name.into());
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
        let (fallback, expression) = column(columns, plain, &pair.value)?;
        ensure!(
            fallback.kind() == target.kind(),
            "the columns that fill {} have different meanings: negate both or none",
            target.name()
        );
        return Ok(Some(expression));
    }
    Ok(None)
}

/// Returns true if an id is an e-mail address. Such ids are written in lower case, since the
/// exports of one shop spell an address in several ways.
fn is_address(text: &str) -> bool {
    let text = text.trim();
    let parts = text.split_once('@').filter(|_| !text.contains(' '));
    parts.is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.contains('@')
    })
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

fn decimals_from(unit: Option<AmountUnit>, bound: &[Binding]) -> anyhow::Result<DecimalsFrom> {
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
