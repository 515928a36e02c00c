//! What the API takes: the fields of each resource and how a cell of text becomes each.

use std::borrow::Cow;

use clap::ValueEnum;
use serde::Serialize;

use Kind::{Amount, Flag, Json, Tags, Text, Time};

/// One of the API's three ways in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Resource {
    /// `POST /api/data/customers`
    Customers,
    /// `POST /api/data/orders`
    Orders,
    /// `POST /api/data/events`
    Events,
}

/// How a cell is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Amount,
    Time,
    Flag,
    Tags,
    Json,
    Number,
}

/// Where a value goes in the object that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A field of the object; `rank` is its place in the API's order.
    Field {
        rank: usize,
        name: &'static str,
        kind: Kind,
    },
    /// A key of the one field that holds free keys (`parent`: `attributes` or `properties`).
    Key {
        parent: &'static str,
        key: String,
        kind: Kind,
    },
}

/// A field's name, how it is read, and whether the API insists on it.
type Field = (&'static str, Kind, bool);

const CUSTOMERS: &[Field] = &[
    ("customer_id", Text, true),
    ("name", Text, false),
    ("email", Text, false),
    ("phone", Text, false),
    ("city", Text, false),
    ("country", Text, false),
    ("tags", Tags, false),
    ("registered_at", Time, false),
    ("unsubscribed", Flag, false),
];
const ORDERS: &[Field] = &[
    ("order_id", Text, true),
    ("customer_id", Text, true),
    ("amount", Amount, true),
    ("currency", Text, true),
    ("placed_at", Time, true),
    ("status", Text, false),
    ("items", Json, false),
];
const EVENTS: &[Field] = &[
    ("event_id", Text, true),
    ("customer_id", Text, true),
    ("name", Text, true),
    ("occurred_at", Time, true),
];

impl Resource {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Orders => "orders",
            Self::Events => "events",
        }
    }

    /// The field that holds the thing's own id.
    pub(super) fn id_field(self) -> &'static str {
        self.fields()[0].0
    }

    /// The field that holds free keys.
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

    /// Reads `name`, `attributes.KEY`, `attributes.KEY:number`; `None` if the API has no such
    /// field.
    pub(super) fn target(self, text: &str) -> Option<Target> {
        let known = self
            .fields()
            .iter()
            .enumerate()
            .find(|(_, field)| field.0 == text);
        if let Some((rank, &(name, kind, _))) = known {
            return Some(Target::Field { rank, name, kind });
        }
        let parent = self.free_keys()?;
        let key = text.strip_prefix(parent)?.strip_prefix('.')?;
        let (key, kind) = match key.rsplit_once(':') {
            Some((key, "number")) => (key, Kind::Number),
            Some((key, "boolean")) => (key, Flag),
            _ => (key, Text),
        };
        (!key.is_empty()).then(|| Target::Key {
            parent,
            key: key.into(),
            kind,
        })
    }

    /// Every field's name, for a message.
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

impl Target {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Field { kind, .. } | Self::Key { kind, .. } => *kind,
        }
    }

    /// The key in the object that directly holds the value.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Field { name, .. } => name,
            Self::Key { key, .. } => key,
        }
    }

    /// The name as options and messages have it: `amount`, `attributes.plan`.
    pub(super) fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Field { name, .. } => Cow::Borrowed(name),
            Self::Key { parent, key, .. } => Cow::Owned(format!("{parent}.{key}")),
        }
    }

    /// The JSON pointer of the value.
    pub(super) fn pointer(&self) -> String {
        match self {
            Self::Field { name, .. } => format!("/{name}"),
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
    fn free_keys_are_text_unless_told() {
        let target = |text| Resource::Customers.target(text);
        let key = |key: &str, kind| {
            Some(Target::Key {
                parent: "attributes",
                key: key.into(),
                kind,
            })
        };
        assert_eq!(target("attributes.plan"), key("plan", Text));
        assert_eq!(target("attributes.age:number"), key("age", Kind::Number));
        assert_eq!(target("attributes.vip:boolean"), key("vip", Flag));
        assert_eq!(target("attributes.a:b"), key("a:b", Text));
        assert_eq!(target("attributes."), None);
        assert_eq!(target("attributes"), None);
        assert_eq!(Resource::Orders.target("attributes.plan"), None);
    }
}
