//! Customers made up so that rules which differ at all differ for some: their
//! values lie on, just below and just above all that the rules compare with.

use std::collections::{BTreeMap, BTreeSet};

use domain::Timestamp;
use domain::rules::{ActivityFacts, CustomerFacts, Kind, Literal, NodeRef, Rules};

const DAY: i64 = 86_400_000;

/// How many customers there are.
const SIZE: usize = 6_000;

/// When is asked.
pub(crate) fn now() -> Timestamp {
    Timestamp::try_from("2026-06-30T12:00:00Z").unwrap()
}

/// Numbers that look random, and are always the same.
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

/// What is compared with anywhere, and what is next to it.
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
        for rules in all {
            for (_, node) in rules.nodes() {
                if let NodeRef::Condition(condition) = node {
                    let field = condition.field().to_string();
                    if let Some(name) = field.strip_prefix("events.") {
                        let (name, _) = name.rsplit_once('.').unwrap();
                        values.activities.insert(name.to_owned());
                    }
                    for literal in condition.values() {
                        values.add(&field, condition.field().kind(), literal);
                    }
                }
            }
        }
        values
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

/// Customers among whom all these rules differ that are not the same.
pub(crate) fn population(rules: &[Rules]) -> Vec<CustomerFacts> {
    let values = Values::of(rules);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    (0..SIZE).map(|_| customer(&values, &mut dice)).collect()
}

fn customer(values: &Values, dice: &mut Dice) -> CustomerFacts {
    let list = |set: &BTreeSet<i64>| set.iter().copied().collect::<Vec<_>>();
    let (money, counts, times) = (
        list(&values.money),
        list(&values.counts),
        list(&values.times),
    );
    let texts = |field: &str| -> Vec<String> {
        values
            .texts
            .get(field)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    };
    let time = |dice: &mut Dice| {
        let at = *dice.one_of(&times);
        (dice.roll(4) > 0).then(|| Timestamp::from_millis(at).unwrap())
    };
    let text = |field: &str, dice: &mut Dice| {
        let known = texts(field);
        (dice.roll(4) > 0 && !known.is_empty()).then(|| dice.one_of(&known).clone())
    };
    let count = |dice: &mut Dice| match dice.roll(4) {
        0 => 0,
        _ => (*dice.one_of(&counts)).max(0),
    };
    let events = values
        .activities
        .iter()
        .map(|name| name.as_str())
        .chain(["visit"]);
    let events: Vec<(String, ActivityFacts)> = events
        .map(|name| {
            let (count, last_at) = (count(dice), time(dice));
            (name.to_owned(), ActivityFacts { count, last_at })
        })
        .collect();
    let tags = texts("tags");
    CustomerFacts {
        email: (dice.roll(2) > 0).then(|| "a@example.com".to_owned()),
        phone: (dice.roll(2) > 0).then(|| "+910000000000".to_owned()),
        city: text("city", dice),
        country: text("country", dice),
        tags: tags.into_iter().filter(|_| dice.roll(3) == 0).collect(),
        registered_at: time(dice),
        unsubscribed: dice.roll(2) > 0,
        total_spend: (*dice.one_of(&money)).max(0),
        order_count: count(dice),
        average_order_value: (dice.roll(3) > 0).then(|| (*dice.one_of(&money)).max(0)),
        first_order_at: time(dice),
        last_order_at: time(dice),
        events: events.into_iter().collect(),
        ..CustomerFacts::default()
    }
}
