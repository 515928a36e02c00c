//! Engine without a model: a small deterministic grammar for requests in plain words.
//!
//! The engine never guesses. Every word of a request must be part of a known phrase or
//! one of a few words without meaning. Requests with other words are rejected, and so
//! are ambiguous ones; the rejection quotes the words.
//!
//! Pipeline: `words` tokenizes the prompt. `pattern` matches `phrases`, with their
//! `amounts`, `times` and `names`. `scan` chooses the segmentation that leaves the
//! fewest tokens unknown. `combine` parses the result; `agree` checks that neighboring
//! terms fit, and `resolve` combines them.

mod activity;
mod agree;
mod amounts;
mod before;
mod combine;
mod dates;
mod meaning;
mod messages;
mod names;
mod numbers;
mod pattern;
mod phrase;
mod phrases;
mod quantities;
mod reach;
mod rejection;
mod resolve;
mod scan;
mod slots;
mod summary;
mod tags;
mod term;
mod times;
mod words;

use std::ops::Range;

use domain::rules::Rules;

use crate::{Facts, explain, money};

pub use messages::{MAX_VARIANT, Variant, messages};
pub use summary::summary;
pub use tags::tags;

use names::Names;
use scan::{Joint, PromptItem, PromptPart};
use slots::Scope;
use words::{Token, TokenKind};

/// Maximum length of a prompt, in characters.
pub const MAX_PROMPT: usize = 2_000;

/// Rules for a request, and their explanation.
#[derive(Debug, Clone, PartialEq)]
pub struct Understood {
    /// Rules that select the customers.
    pub rules: Rules,
    /// Explanation of the rules in one sentence.
    pub explanation: String,
}

/// Error for a request that is not understood or is ambiguous.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotUnderstood {
    /// Words that are not understood, as they are written in the request.
    pub words: Vec<String>,
    /// Reason, for people.
    pub reason: String,
}

/// Returns the rules for a request.
///
/// # Errors
/// [`NotUnderstood`] with the words that are not understood or are ambiguous.
pub fn rules(prompt: &str, facts: &Facts) -> Result<Understood, NotUnderstood> {
    check_length(prompt)?;
    let tokens = words::tokens(prompt);
    let scope = Scope {
        facts,
        names: Names::of(facts),
    };
    let items = scan::items(&tokens, &scope);
    let quote = |range: &Range<usize>| quoted(prompt, &tokens, range);
    // This check precedes parsing: a request with unknown words is never answered in
    // part, since the words that are dropped could change its meaning.
    let unknown: Vec<String> = unknown(&items).iter().map(quote).collect();
    if !unknown.is_empty() {
        return Err(NotUnderstood::of(unknown, why(&items, &tokens, &scope)));
    }
    let meaning = combine::combine(&items, &tokens).map_err(|rejection| {
        NotUnderstood::of(vec![quote(&rejection.tokens)], rejection.reason.to_owned())
    })?;
    // The limits of rules apply here as they do to any client.
    let all = || vec![quote(&(0..tokens.len()))];
    let rules = meaning.rules();
    let rules = rules.map_err(|reason| NotUnderstood::of(all(), reason))?;
    let explanation = explain(&rules, facts);
    Ok(Understood { rules, explanation })
}

impl NotUnderstood {
    fn of(words: Vec<String>, reason: String) -> Self {
        Self { words, reason }
    }
}

pub(crate) fn check_length(prompt: &str) -> Result<(), NotUnderstood> {
    let beyond = prompt.char_indices().nth(MAX_PROMPT);
    let (words, reason) = match beyond {
        _ if prompt.trim().is_empty() => (Vec::new(), "the request is empty".to_owned()),
        Some((end, _)) => {
            let start = prompt
                .char_indices()
                .nth(40)
                .map_or(end, |(start, _)| start);
            let reason = format!("a request has at most {MAX_PROMPT} characters");
            (vec![prompt[..start].to_owned()], reason)
        }
        None => return Ok(()),
    };
    Err(NotUnderstood { words, reason })
}

/// Returns the ranges of tokens that are not understood; adjacent ones are merged.
fn unknown(items: &[PromptItem]) -> Vec<Range<usize>> {
    let mut unknown: Vec<Range<usize>> = Vec::new();
    let mut near = 0;
    for item in items {
        match item.part {
            PromptPart::Unknown => match unknown.last_mut() {
                Some(last) if near == item.tokens.start => last.end = item.tokens.end,
                _ => unknown.push(item.tokens.clone()),
            },
            PromptPart::Joint(Joint::Filler) if near == item.tokens.start => {}
            _ => continue,
        }
        near = item.tokens.end;
    }
    unknown
}

/// Quotes a range of tokens from the prompt; for an empty range at the end, the last
/// token.
fn quoted(prompt: &str, tokens: &[Token], range: &Range<usize>) -> String {
    let end = range.end.clamp(1, tokens.len().max(1));
    let start = range.start.min(end.saturating_sub(1));
    let bytes = tokens.get(start..end).unwrap_or_default();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => prompt[first.bytes.start..last.bytes.end].to_owned(),
        _ => String::new(),
    }
}

/// Returns the reason why words are not understood, as specific as possible.
fn why(items: &[PromptItem], tokens: &[Token], scope: &Scope<'_>) -> String {
    let unknown = items.iter().filter(|item| item.part == PromptPart::Unknown);
    for token in unknown.flat_map(|item| tokens.get(item.tokens.clone()).unwrap_or_default()) {
        let word = match &token.kind {
            TokenKind::Word(word) => word.clone(),
            TokenKind::Sign(sign) => sign.to_string(),
            _ => continue,
        };
        let currency = scope.facts.currency;
        if money::is_money(&word) && !money::means(&word, currency) {
            return format!("the store's currency is {currency}");
        }
        if scope.names.is_two_places(&word) {
            return format!("{word:?} is both a city and a country; say which one is meant");
        }
    }
    "these words are not understood".to_owned()
}
