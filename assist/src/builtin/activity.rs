//! Phrases about activities, by the names that the store has for them: `email_open` is
//! recognized in "opened 3 emails", "no email opens", "never opened an email".

use domain::rules::Operator;

use super::meaning::Meaning;
use super::phrase::{Interpretation, Manner, PhraseMatch};
use super::quantities::{Bound, counts, times};
use super::slots::Scope;
use super::words::{TokenCursor, TokenKind, tokens};

/// Verbs for an activity whose name is a single noun: "wrote a review".
const DONE: [&str; 9] = [
    "wrote",
    "written",
    "left",
    "posted",
    "gave",
    "given",
    "submitted",
    "made",
    "did",
];

const ANY: [&str; 6] = ["at least one", "a", "an", "any", "some", "one"];

/// Returns all readings of the next words as a known activity.
pub(super) fn activities(cursor: TokenCursor<'_>, scope: &Scope<'_>) -> Vec<PhraseMatch> {
    let mut found = Vec::new();
    for name in scope.facts.activities.keys() {
        let stems = stems(name.as_str());
        // Visits have phrases of their own.
        if stems.is_empty() || name.as_str() == "visit" {
            continue;
        }
        let field = format!("events.{name}.count");
        let mut readings = read_noun(cursor, &stems);
        readings.extend(read_verb(cursor, &stems));
        found.extend(
            readings
                .into_iter()
                .map(|(bounds, manner, end)| PhraseMatch {
                    is_measured: bounds != at_least_once(),
                    is_adverbial: false,
                    said: Interpretation::Means(Meaning::within(&field, bounds)),
                    manner,
                    end,
                }),
        );
    }
    found
}

type Reading = (Vec<Bound>, Manner, usize);

fn stems(name: &str) -> Vec<String> {
    let stemmed = |kind: TokenKind| match kind {
        TokenKind::Word(word) => Some(stem(&word)),
        _ => None,
    };
    let stems: Option<Vec<String>> = tokens(&name.replace('_', " "))
        .into_iter()
        .map(|t| stemmed(t.kind))
        .collect();
    stems.unwrap_or_default()
}

/// Returns the stem of a word: `opened`, `opens` and `open` have the same one.
fn stem(word: &str) -> String {
    let stem = match word {
        word if word.ends_with("ies") => return format!("{}y", &word[..word.len() - 3]),
        word if word.ends_with("ss") => word,
        word => ["ing", "ed", "s"]
            .iter()
            .find_map(|end| word.strip_suffix(end))
            .unwrap_or(word),
    };
    stem.trim_end_matches('e').to_owned()
}

fn take_stems<'s>(
    cursor: &mut TokenCursor<'_>,
    stems: impl IntoIterator<Item = &'s String>,
) -> bool {
    let mut ahead = *cursor;
    let mut is_next = |stem: &String| match ahead.next() {
        Some(TokenKind::Word(word)) => self::stem(word) == *stem,
        _ => false,
    };
    let all = stems.into_iter().all(&mut is_next);
    if all {
        *cursor = ahead;
    }
    all
}

/// Reads activity as a noun: `with more than 2 email clicks`, `no reviews`.
fn read_noun(mut cursor: TokenCursor<'_>, stems: &[String]) -> Vec<Reading> {
    let has = cursor.take_any(&["with", "have", "has", "had", "having", "who have"]);
    let mut readings = Vec::new();
    let mut after = cursor;
    // "with reviews", but not "have reviewed".
    let last = after.from(after.at + stems.len().saturating_sub(1));
    let is_plural = last.word().is_some_and(|word| word.ends_with('s'));
    if has && is_plural && take_stems(&mut after, stems) {
        readings.push((at_least_once(), Manner::Post, after.at));
    }
    for (bounds, end) in amounts(cursor) {
        let mut after = cursor.from(end);
        if take_stems(&mut after, stems) {
            readings.push((bounds, Manner::Post, after.at));
        }
    }
    readings
}

/// Reads activity as a verb: `opened 3 emails`, `never wrote a review`, `added to cart
/// twice`.
fn read_verb(mut cursor: TokenCursor<'_>, stems: &[String]) -> Vec<Reading> {
    cursor.take_any(&["have", "has", "had", "who have"]);
    let is_none = cursor.take_any(&["not", "never"]);
    let mut readings = Vec::new();
    for index in 0..stems.len() {
        let mut after = cursor;
        let mut things: Vec<&String> = stems.iter().collect();
        let did = match stems {
            [_] => after.take_any(&DONE),
            _ => take_stems(&mut after, [things.remove(index)]),
        };
        if did {
            readings.extend(read_object(after, &things));
        }
    }
    let mut after = cursor;
    if take_stems(&mut after, stems) {
        readings.extend(read_frequency(after));
    }
    match is_none {
        false => readings,
        true => readings.into_iter().filter_map(negated).collect(),
    }
}

fn read_object(cursor: TokenCursor<'_>, things: &[&String]) -> Vec<Reading> {
    let mut readings = Vec::new();
    for (bounds, end) in amounts(cursor) {
        let mut after = cursor.from(end);
        if take_stems(&mut after, things.iter().copied()) {
            if bounds == at_least_once() {
                after.take("at least once");
            }
            readings.push((bounds, Manner::Verb, after.at));
        }
    }
    let mut after = cursor;
    if take_stems(&mut after, things.iter().copied()) {
        readings.extend(read_frequency(after));
    }
    readings
}

/// Reads a frequency: `twice`, or nothing for at least once.
fn read_frequency(cursor: TokenCursor<'_>) -> Vec<Reading> {
    let mut readings = vec![(at_least_once(), Manner::Verb, cursor.at)];
    let times = times(cursor).into_iter();
    readings.extend(times.map(|(bounds, end)| (bounds, Manner::Verb, end)));
    readings
}

/// Reads an amount: `3`, `at least 3`, `an`, `no`.
fn amounts(cursor: TokenCursor<'_>) -> Vec<(Vec<Bound>, usize)> {
    let mut amounts = counts(cursor);
    let mut after = cursor;
    if after.take_any(&["no", "zero", "without any", "without"]) {
        amounts.push((vec![Bound::one(Operator::Equal, 0)], after.at));
    } else if after.take_any(&ANY) {
        // "one" may also be the number.
        let is_number = amounts.iter().any(|(_, end)| *end == after.at);
        amounts.extend((!is_number).then(|| (at_least_once(), after.at)));
    }
    amounts
}

fn at_least_once() -> Vec<Bound> {
    vec![Bound::one(Operator::AtLeast, 1)]
}

/// Negates a reading of at least once, which then means never. Returns `None` for other
/// amounts, whose negation is ambiguous.
fn negated((bounds, manner, end): Reading) -> Option<Reading> {
    (bounds == at_least_once()).then(|| (vec![Bound::one(Operator::Equal, 0)], manner, end))
}
