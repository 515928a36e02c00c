//! Known names of a store: places and tags.

use std::collections::BTreeMap;

use domain::rules::Operator;
use serde_json::Value as Json;

use super::meaning::Meaning;
use super::words::{TokenCursor, TokenKind, tokens};
use crate::Facts;

/// Maximum number of partial readings of a list of places; longer lists are not read.
const MAX_LISTED: usize = 50;

/// Names of a store, tokenized so that they match regardless of case and hyphens.
pub(super) struct Names {
    cities: Vec<(Vec<TokenKind>, String)>,
    countries: Vec<(Vec<TokenKind>, String)>,
    tags: Vec<(Vec<TokenKind>, String)>,
    /// Tags with an appended "s".
    plurals: Vec<(Vec<TokenKind>, String)>,
}

/// Readings of the next words, each with its end.
pub(super) type Meant = Vec<(Meaning, usize)>;

impl Names {
    pub(super) fn of(facts: &Facts) -> Self {
        let listed = |names: &BTreeMap<String, u64>| {
            let both = |name: &String| {
                // A name with underscores also matches when it is written with spaces.
                let (as_is, apart) = (kinds(name), kinds(&name.replace('_', " ")));
                let is_other = (as_is != apart).then(|| (apart, name.clone()));
                [Some((as_is, name.clone())), is_other]
            };
            let names = names.keys().flat_map(both).flatten();
            names.filter(|(kinds, _)| !kinds.is_empty()).collect()
        };
        let tags: Vec<_> = listed(&facts.tags);
        Self {
            cities: listed(&facts.cities),
            countries: listed(&facts.countries),
            plurals: tags.iter().filter_map(plural).collect(),
            tags,
        }
    }

    /// Returns whether a word is the name of both a city and a country.
    pub(super) fn is_two_places(&self, word: &str) -> bool {
        let kind = [TokenKind::Word(word.to_owned())];
        let has =
            |names: &[(Vec<TokenKind>, String)]| names.iter().any(|(kinds, _)| kinds == &kind);
        has(&self.cities) && has(&self.countries)
    }

    /// Reads a place: `Mumbai`, `the city of Singapore`, `"Nashik" city`.
    pub(super) fn place(&self, cursor: TokenCursor<'_>) -> Meant {
        let mut ahead = cursor;
        let before = ahead.take_any(&["the city of", "the city", "city of", "city"]);
        let is_country = !before && ahead.take_any(&["the country of", "the country", "country"]);
        ahead.take("the");
        let fields: &[&str] = match (before, is_country) {
            (true, _) => &["city"],
            (_, true) => &["country"],
            _ => &["city", "country"],
        };
        let mut meant = Vec::new();
        for field in fields {
            for (spellings, end) in self.spelled(ahead, field) {
                let meaning = one_of(field, &spellings);
                let mut after = ahead.from(end);
                let is_said = fields.len() == 1
                    || after.take(field)
                    || after.take(&format!("( the {field} )"));
                meant.push((meaning, after.at, is_said));
            }
        }
        unambiguous(meant)
    }

    fn spelled(&self, cursor: TokenCursor<'_>, field: &str) -> Vec<(Vec<String>, usize)> {
        if let Some(TokenKind::Quoted(text)) = cursor.peek() {
            return vec![(vec![text.clone()], cursor.at + 1)];
        }
        let names = match field {
            "city" => &self.cities,
            _ => &self.countries,
        };
        known(cursor, names)
    }

    /// Reads a list of places: `Delhi, Pune or Goa`.
    pub(super) fn places(&self, cursor: TokenCursor<'_>) -> Meant {
        let mut meant = self.place(cursor);
        let mut at = 0;
        while let Some((meaning, end)) = meant.get(at).filter(|_| at < MAX_LISTED).cloned() {
            let mut after = cursor.from(end);
            let comma = after.take(",");
            let is_or = after.take("or");
            let is_and = !is_or && after.take("and");
            if comma || is_or || is_and {
                after.take_any(&["in", "from"]);
                for (other, end) in self.place(after) {
                    let is_same = field(&meaning) == field(&other);
                    if is_or || is_same {
                        meant.push((merged(meaning.clone(), other), end));
                    }
                }
            }
            at += 1;
        }
        meant
    }

    /// Reads a known tag.
    pub(super) fn tag(&self, cursor: TokenCursor<'_>) -> Meant {
        let tagged = |(spellings, end): (Vec<String>, usize)| (tagged(&spellings), end);
        known(cursor, &self.tags).into_iter().map(tagged).collect()
    }

    /// Reads customers named by their tag: `VIPs`, `students`.
    pub(super) fn tagged_people(&self, cursor: TokenCursor<'_>) -> Meant {
        let tagged = |(spellings, end): (Vec<String>, usize)| (tagged(&spellings), end);
        known(cursor, &self.plurals)
            .into_iter()
            .map(tagged)
            .collect()
    }

    /// Reads one or two tags, known or in quotes: `vip`, `vip and "summer sale"`.
    pub(super) fn tags(&self, cursor: TokenCursor<'_>) -> Meant {
        let one = |cursor: TokenCursor<'_>| match cursor.peek() {
            Some(TokenKind::Quoted(text)) => {
                vec![(tagged(std::slice::from_ref(text)), cursor.at + 1)]
            }
            _ => self.tag(cursor),
        };
        let mut meant = one(cursor);
        for (first, end) in meant.clone() {
            for (word, together) in [
                ("or", Meaning::any as fn(Vec<Meaning>) -> Meaning),
                ("and", Meaning::all),
            ] {
                let mut after = cursor.from(end);
                if after.take(word) {
                    let both = |(other, end)| (together(vec![first.clone(), other]), end);
                    meant.extend(one(after).into_iter().map(both));
                }
            }
        }
        meant
    }
}

fn plural((kinds, name): &(Vec<TokenKind>, String)) -> Option<(Vec<TokenKind>, String)> {
    let mut kinds = kinds.clone();
    match kinds.last_mut()? {
        TokenKind::Word(word) => word.push('s'),
        _ => return None,
    }
    Some((kinds, name.clone()))
}

fn kinds(name: &str) -> Vec<TokenKind> {
    tokens(name).into_iter().map(|token| token.kind).collect()
}

/// Returns all spellings of known names that come next, by their end.
fn known(cursor: TokenCursor<'_>, names: &[(Vec<TokenKind>, String)]) -> Vec<(Vec<String>, usize)> {
    let mut found: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (kinds, name) in names {
        let mut ahead = cursor;
        if kinds.iter().all(|kind| ahead.next() == Some(kind)) {
            found.entry(ahead.at).or_default().push(name.clone());
        }
    }
    found.into_iter().map(|(end, names)| (names, end)).collect()
}

/// Keeps the unambiguous readings: those that say whether a city or a country is meant,
/// or all of them if only one kind matches.
fn unambiguous(meant: Vec<(Meaning, usize, bool)>) -> Meant {
    let fields = |(meaning, ..): &(Meaning, usize, bool)| {
        field(meaning) == meant.first().and_then(|(m, ..)| field(m))
    };
    let is_one = meant.iter().all(fields);
    let is_clear = |(_, _, is_said): &&(Meaning, usize, bool)| *is_said || is_one;
    let clear = meant.iter().filter(is_clear);
    clear
        .map(|(meaning, end, _)| (meaning.clone(), *end))
        .collect()
}

fn one_of(field: &str, values: &[String]) -> Meaning {
    match values {
        [one] => Meaning::is(field, Operator::Equal, one.as_str()),
        many => {
            let values = many.iter().map(|value| value.as_str().into()).collect();
            Meaning::Is(field.to_owned(), Operator::In, values)
        }
    }
}

fn tagged(spellings: &[String]) -> Meaning {
    let contains = |tag: &String| Meaning::is("tags", Operator::Contains, tag.as_str());
    Meaning::any(spellings.iter().map(contains).collect())
}

fn field(meaning: &Meaning) -> Option<&str> {
    match meaning {
        Meaning::Is(field, ..) => Some(field),
        _ => None,
    }
}

/// Combines two alternatives; values of the same field are merged.
fn merged(one: Meaning, other: Meaning) -> Meaning {
    match (one, other) {
        (Meaning::Is(field, _, mut values), Meaning::Is(same, _, more)) if field == same => {
            let more: Vec<Json> = more.into_iter().filter(|v| !values.contains(v)).collect();
            values.extend(more);
            Meaning::Is(field, Operator::In, values)
        }
        (one, other) => Meaning::any(vec![one, other]),
    }
}
