//! Segmentation of a prompt into phrases and the words between them.

use std::ops::Range;

use super::phrase::{Interpretation, PhraseMatch};
use super::phrases::phrases;
use super::rejection::TWO_WAYS;
use super::slots::Scope;
use super::words::{Token, TokenCursor, TokenKind};

/// Segment of the prompt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PromptItem {
    pub(super) part: PromptPart,
    pub(super) tokens: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum PromptPart {
    /// Known phrase.
    Phrase(PhraseMatch),
    /// Word that connects phrases.
    Joint(Joint),
    /// Unknown token.
    Unknown,
}

/// Kind of a word that connects phrases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    /// Introduction of a request: "show me".
    Lead,
    /// Word without meaning: "the".
    Filler,
    /// Quantifier: `all`, `every`.
    All,
    /// Noun for customers: `customers`.
    People,
    /// Pronoun for all customers: `everyone`.
    Everyone,
    Who,
    /// Form of "be": `are`.
    Be,
    /// Auxiliary: `have`.
    Have,
    Not,
    Never,
    And,
    Or,
    But,
    Except,
    Either,
    Neither,
    Nor,
    Comma,
    Open,
    Close,
    /// End of a sentence.
    Stop,
}

#[rustfmt::skip]
const JOINTS: [(Joint, &[&str]); 21] = [
    (Joint::Lead, &[
        "show me", "show", "find me", "find", "thank", "reward", "invite", "contact", "message", "nudge", "bring back", "we want to", "i want to", "let's", "i'd like to", "we would like to", "list", "give me", "get me", "get", "i want to reach",
        "i want to target", "i want", "i need", "i would like to reach", "i'd like to reach",
        "we want to reach", "we want", "can you", "could you", "reach", "reach out to", "target", "select",
        "pick", "win back", "reactivate", "re engage", "a list of", "list of", "the list of",
        "a segment of", "segment of", "help me find", "hi", "hello", "say", "hey",
    ]),
    (Joint::Filler, &["the", "our", "my", "please", "also", "still", "already",]),
    (Joint::All, &["all", "all of", "every", "each"]),
    (Joint::People, &["customers", "customer", "people", "shoppers", "users", "clients", "folks", "those", "persons", "individuals", "contacts", "ones"]),
    (Joint::Everyone, &["everyone", "everybody", "anyone", "anybody"]),
    (Joint::Who, &["who", "that", "which", "whom"]),
    (Joint::Be, &["are", "is", "be", "were", "was", "'s"]),
    (Joint::Have, &["have", "has", "had", "did", "do", "does", "'s"]),
    (Joint::Not, &["not"]),
    (Joint::Never, &["never"]),
    (Joint::And, &["and", "&", "as well as", "and also"]),
    (Joint::Or, &["or"]),
    (Joint::But, &["but", "but also"]),
    (Joint::Except, &["except", "except for", "excluding", "other than", "apart from", "with the exception of"]),
    (Joint::Either, &["either"]),
    (Joint::Neither, &["neither"]),
    (Joint::Nor, &["nor"]),
    (Joint::Comma, &[","]),
    (Joint::Open, &["("]),
    (Joint::Close, &[")"]),
    (Joint::Stop, &[".", "!", "?", ":", ";", "-"]),
];

/// Cost of a segmentation of the rest: the sum of [`missed_by`], then the number of
/// items.
type Cost = (usize, usize);

/// Segments the prompt with the fewest unknown tokens, and among those with the fewest
/// items. Uses dynamic programming, from the end of the prompt to its beginning.
pub(super) fn items(tokens: &[Token], scope: &Scope<'_>) -> Vec<PromptItem> {
    // `best[n]` is the best first item, and the cost of the whole rest, for the last
    // n + 1 tokens. Filled from the end, so that each entry only needs later ones.
    let mut best: Vec<(Cost, PromptItem)> = Vec::with_capacity(tokens.len());
    for at in (0..tokens.len()).rev() {
        let rest = |end: usize| match tokens.len() - end {
            0 => (0, 0),
            left => best[left - 1].0,
        };
        let cost = |item: &PromptItem| {
            let (missed, items) = rest(item.tokens.end);
            (missed + missed_by(&item.part), items + 1)
        };
        let readings = readings(TokenCursor::new(tokens, at), scope);
        let readings = readings.into_iter().map(|item| (cost(&item), item));
        best.extend(readings.min_by_key(|(cost, _)| *cost));
    }
    let mut items = Vec::new();
    let mut at = 0;
    while let Some((_, item)) = tokens
        .len()
        .checked_sub(at + 1)
        .and_then(|left| best.get(left))
    {
        at = item.tokens.end;
        items.push(item.clone());
    }
    items
}

/// Returns the cost of a part. A rejected phrase costs less than an unknown token, since
/// it has a more specific reason.
fn missed_by(part: &PromptPart) -> usize {
    match part {
        PromptPart::Unknown => 2,
        // Ambiguous words are understood, and must win over a segmentation that avoids the
        // ambiguity by leaving words unknown.
        PromptPart::Phrase(found) if found.said == Interpretation::Refused(TWO_WAYS) => 0,
        PromptPart::Phrase(found) if matches!(found.said, Interpretation::Refused(_)) => 1,
        _ => 0,
    }
}

/// Returns all items that may begin here, known ones before the unknown one.
fn readings(cursor: TokenCursor<'_>, scope: &Scope<'_>) -> Vec<PromptItem> {
    let at = cursor.at;
    let item = |part, end| PromptItem {
        part,
        tokens: at..end,
    };
    let phrase = |found: PhraseMatch| {
        let end = found.end;
        item(PromptPart::Phrase(found), end)
    };
    let mut readings: Vec<PromptItem> = phrases(cursor, scope).into_iter().map(phrase).collect();
    for (joint, choices) in JOINTS {
        for words in choices {
            let mut ahead = cursor;
            if ahead.take(words) {
                readings.push(item(PromptPart::Joint(joint), ahead.at));
            }
        }
    }
    readings.push(item(PromptPart::Unknown, at + 1));
    readings
}

/// Returns whether the tokens contain a negation.
pub(super) fn is_negative(tokens: &[Token]) -> bool {
    let negative = ["not", "never", "no", "without", "nothing", "zero"];
    tokens.iter().any(|token| match &token.kind {
        TokenKind::Word(word) => negative.contains(&word.as_str()),
        _ => false,
    })
}
