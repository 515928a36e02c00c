//! Rules for a request in plain words.

mod grounds;
mod instructions;
mod read;

use serde_json::json;

use super::task::Task;
use super::{Model, NoRules, Usage};
use crate::builtin::{NotUnderstood, Understood, check_length};
use crate::{Facts, explain};

use read::read;

/// How long an answer may be, with what a model thinks before it.
const MAX_TOKENS: u32 = 6_000;

impl Model {
    /// The rules that a request means, as [`builtin::rules`] has them.
    ///
    /// # Errors
    /// [`NoRules`] where the request is not understood, with its own words
    /// that are not, and where the model gives no answer that can be used.
    ///
    /// [`builtin::rules`]: crate::builtin::rules
    pub async fn rules(
        &self,
        prompt: &str,
        facts: &Facts,
        usage: &mut Usage,
    ) -> Result<Understood, NoRules> {
        check_length(prompt)?;
        let task = Task {
            name: "customer_rules",
            instructions: instructions::instructions(facts),
            data: json!({"request": prompt}),
            schema: read::schema(),
            max_tokens: MAX_TOKENS,
        };
        let said = self.ask(task, usage, |text| read(text, prompt, facts));
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
