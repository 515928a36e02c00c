//! A prompt as phrases, and the words between them.

use std::ops::Range;

use super::phrases::{Found, Said, phrases};
use super::refusal::TWO_WAYS;
use super::slots::Scope;
use super::words::{Cursor, Kind, Token};

/// A stretch of the prompt, by its tokens.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) part: Part,
    pub(super) tokens: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// Something that is known.
    Phrase(Found),
    /// A word that phrases are put together with.
    Joint(Joint),
    /// Nothing that is known.
    Unknown,
}

/// What phrases are put together with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    /// What a request begins with: "show me".
    Lead,
    /// What changes nothing: "the".
    Filler,
    /// `all`, `every`
    All,
    /// `customers`
    People,
    /// `everyone`
    Everyone,
    Who,
    /// `are`
    Be,
    /// `have`, before something else than what they have
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
    /// The end of a sentence.
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

/// How bad a way to read the rest is: by tokens that are not understood, then
/// by how many items it takes.
type Cost = (usize, usize);

/// Cuts the prompt so that as little as possible is not understood, in as few
/// items as possible.
pub(super) fn items(tokens: &[Token], scope: &Scope<'_>) -> Vec<Item> {
    let mut best: Vec<(Cost, Item)> = Vec::with_capacity(tokens.len());
    for at in (0..tokens.len()).rev() {
        let rest = |end: usize| match tokens.len() - end {
            0 => (0, 0),
            left => best[left - 1].0,
        };
        let cost = |item: &Item| {
            let (missed, items) = rest(item.tokens.end);
            (missed + missed_by(&item.part), items + 1)
        };
        let readings = readings(Cursor::new(tokens, at), scope);
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

/// A phrase that is refused says why, which a word that is unknown does not.
fn missed_by(part: &Part) -> usize {
    match part {
        Part::Unknown => 2,
        // Words that have two meanings are understood.
        Part::Phrase(found) if found.said == Said::Refused(TWO_WAYS) => 0,
        Part::Phrase(found) if matches!(found.said, Said::Refused(_)) => 1,
        _ => 0,
    }
}

/// What may begin here, the known before the unknown.
fn readings(cursor: Cursor<'_>, scope: &Scope<'_>) -> Vec<Item> {
    let at = cursor.at;
    let item = |part, end| Item {
        part,
        tokens: at..end,
    };
    let phrase = |found: Found| {
        let end = found.end;
        item(Part::Phrase(found), end)
    };
    let mut readings: Vec<Item> = phrases(cursor, scope).into_iter().map(phrase).collect();
    for (joint, choices) in JOINTS {
        for words in choices {
            let mut ahead = cursor;
            if ahead.take(words) {
                readings.push(item(Part::Joint(joint), ahead.at));
            }
        }
    }
    readings.push(item(Part::Unknown, at + 1));
    readings
}

/// Whether a stretch says "not" in itself.
pub(super) fn is_negative(tokens: &[Token]) -> bool {
    let negative = ["not", "never", "no", "without", "nothing", "zero"];
    tokens.iter().any(|token| match &token.kind {
        Kind::Word(word) => negative.contains(&word.as_str()),
        _ => false,
    })
}
