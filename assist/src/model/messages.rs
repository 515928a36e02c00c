//! Message variants for an objective, written by the model.

use domain::rules::fold_case;
use domain::{Template, TemplateError};
use serde::Deserialize;
use serde_json::json;

use super::error::AnswerError;
use super::schema::{list, object, one_of, text};
use super::task::ModelTask;
use super::{Model, ModelError, Usage};
use crate::Tone;
use crate::builtin::{MAX_VARIANT, Variant};

/// Limit of the answer's tokens, including reasoning tokens.
const MAX_TOKENS: u32 = 6_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    variants: [AnsweredVariant; 3],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnsweredVariant {
    tone: Tone,
    template: String,
}

impl Model {
    /// Returns three variants for an objective, the first in `tone` if it is given, like
    /// [`builtin::messages`]. `audience` describes the recipients; it is sent to the
    /// model as it is.
    ///
    /// # Errors
    /// [`ModelError`] if the model gives no usable answer.
    ///
    /// [`builtin::messages`]: crate::builtin::messages
    pub async fn messages(
        &self,
        objective: &str,
        tone: Option<Tone>,
        audience: Option<&str>,
        usage: &mut Usage,
    ) -> Result<[Variant; 3], ModelError> {
        let variant = object([
            ("tone", one_of(Tone::ALL.map(Tone::name))),
            ("template", text()),
        ]);
        let task = ModelTask {
            name: "message_variants",
            instructions: instructions(),
            data: json!({"objective": objective, "tone": tone, "audience": audience}),
            schema: object([("variants", list(variant))]),
            max_tokens: MAX_TOKENS,
        };
        self.run_task(task, usage, |text| read(text, tone)).await
    }
}

fn instructions() -> String {
    format!(
        "You write short messages of a shop to its customers. `objective` says what a message is \
         for, `audience` who gets it; never mention that they were chosen, or how.\n\n\
         Give exactly three `variants`, each in another `tone`; if `tone` is given, the first one \
         has it. Each `template` has at most {MAX_VARIANT} characters, and no two say the same.\n\n\
         Templates are Jinja. They may name {}, and nothing else, such as {{{{ name | \
         default('there') }}}}; a customer may have no value for any of these, so give each a \
         default. Prefer `name` alone. Allowed filters: default, title, upper, lower, and money \
         for amounts.\n\n\
         Promise only what the objective promises: no discount, price, date, code or link that it \
         does not have. Write in the language of the objective, in plain text.",
        Template::fields().join(", ")
    )
}

fn read(said: &str, tone: Option<Tone>) -> Result<[Variant; 3], AnswerError> {
    let answer: Answer = serde_json::from_str(said).map_err(|error| AnswerError::shape(&error))?;
    let variants = match answer.variants.map(AnsweredVariant::variant) {
        [Ok(first), Ok(second), Ok(third)] => [first, second, third],
        each => {
            let wrong = each.into_iter().zip(0..).filter_map(|(variant, at)| {
                let reason = variant.err()?;
                Some(format!("/variants/{at}: {reason}"))
            });
            return Err(AnswerError::because(wrong.collect::<Vec<_>>().join("; ")));
        }
    };
    match alike(&variants, tone) {
        wrong if wrong.is_empty() => Ok(variants),
        wrong => Err(AnswerError::because(wrong.join("; "))),
    }
}

impl AnsweredVariant {
    fn variant(self) -> Result<Variant, String> {
        let length = self.template.chars().count();
        if length > MAX_VARIANT {
            return Err(format!(
                "a template has at most {MAX_VARIANT} characters, this one has {length}"
            ));
        }
        let told = |error: TemplateError| error.to_string();
        Ok(Variant {
            tone: self.tone,
            template: Template::try_from(self.template.trim().to_owned()).map_err(told)?,
        })
    }
}

/// Returns the faults of the variants as a set: equal tones or texts, or a first variant
/// in another tone than requested.
fn alike(variants: &[Variant; 3], tone: Option<Tone>) -> Vec<&'static str> {
    let [first, second, third] = variants;
    let pairs = [(first, second), (first, third), (second, third)];
    let words = |variant: &Variant| {
        let text = fold_case(variant.template.as_str());
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut wrong = Vec::new();
    if tone.is_some_and(|tone| first.tone != tone) {
        wrong.push("the first variant does not have the tone that was requested");
    }
    if pairs.iter().any(|(one, other)| one.tone == other.tone) {
        wrong.push("two variants have the same tone");
    }
    if pairs.iter().any(|(one, other)| words(one) == words(other)) {
        wrong.push("two variants say the same");
    }
    wrong
}
