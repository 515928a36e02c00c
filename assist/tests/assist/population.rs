//! Generated customers that distinguish different rules: their values are on, just below
//! and just above all values that the rules compare with.

use std::collections::{BTreeMap, BTreeSet};

use domain::Timestamp;
use domain::rules::{ActivityFacts, Condition, CustomerFacts, Kind, Literal, NodeRef, Rules};

const DAY: i64 = 86_400_000;

/// Number of generated customers.
const SIZE: usize = 6_000;

/// Returns the time at which rules are evaluated.
pub(crate) fn now() -> Timestamp {
    Timestamp::try_from("2026-06-30T12:00:00Z").unwrap()
}

/// Deterministic pseudorandom number generator (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.roll(choices.len())]
    }
}

/// Values that any rules compare with, and their neighbors.
#[derive(Default)]
struct Values {
    money: BTreeSet<i64>,
    counts: BTreeSet<i64>,
    times: BTreeSet<i64>,
    texts: BTreeMap<String, BTreeSet<String>>,
    activities: BTreeSet<String>,
}

impl Values {
    fn of(all: &[Rules]) -> Self {
        let mut values = Self::default();
        values.money.insert(0);
        values.counts.extend(0..12);
        let nodes = all.iter().flat_map(|rules| rules.nodes());
        for (_, node) in nodes {
            if let NodeRef::Condition(condition) = node {
                values.add_all(condition);
            }
        }
        values
    }

    fn add_all(&mut self, condition: &Condition) {
        let field = condition.field().to_string();
        if let Some(name) = field.strip_prefix("events.") {
            let (name, _) = name.rsplit_once('.').unwrap();
            self.activities.insert(name.to_owned());
        }
        for literal in condition.values() {
            self.add(&field, condition.field().kind(), literal);
        }
    }

    fn add(&mut self, field: &str, kind: Kind, literal: &Literal) {
        let around = |value: i64, step: i64| [value - step, value, value + step];
        match (kind, literal) {
            (Kind::Money, Literal::Integer(minor)) => self.money.extend(around(*minor, 1)),
            (Kind::Count, Literal::Integer(count)) => self.counts.extend(around(*count, 1)),
            (Kind::Days, Literal::Integer(days)) => {
                let at = now().millis() - days * DAY;
                self.times.extend(around(at, DAY));
                self.times.extend(around(at, 1));
            }
            (_, Literal::Time(moment)) => {
                self.times.extend(around(moment.first(), 1));
                self.times.extend(around(moment.last(), 1));
            }
            (_, Literal::Text(text)) => {
                let texts = self.texts.entry(field.to_owned()).or_default();
                texts.insert(text.as_str().to_owned());
            }
            _ => {}
        }
    }
}

/// Generates customers among whom different rules select different customers.
pub(crate) fn population(rules: &[Rules]) -> Vec<CustomerFacts> {
    let values = Values::of(rules);
    let listed = |set: &BTreeSet<i64>| set.iter().copied().collect();
    let mut maker = Maker {
        money: listed(&values.money),
        counts: listed(&values.counts),
        times: listed(&values.times),
        values,
        dice: Dice(0x9e37_79b9_7f4a_7c15),
    };
    (0..SIZE).map(|_| maker.customer()).collect()
}

struct Maker {
    money: Vec<i64>,
    counts: Vec<i64>,
    times: Vec<i64>,
    values: Values,
    dice: Dice,
}

impl Maker {
    fn customer(&mut self) -> CustomerFacts {
        let flag = |dice: &mut Dice| dice.roll(2) > 0;
        CustomerFacts {
            email: flag(&mut self.dice).then(|| "a@example.com".to_owned()),
            phone: flag(&mut self.dice).then(|| "+910000000000".to_owned()),
            city: self.text("city"),
            country: self.text("country"),
            tags: self.tags(),
            registered_at: self.time(),
            unsubscribed: flag(&mut self.dice),
            total_spend: self.money(),
            order_count: self.count(),
            average_order_value: flag(&mut self.dice).then(|| self.money()),
            first_order_at: self.time(),
            last_order_at: self.time(),
            events: self.events(),
            ..CustomerFacts::default()
        }
    }

    fn money(&mut self) -> i64 {
        (*self.dice.one_of(&self.money)).max(0)
    }

    fn count(&mut self) -> i64 {
        match self.dice.roll(4) {
            0 => 0,
            _ => (*self.dice.one_of(&self.counts)).max(0),
        }
    }

    fn time(&mut self) -> Option<Timestamp> {
        let at = *self.dice.one_of(&self.times);
        (self.dice.roll(4) > 0).then(|| Timestamp::from_millis(at).unwrap())
    }

    fn texts(&self, field: &str) -> Vec<String> {
        let texts = self.values.texts.get(field).into_iter();
        texts.flatten().cloned().collect()
    }

    fn text(&mut self, field: &str) -> Option<String> {
        let known = self.texts(field);
        let has_one = self.dice.roll(4) > 0 && !known.is_empty();
        has_one.then(|| self.dice.one_of(&known).clone())
    }

    fn tags(&mut self) -> Vec<String> {
        let tags = self.texts("tags").into_iter();
        tags.filter(|_| self.dice.roll(3) == 0).collect()
    }

    fn events(&mut self) -> BTreeMap<String, ActivityFacts> {
        let mut names = self.values.activities.clone();
        names.insert("visit".to_owned());
        let mut event = |name| {
            let (count, last_at) = (self.count(), self.time());
            (name, ActivityFacts { count, last_at })
        };
        names.into_iter().map(&mut event).collect()
    }
}
