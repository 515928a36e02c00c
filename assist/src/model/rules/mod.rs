//! Rules for a request in plain words, written by the model.

mod grounds;
mod instructions;
mod read;

use serde_json::json;

use super::task::ModelTask;
use super::{Model, NoRules, Usage};
use crate::builtin::{NotUnderstood, Understood, check_length};
use crate::{Facts, explain};

use read::read;

/// Limit of the answer's tokens, including reasoning tokens.
const MAX_TOKENS: u32 = 6_000;

impl Model {
    /// Returns the rules for a request, like [`builtin::rules`].
    ///
    /// # Errors
    /// [`NoRules`] if the request is not understood, with the words that are not, or if
    /// the model gives no usable answer.
    ///
    /// [`builtin::rules`]: crate::builtin::rules
    pub async fn rules(
        &self,
        prompt: &str,
        facts: &Facts,
        usage: &mut Usage,
    ) -> Result<Understood, NoRules> {
        check_length(prompt)?;
        let task = ModelTask {
            name: "customer_rules",
            instructions: instructions::instructions(facts),
            data: json!({"request": prompt}),
            schema: read::schema(),
            max_tokens: MAX_TOKENS,
        };
        let said = self.run_task(task, usage, |text| read(text, prompt, facts));
        let rules = said.await?.map_err(not_understood)?;
        let explanation = explain(&rules, facts);
        Ok(Understood { rules, explanation })
    }
}

fn not_understood(words: Vec<String>) -> NotUnderstood {
    let reason = match words.is_empty() {
        true => "the request is not understood",
        false => "these words are not understood",
    };
    let reason = reason.to_owned();
    NotUnderstood { words, reason }
}
