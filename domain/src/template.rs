//! Templates of messages: Jinja over the fields of a customer.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use minijinja::{Environment, UndefinedBehavior, Value};
use serde::{Deserialize, Serialize};

use crate::rules::CustomerFacts;
use crate::{AttributeValue, Currency, CustomerId, Timestamp};

/// The most bytes that a template may have.
const MAX_TEMPLATE: usize = 16 * 1024;

/// The most bytes that may come of one.
const MAX_TEXT: usize = 16 * 1024;

/// How many steps a rendering may take.
const FUEL: u64 = 20_000;

/// What every template is called.
const NAME: &str = "message";

/// What a template may name. A customer who has no value for one has none in
/// the template either.
const FIELDS: [&str; 17] = [
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

/// A template that parses and names only what there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template(Box<str>);

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is empty or too long.
    #[error("a template has 1 to {MAX_TEMPLATE} bytes, this one has {0}")]
    Size(usize),
    /// It does not parse.
    #[error("line {line}: {reason}")]
    Syntax {
        /// On which line, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// It names what customers do not have.
    #[error("unknown field {0:?}, expected one of {list}", list = FIELDS.join(", "))]
    Unknown(String),
}

/// Why a template cannot be rendered for a customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RenderError(String);

impl Template {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, TemplateError> {
        if text.is_empty() || text.len() > MAX_TEMPLATE {
            return Err(TemplateError::Size(text.len()));
        }
        let environment = environment();
        let template = environment.template_from_str(&text).map_err(|error| {
            let reason = error.detail().unwrap_or("does not parse");
            TemplateError::Syntax {
                line: error.line().unwrap_or(1),
                reason: reason.to_owned(),
            }
        })?;
        let mut named: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        named.sort();
        let globals: Vec<String> = environment
            .globals()
            .map(|(name, _)| name.to_owned())
            .collect();
        let is_unknown =
            |name: &String| !FIELDS.contains(&name.as_str()) && !globals.contains(name);
        match named.into_iter().find(is_unknown) {
            Some(name) => Err(TemplateError::Unknown(name)),
            None => Ok(Self(text.into_boxed_str())),
        }
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.0.into_string()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A template made ready to be rendered for many.
pub struct Renderer {
    environment: Environment<'static>,
}

impl Renderer {
    /// Amounts are shown in this currency by the filter `money`.
    ///
    /// # Errors
    /// [`RenderError`] if it does not parse, which a [`Template`] does.
    pub fn new(template: &Template, currency: Currency) -> Result<Self, RenderError> {
        let mut environment = environment();
        environment.add_filter("money", move |minor: i64| money(minor, currency));
        let added = environment.add_template_owned(NAME, template.as_str().to_owned());
        added.map_err(|error| RenderError(error.to_string()))?;
        Ok(Self { environment })
    }

    /// The text for a customer.
    ///
    /// # Errors
    /// [`RenderError`] where a field has no value and no default, where it
    /// takes too long, and where too much or nothing comes of it.
    pub fn render(
        &self,
        customer: &CustomerId,
        facts: &CustomerFacts,
    ) -> Result<String, RenderError> {
        let failed = |error: minijinja::Error| RenderError(reason(&error));
        let template = self.environment.get_template(NAME).map_err(failed)?;
        let mut text = Bounded(Vec::new());
        template
            .render_captured_to(context(customer, facts), &mut text)
            .map_err(failed)?;
        let text = String::from_utf8(text.0).map_err(|error| RenderError(error.to_string()))?;
        match text.trim().is_empty() {
            true => Err(RenderError("nothing comes of it".to_owned())),
            false => Ok(text),
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("money", |minor: i64| minor.to_string());
    environment
}

fn reason(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

fn context(customer: &CustomerId, facts: &CustomerFacts) -> Value {
    let mut fields: BTreeMap<&str, Value> = BTreeMap::new();
    fields.insert("customer_id", customer.as_str().into());
    let texts = [
        ("name", &facts.name),
        ("email", &facts.email),
        ("phone", &facts.phone),
        ("city", &facts.city),
        ("country", &facts.country),
    ];
    fields.extend(
        texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, text.as_deref()?.into()))),
    );
    let times = [
        ("registered_at", facts.registered_at),
        ("first_order_at", facts.first_order_at),
        ("last_order_at", facts.last_order_at),
    ];
    fields.extend(
        times
            .into_iter()
            .filter_map(|(name, at)| Some((name, time(at?)))),
    );
    fields.insert("tags", facts.tags.clone().into());
    let attributes = facts
        .attributes
        .iter()
        .map(|(key, value)| (key.clone(), attribute(value)));
    fields.insert("attributes", Value::from_iter(attributes));
    fields.insert("unsubscribed", facts.unsubscribed.into());
    fields.insert("total_spend", facts.total_spend.into());
    fields.insert("order_count", facts.order_count.into());
    fields.extend(
        facts
            .average_order_value
            .map(|value| ("average_order_value", value.into())),
    );
    let visits = facts.events.get("visit").map_or(0, |visit| visit.count);
    fields.insert("visits", visits.into());
    let events = facts.events.iter().map(|(name, event)| {
        let mut known = BTreeMap::from([("count", Value::from(event.count))]);
        known.extend(event.last_at.map(|at| ("last_at", time(at))));
        (name.clone(), Value::from_iter(known))
    });
    fields.insert("events", Value::from_iter(events));
    Value::from_iter(fields)
}

fn time(at: Timestamp) -> Value {
    at.to_string().into()
}

fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Flag(flag) => (*flag).into(),
        AttributeValue::Integer(number) => (*number).into(),
        AttributeValue::Number(number) => (*number).into(),
        AttributeValue::Text(text) => text.as_str().into(),
    }
}

/// `1234.50 USD`
fn money(minor: i64, currency: Currency) -> String {
    let digits = usize::from(currency.exponent().unwrap_or_default());
    let unit = 10_i64.pow(u32::try_from(digits).unwrap_or_default());
    let (whole, rest) = (minor / unit, (minor % unit).abs());
    match digits {
        0 => format!("{whole} {currency}"),
        digits => format!("{whole}.{rest:0digits$} {currency}"),
    }
}

/// Takes as much as a message may have.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_TEXT {
            let reason = format!("more than {MAX_TEXT} bytes come of it");
            return Err(io::Error::other(reason));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
