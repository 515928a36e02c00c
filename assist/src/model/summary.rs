//! Summary of a campaign, written by the model.

use serde::Deserialize;
use serde_json::json;

use super::error::AnswerError;
use super::schema::{object, text};
use super::task::ModelTask;
use super::{Model, ModelError, Usage};
use crate::CampaignResults;
use crate::prose::{self, ProsePart};

/// Limit of the answer's tokens, including reasoning tokens.
const MAX_TOKENS: u32 = 3_000;

/// Maximum number of characters in a summary.
const MAX_SUMMARY: usize = 600;

/// Maximum number of sentences in a summary.
const MAX_SENTENCES: usize = 3;

/// Characters of markup, which plain text must not contain.
const MARKUP: [char; 9] = ['<', '>', '`', '*', '#', '|', '\\', '{', '}'];

const INSTRUCTIONS: &str = "You summarize the results of a campaign in one to three sentences, \
    on one line of plain text with at most 600 characters. `figures` has all figures: pick those \
    that matter, and write the name of each in double braces instead of the figure, such as \
    {{delivered_rate}}; it is replaced by the figure with its unit. Write {{campaign}} for the \
    campaign's name. Write no number yourself, neither in digits nor in words: no sums, \
    differences or shares of your own, no dates, no \"half\" or \"twice\". Rates of delivered and \
    failed are of those sent, all others of the audience. A bracket is the customers who spent in \
    all more than its `above` and at most its `up_to`. Do not judge beyond the figures, and do \
    not advise.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    summary: String,
}

impl Model {
    /// Summarizes a campaign's results in one to three sentences. The model writes
    /// placeholders, so all numbers in the text are figures of the campaign.
    ///
    /// # Errors
    /// [`ModelError`] if the model gives no usable answer.
    pub async fn summary(
        &self,
        figures: &CampaignResults,
        usage: &mut Usage,
    ) -> Result<String, ModelError> {
        let task = ModelTask {
            name: "campaign_summary",
            instructions: INSTRUCTIONS.to_owned(),
            data: json!({"figures": figures.written()}),
            schema: object([("summary", text())]),
            max_tokens: MAX_TOKENS,
        };
        self.run_task(task, usage, |text| read(text, figures)).await
    }
}

fn read(said: &str, figures: &CampaignResults) -> Result<String, AnswerError> {
    let answer: Answer = serde_json::from_str(said).map_err(|error| AnswerError::shape(&error))?;
    let prose = answer.summary.trim();
    check_form(prose).map_err(AnswerError::because)?;
    let text = prose::fill(prose, figures).map_err(|error| AnswerError::Answer {
        told: error.to_string(),
        reason: "the summary has numbers of its own, or wrong placeholders".to_owned(),
    })?;
    match text.chars().count() {
        length if length > MAX_SUMMARY => Err(AnswerError::because(format!(
            "a summary has at most {MAX_SUMMARY} characters, this one has {length}"
        ))),
        _ => Ok(text),
    }
}

/// Checks that prose is one line of one to three sentences without markup. The
/// campaign's name, which a placeholder stands for, may contain anything.
fn check_form(text: &str) -> Result<(), String> {
    let own = prose::parts(text).into_iter().map(|part| match part {
        ProsePart::Own(words) => words,
        ProsePart::Placeholder(_) => "figure",
    });
    let own: String = own.collect();
    let is_line = !text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
    if text.is_empty() {
        Err("the summary is empty".to_owned())
    } else if !is_line || own.contains(MARKUP) {
        Err("a summary is one line of plain text".to_owned())
    } else if sentences(&own) > MAX_SENTENCES {
        Err(format!("a summary has at most {MAX_SENTENCES} sentences"))
    } else {
        Ok(())
    }
}

/// Returns the number of sentences that certainly end in a text.
fn sentences(text: &str) -> usize {
    let mut ends = 0;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(['.', '!', '?', '。']) {
        let next = after.trim_start();
        let is_apart = next.len() < after.len() && next.starts_with(char::is_uppercase);
        ends += usize::from(next.is_empty() || is_apart);
        rest = after;
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_within_a_number_ends_no_sentence() {
        assert_eq!(sentences("Reached 1,284, 88.8% of Rs. 10 spenders"), 0);
        assert_eq!(sentences("One. Two! Three? four."), 3);
        assert_eq!(sentences("One... Two."), 2);
    }
}
