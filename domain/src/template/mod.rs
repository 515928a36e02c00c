//! Templates of messages: Jinja over the fields of a customer.

mod check;
mod lists;
mod message_text;
#[cfg(test)]
mod tests;
mod trial;
mod values;

use std::fmt;
use std::io::{self, Write};

use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior};
use serde::{Deserialize, Deserializer, Serialize, de};

use values::{CURRENCY_VARIABLE, FIELDS, Uses};

pub use message_text::{PersonalContent, RecordedMessage, ReproduceError};
pub use values::TemplateValues;

use crate::digest::TextDigest;
use crate::rules::CustomerFacts;
use crate::{Currency, CustomerId};

/// The version of the rendering rules that new messages are rendered by.
///
/// A version never changes its output: the log keeps the values of a message
/// and a digest of its text, and renders the text again each time. A change
/// that makes any template render another text, be it here, in the template
/// engine or in how a value is shown, is a new version beside this one;
/// `tests/rules-1.json` holds what version 1 renders.
pub const RENDERING_RULES: u16 = 1;

/// The most bytes that a template may have.
const MAX_TEMPLATE: usize = 16 * 1024;

/// The most bytes that may come of one.
const MAX_TEXT: usize = 16 * 1024;

/// How much work a rendering may be: so many steps, or 64 times as many bytes.
const FUEL: u64 = 20_000;

/// What every template is called.
const NAME: &str = "message";

/// A template that parses, names only what there is, and can be rendered for
/// some customer. One that is read back from where it was kept is not tried
/// again: what was once taken stays readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
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
    /// It uses what templates elsewhere may have, and these do not.
    #[error("line {line}: {reason}")]
    Unsupported {
        /// On which line, from 1.
        line: usize,
        /// What that is.
        reason: String,
    },
    /// It can be rendered for nobody, whatever is known of them.
    #[error("no message can come of it: {0}")]
    Useless(RenderError),
}

/// Why a template cannot be rendered for a customer. Never says what is known
/// of them, but for which fields have no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The customer has no value for this field, and there is no default.
    #[error("{0} has no value")]
    NoValue(String),
    /// It takes too long or too much memory.
    #[error("it is too much work")]
    TooMuch,
    /// More comes of it than a message may have.
    #[error("more than {MAX_TEXT} bytes come of it")]
    TooLong,
    /// Only white space comes of it.
    #[error("nothing comes of it")]
    Nothing,
    /// Another program rendered it, by rules that this one does not have.
    #[error("this program does not have version {0} of the rendering rules")]
    Rules(u16),
    /// What comes of it has control characters other than tabs and line ends.
    #[error("a control character comes of it")]
    Control,
    /// Something cannot be done with a value.
    #[error("line {line}: {reason}")]
    Invalid {
        /// On which line, from 1.
        line: usize,
        /// What went wrong.
        reason: String,
    },
}

impl Template {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What templates may name.
    pub fn fields() -> &'static [&'static str] {
        &FIELDS
    }

    /// Identifies the template as it is rendered by the newest rules.
    pub fn identity(&self) -> TemplateIdentity {
        TemplateIdentity {
            digest: TextDigest::of(&self.0),
            rules: RENDERING_RULES,
        }
    }

    fn read(text: String) -> Result<Self, TemplateError> {
        if text.is_empty() || text.len() > MAX_TEMPLATE {
            return Err(TemplateError::Size(text.len()));
        }
        check::check(&text)?;
        Ok(Self(text.into_boxed_str()))
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, TemplateError> {
        let template = Self::read(text)?;
        trial::trial(&template).map_err(TemplateError::Useless)?;
        Ok(template)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.0.into_string()
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identifies a template and how it is rendered: two messages with the same
/// identity and the same values have the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TemplateIdentity {
    /// The digest of the template's source.
    pub digest: TextDigest,
    /// The version of the rendering rules.
    pub rules: u16,
}

/// A template that is ready to be rendered for many customers.
pub struct Renderer {
    environment: Environment<'static>,
    identity: TemplateIdentity,
    uses: Uses,
}

impl Renderer {
    /// Renders by the newest rules.
    ///
    /// # Errors
    /// [`RenderError`] if the template does not parse, which a [`Template`]
    /// does.
    pub fn new(template: &Template) -> Result<Self, RenderError> {
        Self::by_rules(template, RENDERING_RULES)
    }

    /// Renders by this version of the rules.
    ///
    /// # Errors
    /// [`RenderError::Rules`] for a version that this program does not have.
    pub fn by_rules(template: &Template, rules: u16) -> Result<Self, RenderError> {
        if rules != RENDERING_RULES {
            return Err(RenderError::Rules(rules));
        }
        let uses = check::check(template.as_str()).map_err(|error| RenderError::Invalid {
            line: 1,
            reason: error.to_string(),
        })?;
        let mut environment = Environment::new();
        // Strict, but for asking whether there is a value.
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_fuel(Some(FUEL));
        // Only so does it tell which field has no value.
        environment.set_debug(true);
        environment.add_filter("money", money);
        environment
            .add_template_owned(NAME, template.as_str().to_owned())
            .map_err(|error| render_error(&error, template.as_str()))?;
        Ok(Self {
            environment,
            identity: TemplateIdentity {
                rules,
                ..template.identity()
            },
            uses,
        })
    }

    /// Identifies what is rendered.
    pub fn identity(&self) -> TemplateIdentity {
        self.identity
    }

    /// The values that the template uses of a customer. Amounts are in
    /// `currency`.
    pub fn values(
        &self,
        customer: &CustomerId,
        facts: &CustomerFacts,
        currency: Currency,
    ) -> TemplateValues {
        self.uses.values(customer, facts, currency)
    }

    /// The text that these values give.
    ///
    /// # Errors
    /// [`RenderError`] where a field has no value and no default, where it
    /// takes too long, and where too much or nothing comes of it.
    pub fn render(&self, values: &TemplateValues) -> Result<String, RenderError> {
        let template = self.environment.get_template(NAME);
        let template = template.map_err(|error| render_error(&error, ""))?;
        let mut text = Bounded(Vec::new());
        template
            .render_captured_to(values.variables(), &mut text)
            .map_err(|error| render_error(&error, template.source()))?;
        // It was written text by text.
        let text = String::from_utf8(text.0).map_err(|_| RenderError::Control)?;
        let is_control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        match text.trim().is_empty() {
            _ if text.contains(is_control) => Err(RenderError::Control),
            true => Err(RenderError::Nothing),
            false => Ok(text),
        }
    }
}

/// The filter `money`: minor units as major units with the currency's code.
fn money(state: &State, minor: i64) -> Result<String, Error> {
    let currency = state.lookup(CURRENCY_VARIABLE);
    let currency = currency.as_ref().and_then(|code| code.as_str());
    let currency = currency.and_then(|code| Currency::try_from(code).ok());
    let currency = currency.ok_or_else(|| {
        let detail = "the values name no currency";
        Error::new(ErrorKind::InvalidOperation, detail)
    })?;
    Ok(format!("{} {currency}", currency.major(minor)))
}

/// What the engine says of an error may hold values, so that it is not told,
/// but for the name of what has none.
fn render_error(error: &minijinja::Error, source: &str) -> RenderError {
    let field = error.detail().and_then(|detail| undefined(detail, source));
    match (error.kind(), field) {
        (ErrorKind::OutOfFuel, _) => RenderError::TooMuch,
        (ErrorKind::WriteFailure, _) => RenderError::TooLong,
        (_, Some(field)) => RenderError::NoValue(field.to_owned()),
        (ErrorKind::UndefinedError, None) => RenderError::NoValue("a field".to_owned()),
        (kind, None) => RenderError::Invalid {
            line: error.line().unwrap_or(1),
            reason: kind.to_string(),
        },
    }
}

/// Which field, in an error's "`attributes.size` is undefined". A value could
/// say that too, but not in the template's own words.
fn undefined<'e>(detail: &'e str, source: &str) -> Option<&'e str> {
    let (before, _) = detail.rsplit_once("` is undefined")?;
    let (_, field) = before.rsplit_once('`')?;
    let is_own = |word: &str| source.contains(word);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = field.split(|c| !is_name(c));
    words.all(is_own).then_some(field)
}

/// Takes as much as a message may have.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_TEXT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
