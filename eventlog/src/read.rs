//! Reading the log, in order and backwards along one aggregate.

use std::collections::HashMap;
use std::sync::LazyLock;

use redis::{Script, Value};

use crate::commit::{Commit, decode_all, decode_each};
use crate::connection::Connection;
use crate::{Entry, Key, Layout, LogError, Partition, Position, counter};

/// The most entries asked for at once: Redis does nothing else meanwhile.
const AT_ONCE: usize = 4_000;

/// How many entries one step of a scan reads.
const SCANNED: usize = 64;

/// How many entries are asked for before it is known how large they are.
const FIRST: usize = 16;

/// About how many bytes of entries one call of the script returns.
const REPLY_BYTES: usize = 1 << 20;

/// Up to `count` events after `after`, by commit, checked to be gapless. The
/// first and the last commit may have some of their events only.
pub(crate) async fn commits(
    connection: &mut Connection,
    layout: &Layout,
    after: Position,
    count: usize,
) -> Result<Vec<Commit>, LogError> {
    let mut all: Vec<Commit> = Vec::new();
    let (mut at, mut read) = (after, 0);
    let mut entries = FIRST.min(count);
    while read < count {
        let most = at.number.saturating_add((count - read) as u64);
        let part = part(connection, layout, at, most, entries).await?;
        let Some(last) = part.last() else { break };
        let is_end = part.len() < entries;
        at.number = last.last.min(most);
        read += part.iter().map(|commit| commit.events.len()).sum::<usize>();
        all.extend(part);
        if is_end {
            break;
        }
        // What is left, if the commits that follow are like these.
        let each = (read / all.len()).max(1);
        entries = (count.saturating_sub(read) / each + 1).min(AT_ONCE);
    }
    Ok(all)
}

/// A step of [`scan`].
#[derive(Debug)]
pub struct Scanned {
    /// Commits, and what is wrong in between, in order.
    pub found: Vec<Result<Commit, LogError>>,
    /// Where to go on; `None` at the end of the partition.
    pub next: Option<Position>,
}

/// Some commits after a position, past what is missing or cannot be read.
/// Commits that begin before the position come whole.
pub(crate) async fn scan(
    connection: &mut Connection,
    layout: &Layout,
    after: Position,
) -> Result<Scanned, LogError> {
    let Position { partition, number } = after;
    let reply = entries_after(connection, layout, after, SCANNED).await?;
    let mut found = Vec::new();
    let mut at = number;
    for (last, commit) in decode_each(partition, reply)? {
        if let Ok(commit) = &commit
            && commit.first > at + 1
        {
            let here = Position {
                partition,
                number: at,
            };
            found.push(Err(
                gap(connection, layout, here, at + 1, commit.first).await?
            ));
        }
        found.push(commit);
        at = last;
    }
    let next = (at > number).then_some(Position {
        partition,
        number: at,
    });
    Ok(Scanned { found, next })
}

/// Some commits after a position, with their events up to number `most`.
async fn part(
    connection: &mut Connection,
    layout: &Layout,
    after: Position,
    most: u64,
    entries: usize,
) -> Result<Vec<Commit>, LogError> {
    let Position { partition, number } = after;
    let reply = entries_after(connection, layout, after, entries).await?;
    let commits = decode_all(partition, reply, |n| number < n && n <= most)?;
    let mut expected = number + 1;
    for commit in &commits {
        let is_first = expected == number + 1;
        let fits = match is_first {
            // The first one may begin before the position.
            true => commit.first <= expected && commit.last >= expected,
            false => commit.first == expected,
        };
        if !fits {
            return Err(gap(connection, layout, after, expected, commit.first).await?);
        }
        expected = commit.last + 1;
    }
    let wanted = commits
        .into_iter()
        .filter(|commit| !commit.events.is_empty());
    Ok(wanted.collect())
}

/// Up to `count` entries of a stream, from the one that holds the event after a
/// position.
async fn entries_after(
    connection: &mut Connection,
    layout: &Layout,
    after: Position,
    count: usize,
) -> Result<Value, LogError> {
    let reply = redis::cmd("XRANGE")
        .arg(layout.stream(after.partition))
        // An entry's id begins with the number of its last event.
        .arg(format!("{}-0", after.number + 1))
        .arg("+")
        .arg("COUNT")
        .arg(count)
        .query_async(connection)
        .await?;
    Ok(reply)
}

/// Why an event is missing: it was trimmed, or the log is damaged.
async fn gap(
    connection: &mut Connection,
    layout: &Layout,
    after: Position,
    missing: u64,
    found: u64,
) -> Result<LogError, LogError> {
    let partition = after.partition;
    let floor = counter::read(connection, layout, partition).await?;
    if let Some(floor) = floor.map(|counter| counter.floor)
        && missing < floor
    {
        let floor = Position {
            partition,
            number: floor,
        };
        return Ok(LogError::Trimmed { floor });
    }
    Ok(LogError::Damaged {
        at: Position {
            partition,
            number: found,
        },
        what: format!("a gap: number {missing} is missing"),
    })
}

/// Reads the commits that hold some events. A script does it, since only
/// Redis can tell without another round trip which numbers share a commit.
static READ_AT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local entries, size, i = {}, 0, 2 \
         while i <= #ARGV and size < tonumber(ARGV[1]) do \
           local entry = redis.call('XRANGE', KEYS[1], ARGV[i] .. '-0', '+', 'COUNT', 1)[1] \
           if not entry then i = #ARGV + 1 break end \
           entries[#entries + 1] = entry \
           for _, field in ipairs(entry[2]) do size = size + #field end \
           local last = tonumber(string.match(entry[1], '^%d+')) \
           repeat i = i + 1 until i > #ARGV or tonumber(ARGV[i]) > last \
         end \
         return {i - 2, entries}",
    )
});

/// Events with these numbers, in the same order; `None` where there is none.
pub(crate) async fn at(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    numbers: &[u64],
) -> Result<Vec<Option<Entry>>, LogError> {
    let mut wanted = numbers.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found = HashMap::with_capacity(wanted.len());
    let mut left = wanted.as_slice();
    while !left.is_empty() {
        let asked = &left[..left.len().min(AT_ONCE)];
        let mut invocation = READ_AT.key(layout.stream(partition));
        invocation.arg(REPLY_BYTES).arg(asked);
        let (done, reply): (usize, Value) = invocation.invoke_async(connection).await?;
        let is_wanted = |number: u64| asked.binary_search(&number).is_ok();
        for commit in decode_all(partition, reply, is_wanted)? {
            found.extend(commit.events.into_iter().map(|e| (e.position.number, e)));
        }
        left = &left[done.clamp(1, asked.len())..];
    }
    let mut taken = |number: &u64| found.get(number).cloned();
    Ok(numbers.iter().map(&mut taken).collect())
}

/// Up to `most` events of one aggregate, last to first, walking back from
/// `last`.
pub(crate) async fn history(
    connection: &mut Connection,
    layout: &Layout,
    key: &str,
    last: Position,
    most: usize,
) -> Result<Vec<Entry>, LogError> {
    let mut found: Vec<Entry> = Vec::new();
    let mut number = last.number;
    while number > 0 && found.len() < most {
        let here = Position { number, ..last };
        let before = Position {
            number: number - 1,
            ..last
        };
        // The whole commit: the aggregate may have several events in it.
        let commit = whole(connection, layout, before).await?;
        let mut events = commit.into_iter().flat_map(|commit| commit.events).rev();
        let Some(event) = events.find(|e| e.position.number == number && e.key == key) else {
            return Err(missing(connection, layout, here, key).await?);
        };
        number = event.previous;
        found.push(event);
        while let Some(event) = events.find(|e| e.position.number == number && e.key == key) {
            number = event.previous;
            found.push(event);
        }
    }
    found.truncate(most);
    Ok(found)
}

/// All events of several aggregates of one partition, first to last, in the
/// order asked for. They are walked back together, so that a step costs one
/// round trip for all of them.
pub(crate) async fn histories(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    of: &[(&Key, u64)],
) -> Result<Vec<Vec<Entry>>, LogError> {
    let mut histories: Vec<Vec<Entry>> = vec![Vec::new(); of.len()];
    let mut steps: Vec<(usize, u64)> = of.iter().map(|(_, last)| *last).enumerate().collect();
    loop {
        steps.retain(|(_, number)| *number > 0);
        if steps.is_empty() {
            break;
        }
        let numbers: Vec<u64> = steps.iter().map(|(_, number)| *number).collect();
        let events = at(connection, layout, partition, &numbers).await?;
        for ((index, number), event) in steps.iter_mut().zip(events) {
            let key = &*of[*index].0.text;
            let Some(event) = event.filter(|event| event.key == key) else {
                let at = Position {
                    partition,
                    number: *number,
                };
                return Err(missing(connection, layout, at, key).await?);
            };
            *number = event.previous;
            histories[*index].push(event);
        }
    }
    histories.iter_mut().for_each(|history| history.reverse());
    Ok(histories)
}

/// Why an event of an aggregate is not where its history leads.
async fn missing(
    connection: &mut Connection,
    layout: &Layout,
    at: Position,
    key: &str,
) -> Result<LogError, LogError> {
    match gap(connection, layout, at, at.number, at.number).await? {
        trimmed @ LogError::Trimmed { .. } => Ok(trimmed),
        _ => Ok(LogError::Damaged {
            at,
            what: format!("no event of {key}, to which its history leads"),
        }),
    }
}

/// The commit with the first event after a position, with all its events.
async fn whole(
    connection: &mut Connection,
    layout: &Layout,
    after: Position,
) -> Result<Option<Commit>, LogError> {
    let Position { partition, number } = after;
    let reply = entries_after(connection, layout, after, 1).await?;
    let commit = decode_all(partition, reply, |_| true)?.pop();
    match &commit {
        Some(commit) if commit.first > number + 1 => {
            Err(gap(connection, layout, after, number + 1, commit.first).await?)
        }
        _ => Ok(commit),
    }
}
