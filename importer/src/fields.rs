//! Fields of each resource of the API, and the kind of value that each has.

use std::borrow::Cow;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use FieldKind::{Amount, Consent, Currency, Flag, Id, Json, Phone, Tags, Text, Time};

/// Resource that the API ingests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// `POST /api/data/customers`
    Customers,
    /// `POST /api/data/orders`
    Orders,
    /// `POST /api/data/events`
    Events,
}

/// Kind of a field's value, which determines how a cell is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    Text,
    Id,
    Phone,
    Amount,
    Currency,
    Time,
    Flag,
    /// Flag of a column with the contrary meaning.
    NegatedFlag,
    /// Flag that is true for a person who refuses messages.
    Consent,
    /// As `Consent`, of a column that is true for a person who accepts them.
    NegatedConsent,
    Tags,
    Json,
    Number,
}

/// Place of a value in the object that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FieldTarget {
    /// Field of the object; `rank` is its index in the API's order.
    Field {
        rank: usize,
        name: &'static str,
        kind: FieldKind,
    },
    /// Key in the field with free keys (`parent`: `attributes` or `properties`).
    Key {
        parent: &'static str,
        key: String,
        kind: FieldKind,
    },
}

/// Beginning of the names of a line item's fields.
const ITEM: &str = "items.";

/// Name, kind, and whether the API requires the field.
type Field = (&'static str, FieldKind, bool);

const CUSTOMERS: &[Field] = &[
    ("customer_id", Id, true),
    ("name", Text, false),
    ("email", Text, false),
    ("phone", Phone, false),
    ("city", Text, false),
    ("country", Text, false),
    ("tags", Tags, false),
    ("registered_at", Time, false),
    ("unsubscribed", Consent, false),
    ("consent_at", Time, false),
    ("updated_at", Time, false),
];
const ORDERS: &[Field] = &[
    ("order_id", Id, true),
    ("customer_id", Id, true),
    ("amount", Amount, true),
    ("refunded_amount", Amount, false),
    ("currency", Currency, true),
    ("placed_at", Time, true),
    ("status", Text, false),
    ("items", Json, false),
    // Fields of the line items, one of which stands on each row of an order.
    ("items.sku", Text, false),
    ("items.name", Text, false),
    ("items.quantity", FieldKind::Number, false),
    ("items.unit_amount", Amount, false),
    ("updated_at", Time, false),
];
const EVENTS: &[Field] = &[
    ("event_id", Id, true),
    ("customer_id", Id, true),
    ("name", Text, true),
    ("occurred_at", Time, true),
    ("updated_at", Time, false),
];

impl Resource {
    /// All resources.
    pub const ALL: [Self; 3] = [Self::Customers, Self::Orders, Self::Events];

    /// Returns the name in the API's paths: `customers`, `orders` or `events`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Orders => "orders",
            Self::Events => "events",
        }
    }

    /// Returns the field with the item's own id.
    pub(super) fn id_field(self) -> &'static str {
        self.fields()[0].0
    }

    /// Returns the field with free keys.
    pub(super) fn free_keys(self) -> Option<&'static str> {
        match self {
            Self::Customers => Some("attributes"),
            Self::Orders => None,
            Self::Events => Some("properties"),
        }
    }

    pub(super) fn required(self) -> impl Iterator<Item = &'static str> {
        self.fields()
            .iter()
            .filter(|field| field.2)
            .map(|field| field.0)
    }

    /// Parses the name of a field, such as `name`, `attributes.KEY` or `attributes.KEY:number`.
    /// Returns `None` if the API has no such field.
    pub(super) fn target(self, text: &str) -> Option<FieldTarget> {
        let known = self
            .fields()
            .iter()
            .enumerate()
            .find(|(_, field)| field.0 == text);
        if let Some((rank, &(name, kind, _))) = known {
            return Some(FieldTarget::Field { rank, name, kind });
        }
        let parent = self.free_keys()?;
        let key = text.strip_prefix(parent)?.strip_prefix('.')?;
        let (key, kind) = match key.rsplit_once(':') {
            Some((key, "number")) => (key, FieldKind::Number),
            Some((key, "boolean")) => (key, Flag),
            _ => (key, Text),
        };
        (!key.is_empty()).then(|| FieldTarget::Key {
            parent,
            key: key.into(),
            kind,
        })
    }

    /// Returns the names of all fields, for a message.
    pub(super) fn field_names(self) -> String {
        let names = self.fields().iter().map(|field| field.0.to_owned());
        let free = self.free_keys().map(|name| format!("{name}.KEY"));
        names.chain(free).collect::<Vec<_>>().join(", ")
    }

    fn fields(self) -> &'static [Field] {
        match self {
            Self::Customers => CUSTOMERS,
            Self::Orders => ORDERS,
            Self::Events => EVENTS,
        }
    }
}

impl FromStr for Resource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|one| one.name() == text);
        named.ok_or_else(|| "must be customers, orders or events".into())
    }
}

impl FieldTarget {
    pub(super) fn kind(&self) -> FieldKind {
        match self {
            Self::Field { kind, .. } | Self::Key { kind, .. } => *kind,
        }
    }

    /// Returns the same place with a value that is read from a column of the contrary meaning.
    /// `None` if the value is no flag.
    pub(super) fn negated(&self) -> Option<Self> {
        let negated = match self.kind() {
            Flag => FieldKind::NegatedFlag,
            Consent => FieldKind::NegatedConsent,
            _ => return None,
        };
        let mut target = self.clone();
        match &mut target {
            Self::Field { kind, .. } | Self::Key { kind, .. } => *kind = negated,
        }
        Some(target)
    }

    /// Returns the key of the value in its innermost object.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Field { name, .. } => name.strip_prefix(ITEM).unwrap_or(name),
            Self::Key { key, .. } => key,
        }
    }

    /// Returns true for a field of a line item.
    pub(super) fn is_of_item(&self) -> bool {
        matches!(self, Self::Field { name, .. } if name.starts_with(ITEM))
    }

    /// Returns the name in options and messages: `amount`, `attributes.plan`.
    pub(super) fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Field { name, .. } => Cow::Borrowed(name),
            Self::Key { parent, key, .. } => Cow::Owned(format!("{parent}.{key}")),
        }
    }

    /// Returns the JSON pointer of the value.
    pub(super) fn pointer(&self) -> String {
        match self {
            Self::Field { name, .. } => format!("/{}", name.replace('.', "/")),
            Self::Key { parent, key, .. } => {
                format!("/{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_keys_are_text_unless_they_have_a_type() {
        let target = |text| Resource::Customers.target(text);
        let key = |key: &str, kind| {
            Some(FieldTarget::Key {
                parent: "attributes",
                key: key.into(),
                kind,
            })
        };
        assert_eq!(target("attributes.plan"), key("plan", Text));
        assert_eq!(
            target("attributes.age:number"),
            key("age", FieldKind::Number)
        );
        assert_eq!(target("attributes.vip:boolean"), key("vip", Flag));
        assert_eq!(target("attributes.a:b"), key("a:b", Text));
        assert_eq!(target("attributes."), None);
        assert_eq!(target("attributes"), None);
        assert_eq!(Resource::Orders.target("attributes.plan"), None);
    }
}
