//! Patterns of phrases: `[have] (made|placed) <count> @orders`.
//!
//! ```text
//! word     that word
//! (a|b c)  one of these
//! [a|b c]  one of these, or nothing
//! @name    a class of words, from `CLASSES`
//! <slot>   a number, a time, a place …
//! ```

use super::meaning::Meaning;
use super::names::Names;
use super::quantities::{Bound, Readings, counts, times};
use super::times::{ago, dates, lengths, recently, silence, within};
use super::words::Cursor;
use super::{amounts, numbers};
use crate::Facts;

/// What patterns are held against.
pub(super) struct Scope<'f> {
    pub(super) facts: &'f Facts,
    pub(super) names: Names,
}

/// What stood in the place of a slot.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Slot {
    /// Comparisons with plain numbers, or minor units.
    Numbers(Vec<Bound>),
    /// Comparisons with days until now.
    Days(Vec<Bound>),
    /// Comparisons with dates.
    Dates(Vec<Bound>),
    /// A place or tags.
    Means(Meaning),
    /// So many of a hundred.
    Percent(i64),
}

/// A pattern made ready.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Element>);

#[derive(Debug)]
enum Element {
    Word(&'static str),
    Choice(Vec<Vec<Element>>),
    Slot(&'static str),
}

/// Words that stand for one another.
const CLASSES: [(&str, &str); 20] = [
    (
        "have",
        "have|has|had|'s|having|who have|have already|has already|have ever|have also|has also|'s already",
    ),
    (
        "having",
        "with|with a|with an|have|have a|have an|has|has a|has an|had|had a|had an|having|having a|having an|whose|their|a|an",
    ),
    (
        "people",
        "customers|customer|people|shoppers|users|clients|folks|everyone|everybody|anyone|anybody|those",
    ),
    (
        "all",
        "in total|in all|overall|altogether|so far|to date|till date|all together|all told",
    ),
    (
        "total",
        "in total|in all|total|overall|altogether|so far|to date|till date|with us|in our store|at our store|in their lifetime|till now|until now|a total of",
    ),
    ("spends", "spent|spend|spends|spending"),
    (
        "spend",
        "spend|spending|total spend|total spending|total spent|lifetime spend|lifetime spending|lifetime value|overall spend|cumulative spend|ltv|total purchase value",
    ),
    (
        "average",
        "aov|average order|avg order|average order value|avg order value|average order size|average basket|average basket size|average basket value|average bill|average bill value|average ticket size|average cart value|average transaction value|average purchase|average purchase value|average spend per order",
    ),
    (
        "each",
        "per order|per purchase|an order|each order|each time|every order|per transaction",
    ),
    ("buy", "ordered|bought|purchased|shopped|transacted"),
    (
        "tobuy",
        "order|orders|buy|buys|purchase|purchases|shop|shops|ordering|buying|purchasing|shopping",
    ),
    ("order", "order|orders|purchase|purchases"),
    ("made", "made|placed|done|completed"),
    (
        "thing",
        "anything|something|any product|a product|any products|a thing|any item|an item",
    ),
    (
        "us",
        "from us|with us|from our store|at our store|in our store|from our shop|on our site|on our website|here",
    ),
    (
        "yet",
        "yet|so far|ever|at all|before|already|till now|until now|till date|to date",
    ),
    (
        "where",
        "us|the store|the shop|the site|the website|the app|our store|our shop|our site|our website|our app|your store",
    ),
    (
        "visited",
        "visited|dropped by|dropped in|stopped by|came by",
    ),
    (
        "join",
        "registered|joined|signed up|enrolled|joined us|registered with us|signed up with us|created an account|became customers|became a customer",
    ),
    ("any", "a|an|any|some|at least one|at least 1"),
];

impl Pattern {
    pub(super) fn new(text: &'static str) -> Self {
        let mut rest = text;
        Self(sequence(&mut rest))
    }

    /// Whether it has a slot for how often.
    pub(super) fn tells_times(&self) -> bool {
        let is_times = |element: &Element| matches!(element, Element::Slot("times"));
        self.0.iter().any(is_times)
    }

    /// Each way to read what is next, with where it ends.
    pub(super) fn read(&self, cursor: Cursor<'_>, scope: &Scope<'_>) -> Vec<(Vec<Slot>, usize)> {
        let mut read = Vec::new();
        follow(&[&self.0], cursor, scope, &mut Vec::new(), &mut read);
        read
    }
}

/// Elements up to what closes them.
fn sequence(rest: &mut &'static str) -> Vec<Element> {
    let mut elements = Vec::new();
    loop {
        *rest = rest.trim_start();
        let Some(first) = rest.chars().next() else {
            return elements;
        };
        match first {
            ')' | ']' | '|' => return elements,
            '(' | '[' => elements.push(choice(rest, first == '[')),
            '<' => {
                let (slot, after) = rest[1..].split_once('>').unwrap_or((&rest[1..], ""));
                *rest = after;
                elements.push(Element::Slot(slot));
            }
            _ => {
                let end = rest
                    .find([' ', ')', ']', '|', '(', '['])
                    .unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                *rest = after;
                elements.push(match word.strip_prefix('@') {
                    Some(class) => class_of(class),
                    None => Element::Word(word),
                });
            }
        }
    }
}

fn choice(rest: &mut &'static str, is_optional: bool) -> Element {
    let mut choices = Vec::new();
    loop {
        *rest = &rest[1..];
        choices.push(sequence(rest));
        if !rest.starts_with('|') {
            break;
        }
    }
    *rest = rest.get(1..).unwrap_or_default();
    if is_optional {
        choices.push(Vec::new());
    }
    Element::Choice(choices)
}

fn class_of(name: &str) -> Element {
    let class = CLASSES.iter().find(|(class, _)| *class == name);
    let words = class.map_or("", |(_, words)| words).split('|');
    let each = |words: &'static str| words.split(' ').map(Element::Word).collect();
    Element::Choice(words.map(each).collect())
}

/// Goes through all sequences, the last one first, and notes where all end.
fn follow(
    sequences: &[&[Element]],
    cursor: Cursor<'_>,
    scope: &Scope<'_>,
    slots: &mut Vec<Slot>,
    read: &mut Vec<(Vec<Slot>, usize)>,
) {
    let Some((sequence, outer)) = sequences.split_last() else {
        read.push((slots.clone(), cursor.at));
        return;
    };
    let Some((element, rest)) = sequence.split_first() else {
        return follow(outer, cursor, scope, slots, read);
    };
    let mut then = outer.to_vec();
    then.push(rest);
    match element {
        Element::Word(word) => {
            let mut ahead = cursor;
            if ahead.take(word) {
                follow(&then, ahead, scope, slots, read);
            }
        }
        Element::Choice(choices) => {
            for choice in choices {
                let mut inner = then.clone();
                inner.push(choice);
                follow(&inner, cursor, scope, slots, read);
            }
        }
        Element::Slot(slot) => {
            for (value, end) in fill(slot, cursor, scope) {
                slots.push(value);
                follow(&then, cursor.from(end), scope, slots, read);
                slots.pop();
            }
        }
    }
}

/// What a slot can be.
fn fill(slot: &str, cursor: Cursor<'_>, scope: &Scope<'_>) -> Vec<(Slot, usize)> {
    let of = |make: fn(Vec<Bound>) -> Slot, readings: Readings| {
        let slots = readings
            .into_iter()
            .map(|(bounds, end)| (make(bounds), end));
        slots.collect()
    };
    let means = |meant: super::names::Meant| {
        let slots = meant
            .into_iter()
            .map(|(meaning, end)| (Slot::Means(meaning), end));
        slots.collect()
    };
    match slot {
        "money" => of(
            Slot::Numbers,
            amounts::amounts(cursor, scope.facts.currency),
        ),
        "count" => of(Slot::Numbers, counts(cursor)),
        "times" => of(Slot::Numbers, times(cursor)),
        "recently" => of(Slot::Days, recently(cursor)),
        "ago" => of(Slot::Days, ago(cursor)),
        "lengths" => of(Slot::Days, lengths(cursor)),
        "silence" => of(Slot::Days, silence(cursor)),
        "dates" => of(Slot::Dates, dates(cursor)),
        "places" => means(scope.names.places(cursor)),
        "place" => means(scope.names.place(cursor)),
        "tags" => means(scope.names.tags(cursor)),
        "tag" => means(scope.names.tag(cursor)),
        "tagged" => means(scope.names.tagged_people(cursor)),
        "amount" => plain_amount(cursor, scope).into_iter().collect(),
        "within" => {
            let bound = |(_, end)| (Slot::Days(Vec::new()), end);
            within(cursor).map(bound).into_iter().collect()
        }
        "percent" => percent(cursor).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn plain_amount(mut cursor: Cursor<'_>, scope: &Scope<'_>) -> Option<(Slot, usize)> {
    amounts::amount(&mut cursor, scope.facts.currency)?;
    Some((Slot::Numbers(Vec::new()), cursor.at))
}

fn percent(mut cursor: Cursor<'_>) -> Option<(Slot, usize)> {
    let percent = numbers::number(&mut cursor)?.whole()?;
    let is_one = cursor.take_any(&["%", "percent", "per cent", "pct"]);
    is_one.then_some((Slot::Percent(percent), cursor.at))
}
