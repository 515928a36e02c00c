//! Verification of heads: compares each head with the state folded from its
//! events.

use std::collections::HashMap;

use domain::{
    Activity, Address, ApiKey, Campaign, Claim, Customer, DecodeError, Demo, Import, Merges,
    Message, Order, Quarantine, Segment, Subject, SubjectError, User, ViewRequests,
};
use eventlog::{Entry, Head, Log, LogError, Partition, Position};

use crate::heads::{HeadAggregate, decode, state};

/// All kinds of aggregates that have heads.
const KINDS: [&str; 15] = [
    "customer",
    "order",
    "activity",
    "view",
    "segment",
    "campaign",
    "message",
    "user",
    "api_key",
    "quarantine",
    "demo",
    "import",
    "address",
    "claim",
    "merges",
];

/// Result of the verification of one partition.
#[derive(Debug, Default)]
pub struct HeadsReport {
    /// Number of events read.
    pub events: u64,
    /// Number of the first event that the partition keeps.
    pub floor: u64,
    /// Number of heads compared.
    pub heads: u64,
    /// Differences between heads and events, and damage of the log.
    pub differences: Vec<Difference>,
    /// Events that cannot be decoded, which views have in quarantine. The states
    /// in the heads of their aggregates are not compared.
    pub unreadable: Vec<Difference>,
}

/// Difference found by the verification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {what}")]
pub struct Difference {
    /// Key of the aggregate, or the partition.
    pub key: String,
    /// Description of the difference.
    pub what: String,
}

/// State of an aggregate, folded from its events.
struct Folded {
    version: u64,
    last: u64,
    /// True if the log still has all events of the aggregate and all can be
    /// decoded.
    is_whole: bool,
    aggregate: AnyAggregate,
}

enum AnyAggregate {
    Customer(Customer),
    Order(Order),
    Activity(Activity),
    View(ViewRequests),
    Segment(Segment),
    Campaign(Campaign),
    Message(Message),
    User(User),
    ApiKey(ApiKey),
    Quarantine(Quarantine),
    Demo(Demo),
    Import(Import),
    Address(Address),
    Claim(Claim),
    Merges(Merges),
}

impl AnyAggregate {
    /// Returns the empty state of a subject's aggregate; `None` for plain
    /// records, which have no head.
    fn new(subject: &Subject) -> Option<Self> {
        Some(match subject {
            Subject::Customer(_) => Self::Customer(Customer::default()),
            Subject::Order(..) => Self::Order(Order::default()),
            Subject::Activity(..) => Self::Activity(Activity::default()),
            Subject::View(_) => Self::View(ViewRequests::default()),
            Subject::Segment(_) => Self::Segment(Segment::default()),
            Subject::Campaign(_) => Self::Campaign(Campaign::default()),
            Subject::Message(..) => Self::Message(Message::default()),
            Subject::User(_) => Self::User(User::default()),
            Subject::ApiKey(_) => Self::ApiKey(ApiKey::default()),
            Subject::Quarantine(_) => Self::Quarantine(Quarantine::default()),
            Subject::Demo => Self::Demo(Demo::default()),
            Subject::Import(_) => Self::Import(Import::default()),
            Subject::Address(_) => Self::Address(Address::default()),
            Subject::Claim(..) => Self::Claim(Claim::default()),
            Subject::Merges => Self::Merges(Merges::default()),
            Subject::Refusals(_) | Subject::Assistance(_) | Subject::Log(_) => return None,
        })
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), DecodeError> {
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
            Self::Quarantine(a) => apply(a, entry),
            Self::Demo(a) => apply(a, entry),
            Self::Import(a) => apply(a, entry),
            Self::Address(a) => apply(a, entry),
            Self::Claim(a) => apply(a, entry),
            Self::Merges(a) => apply(a, entry),
        }
    }

    fn fold_and_state(&self) -> (u32, String) {
        match self {
            Self::Customer(a) => fold_and_state(a),
            Self::Order(a) => fold_and_state(a),
            Self::Activity(a) => fold_and_state(a),
            Self::View(a) => fold_and_state(a),
            Self::Segment(a) => fold_and_state(a),
            Self::Campaign(a) => fold_and_state(a),
            Self::Message(a) => fold_and_state(a),
            Self::User(a) => fold_and_state(a),
            Self::ApiKey(a) => fold_and_state(a),
            Self::Quarantine(a) => fold_and_state(a),
            Self::Demo(a) => fold_and_state(a),
            Self::Import(a) => fold_and_state(a),
            Self::Address(a) => fold_and_state(a),
            Self::Claim(a) => fold_and_state(a),
            Self::Merges(a) => fold_and_state(a),
        }
    }
}

fn apply<A: HeadAggregate>(aggregate: &mut A, entry: &Entry) -> Result<(), DecodeError> {
    aggregate.apply_recorded(decode::<A>(entry)?, &entry.meta);
    Ok(())
}

fn fold_and_state<A: HeadAggregate>(aggregate: &A) -> (u32, String) {
    (A::FOLD, state(aggregate))
}

/// Folds all events of a partition and compares every head with the result.
/// Reads up to the partition's end at the time of the call. A head that is beyond
/// that end is only checked not to be ahead of the log's current end. Anything
/// missing or unreadable is reported, and the rest is still compared. If an
/// aggregate has events below the floor, the state in its head is not compared.
///
/// # Errors
/// [`LogError`] if Redis does not answer.
pub async fn verify_heads(log: &Log, partition: Partition) -> Result<HeadsReport, LogError> {
    let end = log.last(partition).await?;
    let floors = log.floors().await?;
    let floor = floors
        .get(usize::from(partition))
        .map_or(1, |floor| floor.number);
    let mut report = HeadsReport {
        floor,
        ..HeadsReport::default()
    };
    let mut folded = HashMap::new();
    let mut at = Position {
        partition,
        number: floor - 1,
    };
    while at.number < end.number {
        let scanned = log.scan(at).await?;
        for found in scanned.found {
            let commit = match found {
                Ok(commit) => commit,
                Err(damage) => {
                    report.differences.push(Difference {
                        key: format!("partition {partition}"),
                        what: damage.to_string(),
                    });
                    continue;
                }
            };
            let wanted = |e: &&Entry| (floor..=end.number).contains(&e.position.number);
            for event in commit.events.iter().filter(wanted) {
                report.events += 1;
                fold(&mut folded, floor, event, &mut report);
            }
        }
        let Some(next) = scanned.next else {
            report.differences.push(Difference {
                key: format!("partition {partition}"),
                what: format!("the log ends at {at}, its counter says {}", end.number),
            });
            break;
        };
        at = next;
    }
    compare(log, partition, end, folded, &mut report).await?;
    Ok(report)
}

fn fold(folded: &mut HashMap<String, Folded>, floor: u64, entry: &Entry, report: &mut HeadsReport) {
    let difference = |what: String| Difference {
        key: entry.key.clone(),
        what: format!("at {}: {what}", entry.position),
    };
    let subject = match Subject::parse(&entry.key) {
        Ok(subject) => subject,
        Err(error @ SubjectError::Unknown(_)) => {
            return report.differences.push(difference(error.to_string()));
        }
        Err(error) => return report.unreadable.push(difference(error.to_string())),
    };
    let Some(new) = AnyAggregate::new(&subject) else {
        return;
    };
    let current = folded.entry(entry.key.clone()).or_insert_with(|| Folded {
        version: 0,
        last: 0,
        is_whole: true,
        aggregate: new,
    });
    // The first events of the aggregate were trimmed, so its state cannot be
    // folded.
    if current.version == 0 && (1..floor).contains(&entry.previous) {
        current.is_whole = false;
    }
    let follows = (current.version + 1, current.last);
    if current.is_whole && (entry.version, entry.previous) != follows {
        report.differences.push(difference(format!(
            "version {} with previous event {} follows version {} at event {}",
            entry.version, entry.previous, current.version, current.last
        )));
    }
    current.version = entry.version;
    current.last = entry.position.number;
    if current.is_whole
        && let Err(error) = current.aggregate.apply(entry)
    {
        let found = difference(error.to_string());
        match error {
            DecodeError::Unknown(_) => report.differences.push(found),
            DecodeError::Malformed { .. } => {
                current.is_whole = false;
                report.unreadable.push(found);
            }
        }
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
        for bucket in log.filled_buckets(partition, kind).await? {
            for (key, head) in log.heads_in(partition, kind, bucket).await? {
                let expected = folded.remove(&key);
                let Some(head) = head else {
                    let what = "the head is not readable".to_owned();
                    report.differences.push(Difference { key, what });
                    continue;
                };
                if head.last > end.number {
                    ahead.push((key, head.last));
                    continue;
                }
                report.heads += 1;
                if let Some(what) = difference(expected, &head, report.floor) {
                    report.differences.push(Difference { key, what });
                }
            }
        }
    }
    let has_head = |(_, folded): &(String, Folded)| folded.version > 0;
    let missing = folded
        .into_iter()
        .filter(has_head)
        .map(|(key, _)| Difference {
            key,
            what: "has events, but no head".to_owned(),
        });
    report.differences.extend(missing);
    // Read after the heads: concurrent appends cannot explain a head that is
    // ahead of this end.
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

fn difference(expected: Option<Folded>, head: &Head, floor: u64) -> Option<String> {
    let Some(expected) = expected else {
        let is_kept = head.last >= floor;
        return is_kept.then(|| "has a head, but no events".to_owned());
    };
    if (expected.version, expected.last) != (head.version, head.last) {
        return Some(format!(
            "the head is at version {} and number {}, the events at {} and {}",
            head.version, head.last, expected.version, expected.last
        ));
    }
    let (fold, state) = expected.aggregate.fold_and_state();
    (expected.is_whole && fold == head.fold && state != head.state).then(|| {
        format!(
            "the head has the state {}, its events fold to {state}",
            head.state
        )
    })
}
