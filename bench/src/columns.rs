//! Prototype of counting without MongoDB: the fields of the benchmark's rules as columns in
//! memory, evaluated over all customers one condition after the other.

use std::collections::HashMap;
use std::ops::Bound;

use domain::Timestamp;
use domain::rules::{Check, Predicate, Range, Rules, Scalar, Test, Value};
use projections::customers::{CustomerDocument, path};

/// Marker of a missing value. No figure and no time is as small.
const ABSENT: i64 = i64::MIN;

/// Fields with numbers and times that the benchmark's rules use.
const NUMBERS: [&str; 6] = [
    "total_spend",
    "order_count",
    "last_order_at",
    "registered_at",
    "visits",
    "average_order_value",
];

/// Customers by column.
#[derive(Default)]
pub(super) struct Columns {
    numbers: [Vec<i64>; NUMBERS.len()],
    /// Number of each customer's city; 0 if it has none.
    cities: Vec<u32>,
    city_numbers: HashMap<String, u32>,
    /// One bit per customer for each tag, set if the customer has it.
    tags: HashMap<String, Vec<u64>>,
    count: usize,
}

/// Set of customers, one bit per customer.
type Bits = Vec<u64>;

impl Columns {
    pub(super) fn push(&mut self, customer: &CustomerDocument) {
        let facts = customer.facts();
        for (name, column) in NUMBERS.iter().zip(&mut self.numbers) {
            let field = domain::rules::Field::named(name);
            let value = field.map(|field| match field.value(&facts) {
                Value::Integer(number) => number,
                Value::Time(at) => at.millis(),
                _ => ABSENT,
            });
            column.push(value.unwrap_or(ABSENT));
        }
        let next = self.city_numbers.len() as u32 + 1;
        let city = facts
            .city
            .map(|city| *self.city_numbers.entry(city).or_insert(next));
        self.cities.push(city.unwrap_or_default());
        let (word, bit) = (self.count / 64, 1 << (self.count % 64));
        for tag in facts.tags {
            let bits = self.tags.entry(tag).or_default();
            bits.resize(word + 1, 0);
            bits[word] |= bit;
        }
        self.count += 1;
    }

    /// Returns the number of customers that match each node, from the top.
    pub(super) fn counts(&self, rules: &Rules, now: Timestamp) -> Vec<u64> {
        let mut counts = Vec::new();
        self.evaluate(&rules.at(now), &mut counts);
        counts
    }

    /// Returns the customers that match, and appends the counts: a node's before those of its
    /// parts.
    fn evaluate(&self, predicate: &Predicate, counts: &mut Vec<u64>) -> Bits {
        let place = counts.len();
        let combine = |parts: &[Predicate], counts: &mut Vec<u64>, join: fn(u64, u64) -> u64| {
            counts.push(0);
            let mut each = parts.iter().map(|part| self.evaluate(part, counts));
            let mut bits = each.next().unwrap_or_default();
            for other in each {
                bits.iter_mut()
                    .zip(other)
                    .for_each(|(a, b)| *a = join(*a, b));
            }
            bits
        };
        let bits = match predicate {
            Predicate::All(parts) => combine(parts, counts, |a, b| a & b),
            Predicate::Any(parts) => combine(parts, counts, |a, b| a | b),
            Predicate::Not(part) => return self.complement(self.evaluate(part, counts)),
            Predicate::Check(check) => {
                counts.push(0);
                self.check(check)
            }
        };
        counts[place] = bits.iter().map(|word| u64::from(word.count_ones())).sum();
        bits
    }

    fn check(&self, check: &Check) -> Bits {
        let bits = match &check.test {
            Test::Tagged(tag) => {
                let mut bits = self.tags.get(tag).cloned().unwrap_or_default();
                bits.resize(self.count.div_ceil(64), 0);
                bits
            }
            Test::Within(ranges) => self.within(&path(&check.field), ranges),
            _ => vec![0; self.count.div_ceil(64)],
        };
        match check.negated {
            true => self.complement(bits),
            false => bits,
        }
    }

    fn within(&self, path: &str, ranges: &[Range]) -> Bits {
        if path == "city" {
            let text = |range: &Range| match &range.from {
                Bound::Included(Scalar::Text(text)) => self.city_numbers.get(text).copied(),
                _ => None,
            };
            let wanted: Vec<u32> = ranges.iter().filter_map(text).collect();
            return bits(&self.cities, |city| wanted.contains(&city));
        }
        let name = if path == "events.visit.count" {
            "visits"
        } else {
            path
        };
        let column = NUMBERS.iter().position(|known| *known == name);
        let Some((column, range)) = column.zip(ranges.first()) else {
            return vec![0; self.count.div_ceil(64)];
        };
        let (from, to) = (lowest(&range.from), highest(&range.to));
        bits(&self.numbers[column], |value| from <= value && value <= to)
    }

    fn complement(&self, bits: Bits) -> Bits {
        let mut others: Bits = bits.into_iter().map(|word| !word).collect();
        // Bits past the last customer stay 0.
        if let (Some(last), rest @ 1..) = (others.last_mut(), self.count % 64) {
            *last &= (1 << rest) - 1;
        }
        others
    }
}

fn bits<T: Copy>(column: &[T], matches: impl Fn(T) -> bool) -> Bits {
    let word = |values: &[T]| {
        let bit = |word, (at, value): (usize, &T)| word | (u64::from(matches(*value)) << at);
        values.iter().enumerate().fold(0, bit)
    };
    column.chunks(64).map(word).collect()
}

fn lowest(bound: &Bound<Scalar>) -> i64 {
    match bound {
        Bound::Included(Scalar::Integer(value) | Scalar::Time(value)) => *value,
        Bound::Excluded(Scalar::Integer(value) | Scalar::Time(value)) => value + 1,
        _ => ABSENT + 1,
    }
}

fn highest(bound: &Bound<Scalar>) -> i64 {
    match bound {
        Bound::Included(Scalar::Integer(value) | Scalar::Time(value)) => *value,
        Bound::Excluded(Scalar::Integer(value) | Scalar::Time(value)) => value - 1,
        _ => i64::MAX,
    }
}
