//! Reading the log, in order and backwards along one aggregate.

use redis::Value;

use crate::connection::Connection;
use crate::entry::{Entry, entries};
use crate::{Layout, LogError, Partition, Position};

/// The most entries asked for at once: Redis does nothing else meanwhile.
const AT_ONCE: usize = 4_000;

/// Up to `count` entries after `after`, checked to be gapless.
pub(crate) async fn range(
    connection: &mut Connection,
    layout: &Layout,
    after: Position,
    count: usize,
) -> Result<Vec<Entry>, LogError> {
    let mut all = part(connection, layout, after, count.min(AT_ONCE)).await?;
    let mut last = all.len();
    while last == AT_ONCE && all.len() < count {
        let at = all.last().map_or(after, |entry| entry.position);
        let rest = AT_ONCE.min(count - all.len());
        let more = part(connection, layout, at, rest).await?;
        last = more.len();
        all.extend(more);
    }
    Ok(all)
}

async fn part(
    connection: &mut Connection,
    layout: &Layout,
    after: Position,
    count: usize,
) -> Result<Vec<Entry>, LogError> {
    let Position { partition, number } = after;
    let reply: Value = redis::cmd("XRANGE")
        .arg(layout.stream(partition))
        .arg(format!("{}-0", number + 1))
        .arg("+")
        .arg("COUNT")
        .arg(count)
        .query_async(connection)
        .await?;
    let entries = entries(partition, reply)?;
    for (expected, entry) in (number + 1..).zip(&entries) {
        if entry.position.number != expected {
            return Err(LogError::Damaged {
                at: entry.position,
                what: format!("a gap: number {expected} is missing"),
            });
        }
    }
    Ok(entries)
}

/// Entries at these numbers, in the same order; `None` where there is none.
pub(crate) async fn at(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    numbers: &[u64],
) -> Result<Vec<Option<Entry>>, LogError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let mut pipe = redis::pipe();
    for number in numbers {
        let id = format!("{number}-0");
        pipe.cmd("XRANGE")
            .arg(layout.stream(partition))
            .arg(&id)
            .arg(&id);
    }
    let replies: Vec<Value> = pipe.query_async(connection).await?;
    replies
        .into_iter()
        .map(|reply| Ok(entries(partition, reply)?.pop()))
        .collect()
}

/// The number of the last entry; 0 for an empty partition.
pub(crate) async fn last(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
) -> Result<u64, LogError> {
    let length = redis::cmd("XLEN")
        .arg(layout.stream(partition))
        .query_async(connection)
        .await?;
    Ok(length)
}

/// All entries of one aggregate, first to last, walking back from `last`.
pub(crate) async fn history(
    connection: &mut Connection,
    layout: &Layout,
    key: &str,
    last: Position,
) -> Result<Vec<Entry>, LogError> {
    let mut found = Vec::new();
    let mut number = last.number;
    while number > 0 {
        let here = Position { number, ..last };
        let entry = at(connection, layout, last.partition, &[number])
            .await?
            .pop();
        let Some(entry) = entry.flatten().filter(|entry| entry.key == key) else {
            return Err(LogError::Damaged {
                at: here,
                what: format!("no event of {key}, to which its history leads"),
            });
        };
        if entry.previous >= number {
            return Err(LogError::Damaged {
                at: here,
                what: "the back pointer does not lead back".to_owned(),
            });
        }
        number = entry.previous;
        found.push(entry);
    }
    found.reverse();
    Ok(found)
}
