//! Patterns of phrases: `[have] (made|placed) <count> @orders`.
//!
//! ```text
//! word     this word
//! (a|b c)  one of these
//! [a|b c]  one of these, or nothing
//! @name    a class of words, from `CLASSES`
//! <slot>   a number, a time, a place …
//! ```

use super::slots::{Scope, Slot, fill};
use super::words::TokenCursor;

/// Parsed pattern.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Element>);

#[derive(Debug)]
enum Element {
    Word(&'static str),
    Choice(Vec<Vec<Element>>),
    Slot(&'static str),
}

/// Classes of interchangeable words.
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

    /// Returns whether the pattern has a slot for a frequency.
    pub(super) fn tells_times(&self) -> bool {
        let is_times = |element: &Element| matches!(element, Element::Slot("times"));
        self.0.iter().any(is_times)
    }

    /// Returns all ways to match the next words, each with the values of its slots and
    /// its end.
    pub(super) fn read(
        &self,
        cursor: TokenCursor<'_>,
        scope: &Scope<'_>,
    ) -> Vec<(Vec<Slot>, usize)> {
        let mut reading = Reading {
            scope,
            slots: Vec::new(),
            read: Vec::new(),
        };
        reading.follow(&[&self.0], cursor);
        reading.read
    }
}

/// Parses elements up to a closing bracket or the end.
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
            _ => elements.push(word(rest)),
        }
    }
}

/// Parses a word, a class or a slot.
fn word(rest: &mut &'static str) -> Element {
    let end = rest.find([' ', ')', ']', '|', '(', '[']);
    let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = after;
    let slot = word.strip_prefix('<').and_then(|s| s.strip_suffix('>'));
    match (slot, word.strip_prefix('@')) {
        (Some(slot), _) => Element::Slot(slot),
        (_, Some(class)) => class_of(class),
        _ => Element::Word(word),
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

/// State of matching one pattern against the tokens.
struct Reading<'s> {
    scope: &'s Scope<'s>,
    slots: Vec<Slot>,
    read: Vec<(Vec<Slot>, usize)>,
}

impl Reading<'_> {
    /// Matches all remaining sequences, the innermost (last) one first, and records
    /// each complete match.
    fn follow(&mut self, sequences: &[&[Element]], cursor: TokenCursor<'_>) {
        let Some((sequence, outer)) = sequences.split_last() else {
            self.read.push((self.slots.clone(), cursor.at));
            return;
        };
        let Some((element, rest)) = sequence.split_first() else {
            return self.follow(outer, cursor);
        };
        let mut then = outer.to_vec();
        then.push(rest);
        self.element(element, then, cursor);
    }

    fn element(&mut self, element: &Element, then: Vec<&[Element]>, mut cursor: TokenCursor<'_>) {
        match element {
            Element::Word(word) if cursor.take(word) => self.follow(&then, cursor),
            Element::Word(_) => {}
            Element::Choice(choices) => {
                for choice in choices {
                    let mut inner = then.clone();
                    inner.push(choice);
                    self.follow(&inner, cursor);
                }
            }
            Element::Slot(slot) => {
                for (value, end) in fill(slot, cursor, self.scope) {
                    self.slots.push(value);
                    self.follow(&then, cursor.from(end));
                    self.slots.pop();
                }
            }
        }
    }
}
