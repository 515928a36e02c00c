//! Summary of a campaign, written by the model.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::error::AnswerError;
use super::schema::{object, text};
use super::task::Task;
use super::{Model, ModelError, Usage};
use crate::figures::Rate;
use crate::money::written;
use crate::{Bracket, CampaignFigures, check};

/// Limit of the answer's tokens, including reasoning tokens.
const MAX_TOKENS: u32 = 3_000;

/// Largest number of characters in a summary.
const MAX_SUMMARY: usize = 600;

/// Largest number of sentences in a summary.
const MAX_SENTENCES: usize = 3;

/// Characters of markup, which plain text must not contain.
const MARKUP: [char; 9] = ['<', '>', '`', '*', '#', '|', '\\', '{', '}'];

const INSTRUCTIONS: &str = "You tell in one to three sentences how a campaign of messages went, \
    on one line of plain text with at most 600 characters. All figures are given: pick those that \
    matter, and write every number exactly as it is given, in digits. Have no other numbers: no \
    sums, differences or shares of your own, none in words, no dates, no \"half\" or \"twice\". \
    Do not judge beyond the figures, and do not advise. Amounts are what customers spent in all.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    summary: String,
}

impl Model {
    /// Summarizes a campaign's results in one to three sentences. All numbers in the
    /// text are figures of the campaign.
    ///
    /// # Errors
    /// [`ModelError`] if the model gives no usable answer.
    pub async fn summary(
        &self,
        figures: &CampaignFigures,
        usage: &mut Usage,
    ) -> Result<String, ModelError> {
        let task = Task {
            name: "campaign_summary",
            instructions: INSTRUCTIONS.to_owned(),
            data: data(figures),
            schema: object([("summary", text())]),
            max_tokens: MAX_TOKENS,
        };
        self.run_task(task, usage, |text| read(text, figures)).await
    }
}

/// Returns the figures, rates and amounts in the form in which the text must use them.
fn data(figures: &CampaignFigures) -> Json {
    let rate = |part, whole| Rate::of(part, whole).and_then(Rate::written);
    let brackets = figures.brackets.iter();
    let brackets: Vec<Json> = brackets.map(|each| bracket(each, figures)).collect();
    json!({
        "campaign": figures.name,
        "audience": figures.audience,
        "sent": figures.sent,
        "sent_of_audience": rate(figures.sent, figures.audience),
        "delivered": figures.delivered,
        "delivered_of_sent": rate(figures.delivered, figures.sent),
        "failed": figures.failed,
        "failed_of_sent": rate(figures.failed, figures.sent),
        "suppressed": figures.suppressed,
        "suppressed_of_audience": rate(figures.suppressed, figures.audience),
        "pending": figures.pending,
        "pending_of_audience": rate(figures.pending, figures.audience),
        "by_what_customers_spent": brackets,
    })
}

fn bracket(bracket: &Bracket, figures: &CampaignFigures) -> Json {
    let money = |minor: i64| written(figures.currency, minor);
    json!({
        "above": bracket.above.map(money),
        "up_to": bracket.up_to.map(money),
        "sent": bracket.sent,
        "delivered": bracket.delivered,
        "delivered_of_sent": bracket.rate().and_then(Rate::written),
    })
}

fn read(said: &str, figures: &CampaignFigures) -> Result<String, AnswerError> {
    let answer: Answer = serde_json::from_str(said).map_err(|error| AnswerError::shape(&error))?;
    let text = answer.summary.trim();
    check_form(text, &figures.name).map_err(AnswerError::because)?;
    check::numbers(text, figures).map_err(|foreign| AnswerError::Answer {
        told: foreign.to_string(),
        reason: "the summary has numbers that are not the campaign's".to_owned(),
    })?;
    Ok(text.to_owned())
}

/// Checks that a text is one line of one to three sentences without markup. The
/// campaign's name may contain anything except line breaks.
fn check_form(text: &str, campaign: &str) -> Result<(), String> {
    // People choose the names of campaigns, which may contain markup or periods.
    let own = text.replace(campaign, "");
    let length = text.chars().count();
    let is_line = !text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
    if text.is_empty() {
        Err("the summary is empty".to_owned())
    } else if length > MAX_SUMMARY {
        Err(format!(
            "a summary has at most {MAX_SUMMARY} characters, this one has {length}"
        ))
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
