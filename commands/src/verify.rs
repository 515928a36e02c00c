//! Whether every head is what its events make it.

use std::collections::HashMap;

use domain::{
    Activity, ApiKey, Assistance, Campaign, Customer, Message, Order, Refusals, Segment, Subject,
    User, View,
};
use eventlog::{Entry, Head, Log, LogError, Partition, Position};

use crate::kept::{Kept, decode, state};

/// How many entries are read at once.
const BATCH: usize = 2_000;

/// All kinds of aggregates that have heads.
const KINDS: [&str; 11] = [
    "customer",
    "order",
    "activity",
    "view",
    "segment",
    "campaign",
    "message",
    "user",
    "api_key",
    "refusals",
    "assistance",
];

/// What was found in one partition.
#[derive(Debug, Default)]
pub struct HeadsReport {
    /// How many events were read.
    pub events: u64,
    /// How many heads were compared.
    pub heads: u64,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {what}")]
pub struct Difference {
    /// Of which aggregate.
    pub key: String,
    /// What.
    pub what: String,
}

/// What the events of an aggregate come to.
struct Folded {
    version: u64,
    last: u64,
    aggregate: AnyAggregate,
}

enum AnyAggregate {
    Customer(Customer),
    Order(Order),
    Activity(Activity),
    View(View),
    Segment(Segment),
    Campaign(Campaign),
    Message(Message),
    User(User),
    ApiKey(ApiKey),
    Refusals(Refusals),
    Assistance(Assistance),
}

impl AnyAggregate {
    fn new(subject: &Subject) -> Self {
        match subject {
            Subject::Customer(_) => Self::Customer(Customer::default()),
            Subject::Order(..) => Self::Order(Order::default()),
            Subject::Activity(..) => Self::Activity(Activity::default()),
            Subject::View(_) => Self::View(View::default()),
            Subject::Segment(_) => Self::Segment(Segment::default()),
            Subject::Campaign(_) => Self::Campaign(Campaign::default()),
            Subject::Message(..) => Self::Message(Message::default()),
            Subject::User(_) => Self::User(User::default()),
            Subject::ApiKey(_) => Self::ApiKey(ApiKey::default()),
            Subject::Refusals(_) => Self::Refusals(Refusals::default()),
            Subject::Assistance(_) => Self::Assistance(Assistance::default()),
        }
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), domain::DecodeError> {
        match self {
            Self::Customer(a) => apply(a, entry),
            Self::Order(a) => apply(a, entry),
            Self::Activity(a) => apply(a, entry),
            Self::View(a) => apply(a, entry),
            Self::Segment(a) => apply(a, entry),
            Self::Campaign(a) => apply(a, entry),
            Self::Message(a) => apply(a, entry),
            Self::User(a) => apply(a, entry),
            Self::ApiKey(a) => apply(a, entry),
            Self::Refusals(a) => apply(a, entry),
            Self::Assistance(a) => apply(a, entry),
        }
    }

    fn kept(&self) -> (u32, String) {
        match self {
            Self::Customer(a) => kept(a),
            Self::Order(a) => kept(a),
            Self::Activity(a) => kept(a),
            Self::View(a) => kept(a),
            Self::Segment(a) => kept(a),
            Self::Campaign(a) => kept(a),
            Self::Message(a) => kept(a),
            Self::User(a) => kept(a),
            Self::ApiKey(a) => kept(a),
            Self::Refusals(a) => kept(a),
            Self::Assistance(a) => kept(a),
        }
    }
}

fn apply<A: Kept>(aggregate: &mut A, entry: &Entry) -> Result<(), domain::DecodeError> {
    aggregate.apply(decode::<A>(entry)?);
    Ok(())
}

fn kept<A: Kept>(aggregate: &A) -> (u32, String) {
    (A::FOLD, state(aggregate))
}

/// Folds all of a partition and compares every head with the outcome. Reads
/// up to the partition's end at the start; of heads that have moved on since,
/// only that the log has moved on too.
///
/// # Errors
/// [`LogError::Damaged`] for a gap in the numbers; other [`LogError`]s if
/// Redis does not answer.
pub async fn verify_heads(log: &Log, partition: Partition) -> Result<HeadsReport, LogError> {
    let end = log.last(partition).await?;
    let mut report = HeadsReport::default();
    let mut folded = HashMap::new();
    let mut at = Position {
        partition,
        number: 0,
    };
    while at.number < end.number {
        let entries = log.read(at, BATCH).await?;
        let Some(last) = entries.last() else {
            return Err(LogError::Damaged {
                at,
                what: format!("it ends here, {} entries were there before", end.number),
            });
        };
        at = last.position;
        for entry in entries.iter().filter(|e| e.position.number <= end.number) {
            report.events += 1;
            fold(&mut folded, entry, &mut report.differences);
        }
    }
    compare(log, partition, end, folded, &mut report).await?;
    Ok(report)
}

fn fold(folded: &mut HashMap<String, Folded>, entry: &Entry, found: &mut Vec<Difference>) {
    let mut differs = |what: String| {
        found.push(Difference {
            key: entry.key.clone(),
            what: format!("at {}: {what}", entry.position),
        });
    };
    let subject = match Subject::parse(&entry.key) {
        Ok(subject) => subject,
        Err(error) => return differs(error.to_string()),
    };
    let current = folded.entry(entry.key.clone()).or_insert_with(|| Folded {
        version: 0,
        last: 0,
        aggregate: AnyAggregate::new(&subject),
    });
    if entry.version != current.version + 1 {
        differs(format!(
            "version {} follows {}",
            entry.version, current.version
        ));
    }
    if entry.previous != current.last {
        differs(format!(
            "points back to {}, the event before is {}",
            entry.previous, current.last
        ));
    }
    current.version = entry.version;
    current.last = entry.position.number;
    if let Err(error) = current.aggregate.apply(entry) {
        differs(error.to_string());
    }
}

async fn compare(
    log: &Log,
    partition: Partition,
    end: Position,
    mut folded: HashMap<String, Folded>,
    report: &mut HeadsReport,
) -> Result<(), LogError> {
    let mut ahead = Vec::new();
    for kind in KINDS {
        for bucket in 0..log.layout().buckets() {
            for (key, head) in log.heads_in(partition, kind, bucket).await? {
                let expected = folded.remove(&key);
                if head.last > end.number {
                    ahead.push((key, head.last));
                    continue;
                }
                report.heads += 1;
                if let Some(what) = difference(expected, &head) {
                    report.differences.push(Difference { key, what });
                }
            }
        }
    }
    let missing = folded.into_keys().map(|key| Difference {
        key,
        what: "has events, but no head".to_owned(),
    });
    report.differences.extend(missing);
    let now = log.last(partition).await?.number;
    let beyond = ahead.into_iter().filter(|(_, last)| *last > now);
    report
        .differences
        .extend(beyond.map(|(key, last)| Difference {
            key,
            what: format!("the head is at number {last}, the log ends at {now}"),
        }));
    Ok(())
}

fn difference(expected: Option<Folded>, head: &Head) -> Option<String> {
    let Some(expected) = expected else {
        return Some("has a head, but no events".to_owned());
    };
    if (expected.version, expected.last) != (head.version, head.last) {
        return Some(format!(
            "the head is at version {} and number {}, the events at {} and {}",
            head.version, head.last, expected.version, expected.last
        ));
    }
    let (fold, state) = expected.aggregate.kept();
    (fold == head.fold && state != head.state)
        .then(|| format!("the head holds {}, the events make {state}", head.state))
}
