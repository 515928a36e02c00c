//! Known phrases, in one table per subject.

mod contact;
mod orders;
mod places;
mod registered;
mod spend;
mod visits;

use std::sync::LazyLock;

use super::activity;
use super::pattern::Pattern;
use super::phrase::{Interpretation, Make, Manner, PhraseMatch, PhraseRow};
use super::rejection::TWO_WAYS;
use super::slots::{Scope, Slot};
use super::words::TokenCursor;

static PHRASES: LazyLock<Vec<(Manner, Pattern, Make)>> = LazyLock::new(|| {
    let tables = [
        spend::ROWS,
        orders::ROWS,
        visits::ROWS,
        registered::ROWS,
        places::ROWS,
        contact::ROWS,
    ];
    let ready = |(manner, pattern, make): &PhraseRow| (*manner, Pattern::new(pattern), *make);
    tables.iter().copied().flatten().map(ready).collect()
});

/// Returns all phrases that begin here.
pub(super) fn phrases(cursor: TokenCursor<'_>, scope: &Scope<'_>) -> Vec<PhraseMatch> {
    let mut found = Vec::new();
    for (manner, pattern, make) in PHRASES.iter() {
        for (slots, end) in pattern.read(cursor, scope) {
            let is_timed = |slot: &Slot| matches!(slot, Slot::Days(_) | Slot::Dates(_));
            let is_adverbial = pattern.tells_times() || slots.iter().any(is_timed);
            let is_measured = slots.iter().any(|slot| matches!(slot, Slot::Numbers(_)));
            found.extend(make(scope, &slots).map(|said| PhraseMatch {
                said,
                manner: *manner,
                is_measured,
                is_adverbial,
                end,
            }));
        }
    }
    found.extend(activity::activities(cursor, scope));
    // A pattern of optional elements can match no token. Such a match would not advance
    // the segmentation.
    found.retain(|found| found.end > cursor.at);
    unambiguous(found)
}

/// Rejects words with two different meanings.
fn unambiguous(mut found: Vec<PhraseMatch>) -> Vec<PhraseMatch> {
    let is_meaning = |found: &&PhraseMatch| matches!(found.said, Interpretation::Means(_));
    let contradicts = |one: &PhraseMatch| {
        let mut others = found.iter().filter(|other| other.end == one.end);
        others.any(|other| is_meaning(&other) && other.said != one.said)
    };
    let both = |found: &PhraseMatch| is_meaning(&found) && contradicts(found);
    let unclear: Vec<usize> = found.iter().filter(|f| both(f)).map(|f| f.end).collect();
    for found in found.iter_mut().filter(|f| unclear.contains(&f.end)) {
        found.said = Interpretation::Refused(TWO_WAYS);
    }
    found
}
