//! What customers did, by the names that the store has for it: `email_open` is
//! found as "opened 3 emails", "no email opens", "never opened an email".

use domain::rules::Operator;

use super::meaning::Meaning;
use super::phrases::{Found, Manner, Said};
use super::quantities::{Bound, counts, times};
use super::slots::Scope;
use super::words::{Cursor, Kind, tokens};

/// What can be done with a thing whose name is all there is.
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

/// All ways to read what is next as activity that is known.
pub(super) fn activities(cursor: Cursor<'_>, scope: &Scope<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for name in scope.facts.activities.keys() {
        let stems = stems(name.as_str());
        // Visits have phrases of their own.
        if stems.is_empty() || name.as_str() == "visit" {
            continue;
        }
        let field = format!("events.{name}.count");
        let mut readings = had(cursor, &stems);
        readings.extend(did(cursor, &stems));
        found.extend(readings.into_iter().map(|(bounds, manner, end)| Found {
            is_measured: bounds != some(),
            is_adverbial: false,
            said: Said::Means(Meaning::within(&field, bounds)),
            manner,
            end,
        }));
    }
    found
}

type Reading = (Vec<Bound>, Manner, usize);

fn stems(name: &str) -> Vec<String> {
    let stemmed = |kind: Kind| match kind {
        Kind::Word(word) => Some(stem(&word)),
        _ => None,
    };
    let stems: Option<Vec<String>> = tokens(&name.replace('_', " "))
        .into_iter()
        .map(|t| stemmed(t.kind))
        .collect();
    stems.unwrap_or_default()
}

/// A word without what grammar adds to it: `opened`, `opens` and `open` are
/// the same.
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

fn take_stems<'s>(cursor: &mut Cursor<'_>, stems: impl IntoIterator<Item = &'s String>) -> bool {
    let mut ahead = *cursor;
    let mut is_next = |stem: &String| match ahead.next() {
        Some(Kind::Word(word)) => self::stem(word) == *stem,
        _ => false,
    };
    let all = stems.into_iter().all(&mut is_next);
    if all {
        *cursor = ahead;
    }
    all
}

/// Whether the last of these words ends in "s": `with reviews`, but not "have
/// reviewed".
fn is_plural(cursor: Cursor<'_>, stems: &[String]) -> bool {
    let last = cursor.from(cursor.at + stems.len().saturating_sub(1));
    last.word().is_some_and(|word| word.ends_with('s'))
}

/// `with more than 2 email clicks`, `no reviews`.
fn had(mut cursor: Cursor<'_>, stems: &[String]) -> Vec<Reading> {
    let has = cursor.take_any(&["with", "have", "has", "had", "having", "who have"]);
    let mut readings = Vec::new();
    let mut after = cursor;
    if has && is_plural(after, stems) && take_stems(&mut after, stems) {
        readings.push((some(), Manner::Post, after.at));
    }
    for (bounds, end) in amounts(cursor) {
        let mut after = cursor.from(end);
        if take_stems(&mut after, stems) {
            readings.push((bounds, Manner::Post, after.at));
        }
    }
    readings
}

/// `opened 3 emails`, `never wrote a review`, `added to cart twice`.
fn did(mut cursor: Cursor<'_>, stems: &[String]) -> Vec<Reading> {
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
            readings.extend(thing(after, &things));
        }
    }
    let mut after = cursor;
    if take_stems(&mut after, stems) {
        readings.extend(often(after));
    }
    match is_none {
        false => readings,
        true => readings.into_iter().filter_map(none).collect(),
    }
}

fn thing(cursor: Cursor<'_>, things: &[&String]) -> Vec<Reading> {
    let mut readings = Vec::new();
    for (bounds, end) in amounts(cursor) {
        let mut after = cursor.from(end);
        if take_stems(&mut after, things.iter().copied()) {
            if bounds == some() {
                after.take("at least once");
            }
            readings.push((bounds, Manner::Verb, after.at));
        }
    }
    let mut after = cursor;
    if take_stems(&mut after, things.iter().copied()) {
        readings.extend(often(after));
    }
    readings
}

/// `twice`, or at least once.
fn often(cursor: Cursor<'_>) -> Vec<Reading> {
    let mut readings = vec![(some(), Manner::Verb, cursor.at)];
    let times = times(cursor).into_iter();
    readings.extend(times.map(|(bounds, end)| (bounds, Manner::Verb, end)));
    readings
}

/// `3`, `at least 3`, `an`, `no`.
fn amounts(cursor: Cursor<'_>) -> Vec<(Vec<Bound>, usize)> {
    let mut amounts = counts(cursor);
    let mut after = cursor;
    if after.take_any(&["no", "zero", "without any", "without"]) {
        amounts.push((vec![Bound::one(Operator::Equal, 0)], after.at));
    } else if after.take_any(&ANY) {
        // "one" may also be the number.
        let is_number = amounts.iter().any(|(_, end)| *end == after.at);
        amounts.extend((!is_number).then(|| (some(), after.at)));
    }
    amounts
}

fn some() -> Vec<Bound> {
    vec![Bound::one(Operator::AtLeast, 1)]
}

/// "never" any is none; never so many is not said here.
fn none((bounds, manner, end): Reading) -> Option<Reading> {
    (bounds == some()).then(|| (vec![Bound::one(Operator::Equal, 0)], manner, end))
}
