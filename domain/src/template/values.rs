//! Values of the customer fields that a template uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use minijinja::Value;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::rules::{ActivityFacts, CustomerFacts};
use crate::{AttributeValue, Currency, CustomerId, Name, Timestamp};

/// Fields that a template may name. A field without a value for a customer is
/// undefined in the template. Entries are never removed: campaigns in the log
/// name them.
pub(super) const FIELDS: [&str; 17] = [
    "customer_id",
    "name",
    "email",
    "phone",
    "city",
    "country",
    "tags",
    "attributes",
    "registered_at",
    "unsubscribed",
    "total_spend",
    "order_count",
    "average_order_value",
    "first_order_at",
    "last_order_at",
    "visits",
    "events",
];

/// Key of the currency among the values. No field has this name.
const CURRENCY: &str = "currency";

/// Variable that holds the currency during rendering. It is not a valid
/// identifier, so templates can neither read nor set it.
pub(super) const CURRENCY_VARIABLE: &str = "$currency";

/// Values that a message is rendered from: a JSON object with the fields that
/// the template uses and, if it shows amounts, `currency`. Contains personal
/// data.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TemplateValues(Map<String, Json>);

/// Prints only the names, since the values are personal data.
impl fmt::Debug for TemplateValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl TemplateValues {
    /// Returns the variables for the template engine.
    pub(super) fn variables(&self) -> Value {
        let fields = self.0.iter();
        let mut variables: BTreeMap<&str, Value> = fields
            .map(|(name, value)| (name.as_str(), variable(value)))
            .collect();
        if let Some(currency) = variables.remove(CURRENCY) {
            variables.insert(CURRENCY_VARIABLE, currency);
        }
        variables.into()
    }
}

fn variable(value: &Json) -> Value {
    match value {
        Json::Null => Value::from(()),
        Json::Bool(flag) => (*flag).into(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            (None, None) => Value::UNDEFINED,
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => items.iter().map(variable).collect(),
        Json::Object(fields) => {
            let fields = fields.iter();
            let fields: BTreeMap<&str, Value> = fields
                .map(|(name, value)| (name.as_str(), variable(value)))
                .collect();
            fields.into()
        }
    }
}

/// Fields that a template uses. There may be more of them than appear in one
/// customer's text, for example in a branch that is not taken.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Paths of fields: `["name"]`, `["attributes", "size"]`.
    paths: BTreeSet<Vec<String>>,
    currency: bool,
}

impl Uses {
    /// Adds a path if it begins with a field.
    pub(super) fn add_path(&mut self, path: &[&str]) {
        if path.first().is_some_and(|first| FIELDS.contains(first)) {
            let path = path.iter().map(|&step| step.to_owned());
            self.paths.insert(path.collect());
        }
    }

    /// Adds the currency.
    pub(super) fn add_currency(&mut self) {
        self.currency = true;
    }

    /// Returns whether the template also uses the whole of a value that this path
    /// is within.
    fn has_shorter(&self, path: &[&str]) -> bool {
        let contains =
            |other: &Vec<String>| other.len() < path.len() && path.starts_with(&steps(other));
        self.paths.iter().any(contains)
    }

    /// Returns a customer's values of all used fields. Fields that are
    /// undefined for the customer are omitted.
    pub(super) fn values(
        &self,
        customer: &CustomerId,
        facts: &CustomerFacts,
        currency: Currency,
    ) -> TemplateValues {
        let mut values = Map::new();
        let mut attributes: Option<Map<String, Json>> = None;
        let mut events: Option<BTreeMap<String, Map<String, Json>>> = None;
        for path in &self.paths {
            let path = steps(path);
            match path.as_slice() {
                ["attributes", ..] if self.has_shorter(&path) => {}
                ["attributes", rest @ ..] => {
                    add_attributes(attributes.get_or_insert_default(), rest, facts);
                }
                ["events", rest @ ..] => add_events(events.get_or_insert_default(), rest, facts),
                [name, ..] => {
                    let value = field(name, customer, facts);
                    values.extend(value.map(|value| ((*name).to_owned(), value)));
                }
                [] => {}
            }
        }
        values.extend(attributes.map(|all| ("attributes".to_owned(), all.into())));
        values.extend(events.map(|events| {
            let events = events.into_iter();
            let events: Map<_, _> = events.map(|(name, e)| (name, e.into())).collect();
            ("events".to_owned(), events.into())
        }));
        if self.currency {
            values.insert(CURRENCY.to_owned(), currency.to_string().into());
        }
        TemplateValues(values)
    }
}

/// Returns the value of a field other than `attributes` and `events`.
fn field(name: &str, customer: &CustomerId, facts: &CustomerFacts) -> Option<Json> {
    let text = |text: &Option<String>| text.clone().map(Json::from);
    match name {
        "customer_id" => Some(customer.as_str().into()),
        "name" => text(&facts.name),
        "email" => text(&facts.email),
        "phone" => text(&facts.phone),
        "city" => text(&facts.city),
        "country" => text(&facts.country),
        "tags" => Some(facts.tags.clone().into()),
        "registered_at" => facts.registered_at.map(time),
        "unsubscribed" => Some(facts.unsubscribed.into()),
        "total_spend" => Some(facts.total_spend.into()),
        "order_count" => Some(facts.order_count.into()),
        "average_order_value" => facts.average_order_value.map(Json::from),
        "first_order_at" => facts.first_order_at.map(time),
        "last_order_at" => facts.last_order_at.map(time),
        "visits" => {
            let visits = facts.events.get("visit");
            Some(visits.map_or(0, |visits| visits.count).into())
        }
        _ => None,
    }
}

/// Returns the steps of a path.
fn steps(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

/// Adds all attributes, or the value that `path` names.
fn add_attributes(attributes: &mut Map<String, Json>, path: &[&str], facts: &CustomerFacts) {
    match path.first() {
        Some(key) => add_value(attributes, path, facts.attributes.get(*key)),
        None => {
            let all = facts.attributes.iter();
            attributes.extend(all.map(|(key, value)| (key.clone(), attribute(value))));
        }
    }
}

/// Adds the value at a path, given the value of its first step. The objects on
/// the way to it are added even for a customer without them: otherwise the
/// engine would reject a path through them, and a default would not apply.
fn add_value(values: &mut Map<String, Json>, path: &[&str], first: Option<&AttributeValue>) {
    match path {
        [] => {}
        [last] => values.extend(first.map(|value| ((*last).to_owned(), attribute(value)))),
        [step, rest @ ..] => {
            let object = values.entry(*step).or_insert_with(|| Map::new().into());
            let next = match first {
                Some(AttributeValue::Nested(within)) => within.get(rest[0]),
                _ => None,
            };
            if let Json::Object(object) = object {
                add_value(object, rest, next);
            }
        }
    }
}

/// Adds the figures of all activities, of the activity that `path` names, or
/// only the figure that it names. An activity is found by the folded form of the
/// name, and added under the name that the template has.
fn add_events(
    events: &mut BTreeMap<String, Map<String, Json>>,
    path: &[&str],
    facts: &CustomerFacts,
) {
    let mut add = |name: &str, activity: &ActivityFacts, figure: Option<&&str>| {
        let is_wanted = |name: &str| figure.is_none_or(|figure| name == *figure);
        let figures = figures(*activity).filter(|(name, _)| is_wanted(name));
        let figures = figures.map(|(name, value)| (name.to_owned(), value));
        events.entry(name.to_owned()).or_default().extend(figures);
    };
    match path {
        [] => facts
            .events
            .iter()
            .for_each(|(name, activity)| add(name, activity, None)),
        [name, rest @ ..] => {
            let folded = Name::folded(name).ok();
            let activity = folded.and_then(|folded| facts.events.get(folded.as_str()));
            if let Some(activity) = activity {
                add(name, activity, rest.first());
            }
        }
    }
}

fn figures(activity: ActivityFacts) -> impl Iterator<Item = (&'static str, Json)> {
    let last_at = activity.last_at.map(|at| ("last_at", time(at)));
    [("count", activity.count.into())]
        .into_iter()
        .chain(last_at)
}

fn time(at: Timestamp) -> Json {
    at.to_string().into()
}

fn attribute(value: &AttributeValue) -> Json {
    match value {
        AttributeValue::Flag(flag) => (*flag).into(),
        AttributeValue::Integer(number) => (*number).into(),
        AttributeValue::Number(number) => (*number).into(),
        AttributeValue::Text(text) => text.as_str().into(),
        AttributeValue::Nested(values) => {
            let values = values.iter();
            let values: Map<_, _> = values
                .map(|(name, value)| (name.to_string(), attribute(value)))
                .collect();
            values.into()
        }
    }
}
