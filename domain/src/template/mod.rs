//! Message templates: Jinja over the fields of a customer.

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

/// Version of the rendering rules for new messages.
///
/// The output of a version never changes: the log stores the values of a
/// message and a digest of its text, and the text is rendered again on each
/// read. A change that makes any template render differently, in this module,
/// in the template engine, or in the formatting of a value, requires a new
/// version next to this one. `tests/rules-1.json` pins the output of version 1.
pub const RENDERING_RULES: u16 = 1;

/// Maximum size of a template, in bytes.
const MAX_TEMPLATE: usize = 16 * 1024;

/// Maximum size of a rendered text, in bytes.
const MAX_TEXT: usize = 16 * 1024;

/// Maximum work of one rendering, in the engine's units of fuel: an instruction
/// costs one, and so do 64 bytes.
const FUEL: u64 = 20_000;

/// Name of every template within its environment.
const NAME: &str = "message";

/// Template that parses, names only existing fields, and can be rendered for
/// some customer. Deserializing skips the trial rendering, so that templates
/// that were accepted once stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Template(Box<str>);

/// Reason why a text is not a valid template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The template is empty or too long.
    #[error("a template has 1 to {MAX_TEMPLATE} bytes, this one has {0}")]
    Size(usize),
    /// The template does not parse.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Line of the error, starting at 1.
        line: usize,
        /// Error of the parser.
        reason: String,
    },
    /// The template names a field that does not exist.
    #[error("unknown field {0:?}, expected one of {list}", list = FIELDS.join(", "))]
    Unknown(String),
    /// The template uses a feature of Jinja that is not supported here.
    #[error("line {line}: {reason}")]
    Unsupported {
        /// Line of the feature, starting at 1.
        line: usize,
        /// Description of the problem.
        reason: String,
    },
    /// The template cannot be rendered for any customer.
    #[error("the template cannot be rendered for any customer: {0}")]
    Useless(RenderError),
}

/// Reason why a template cannot be rendered for a customer. It contains no data
/// of the customer, only the names of fields without a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The customer has no value for this field, and the template gives no
    /// default.
    #[error("{0} has no value")]
    NoValue(String),
    /// Rendering takes too long or too much memory.
    #[error("rendering takes too much work")]
    TooMuch,
    /// The text is longer than a message may be.
    #[error("the text has more than {MAX_TEXT} bytes")]
    TooLong,
    /// The text consists of white space only.
    #[error("the text is empty")]
    Nothing,
    /// The message was rendered by a version of the rules that this program
    /// lacks.
    #[error("this program does not have version {0} of the rendering rules")]
    Rules(u16),
    /// The text has control characters other than tabs and line breaks.
    #[error("the text contains a control character")]
    Control,
    /// An operation failed on a value.
    #[error("line {line}: {reason}")]
    Invalid {
        /// Line of the operation, starting at 1.
        line: usize,
        /// Kind of the error.
        reason: String,
    },
}

impl Template {
    /// Returns the source of the template.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the names of the fields that templates may use.
    pub fn fields() -> &'static [&'static str] {
        &FIELDS
    }

    /// Returns the identity of the template under the newest rendering rules.
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

/// Identity of a template and its rendering rules: two messages with the same
/// identity and the same values have the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TemplateIdentity {
    /// Digest of the template's source.
    pub digest: TextDigest,
    /// Version of the rendering rules.
    pub rules: u16,
}

/// Template that is prepared for rendering for many customers.
pub struct Renderer {
    environment: Environment<'static>,
    identity: TemplateIdentity,
    uses: Uses,
}

impl Renderer {
    /// Prepares a template with the newest rendering rules.
    ///
    /// # Errors
    /// [`RenderError`] if the template does not parse, which cannot happen for
    /// a valid [`Template`].
    pub fn new(template: &Template) -> Result<Self, RenderError> {
        Self::by_rules(template, RENDERING_RULES)
    }

    /// Prepares a template with a certain version of the rendering rules.
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
        // Undefined values are errors, except in tests for their presence.
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_fuel(Some(FUEL));
        // Error details name the field without a value only in debug mode.
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

    /// Returns the identity of the template and its rendering rules.
    pub fn identity(&self) -> TemplateIdentity {
        self.identity
    }

    /// Returns a customer's values of the fields that the template uses.
    /// Amounts are in `currency`.
    pub fn values(
        &self,
        customer: &CustomerId,
        facts: &CustomerFacts,
        currency: Currency,
    ) -> TemplateValues {
        self.uses.values(customer, facts, currency)
    }

    /// Renders the text from these values.
    ///
    /// # Errors
    /// [`RenderError`] if a field has neither a value nor a default, if
    /// rendering takes too much work, or if the text is too long or empty.
    pub fn render(&self, values: &TemplateValues) -> Result<String, RenderError> {
        let template = self.environment.get_template(NAME);
        let template = template.map_err(|error| render_error(&error, ""))?;
        let mut text = Bounded(Vec::new());
        template
            .render_captured_to(values.variables(), &mut text)
            .map_err(|error| render_error(&error, template.source()))?;
        // The engine writes whole strings, so the bytes are valid UTF-8.
        let text = String::from_utf8(text.0).map_err(|_| RenderError::Control)?;
        let is_control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        match text.trim().is_empty() {
            _ if text.contains(is_control) => Err(RenderError::Control),
            true => Err(RenderError::Nothing),
            false => Ok(text),
        }
    }
}

/// Filter `money`: formats minor units as major units with the currency's code.
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

/// Converts an error of the engine. Its details may contain values, which are
/// personal data, so only the name of a field without a value is kept.
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

/// Returns the field of a detail such as "`attributes.size` is undefined". A
/// value could contain such a text too, so all of its words must occur in the
/// template.
fn undefined<'e>(detail: &'e str, source: &str) -> Option<&'e str> {
    let (before, _) = detail.rsplit_once("` is undefined")?;
    let (_, field) = before.rsplit_once('`')?;
    let is_own = |word: &str| source.contains(word);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = field.split(|c| !is_name(c));
    words.all(is_own).then_some(field)
}

/// Writer that accepts as many bytes as a message may have.
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
