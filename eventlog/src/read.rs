//! Reads of the log: in order, and backwards along one aggregate.

use std::collections::HashMap;
use std::sync::LazyLock;

use redis::{Script, Value};

use crate::commit::{Commit, decode_all, decode_each};
use crate::connection::Connection;
use crate::{Entry, Key, Layout, LogError, Partition, Position, counter};

/// Largest number of entries per command, since Redis executes nothing else meanwhile.
const AT_ONCE: usize = 4_000;

/// Number of entries that one step of a scan reads.
const SCANNED: usize = 64;

/// Number of entries of the first read, before their size is known.
const FIRST: usize = 16;

/// Approximate size of the entries that one call of the script returns, in bytes.
const REPLY_BYTES: usize = 1 << 20;

/// Reads up to `count` events after `after`, by commit, and checks that no number is
/// missing. The first and the last commit may be partial.
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
        let part = read_part(connection, layout, at, most, entries).await?;
        let Some(last) = part.last() else { break };
        let is_end = part.len() < entries;
        at.number = last.last.min(most);
        read += part.iter().map(|commit| commit.events.len()).sum::<usize>();
        all.extend(part);
        if is_end {
            break;
        }
        // Estimated from the average size of the commits read so far.
        let each = (read / all.len()).max(1);
        entries = (count.saturating_sub(read) / each + 1).min(AT_ONCE);
    }
    Ok(all)
}

/// Result of one step of [`scan`].
#[derive(Debug)]
pub struct ScanStep {
    /// Commits and errors, in the order of the log.
    pub found: Vec<Result<Commit, LogError>>,
    /// Position from which to continue; `None` at the end of the partition.
    pub next: Option<Position>,
}

/// Reads some commits after a position, and continues after missing or unreadable
/// entries. A commit that contains the position is returned whole.
pub(crate) async fn scan(
    connection: &mut Connection,
    layout: &Layout,
    after: Position,
) -> Result<ScanStep, LogError> {
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
            found.push(Err(gap_error(
                connection,
                layout,
                here,
                at + 1,
                commit.first,
            )
            .await?));
        }
        found.push(commit);
        at = last;
    }
    let next = (at > number).then_some(Position {
        partition,
        number: at,
    });
    Ok(ScanStep { found, next })
}

/// Reads some commits after a position, with their events up to number `most`.
async fn read_part(
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
            // The position may be inside the first commit.
            true => commit.first <= expected && commit.last >= expected,
            false => commit.first == expected,
        };
        if !fits {
            return Err(gap_error(connection, layout, after, expected, commit.first).await?);
        }
        expected = commit.last + 1;
    }
    let wanted = commits
        .into_iter()
        .filter(|commit| !commit.events.is_empty());
    Ok(wanted.collect())
}

/// Reads up to `count` entries of a stream, starting with the one that contains the
/// event after a position.
async fn entries_after(
    connection: &mut Connection,
    layout: &Layout,
    after: Position,
    count: usize,
) -> Result<Value, LogError> {
    let reply = redis::cmd("XRANGE")
        .arg(layout.stream(after.partition))
        // Ids begin with the number of the entry's last event, so the first entry at
        // or after this id contains the event.
        .arg(format!("{}-0", after.number + 1))
        .arg("+")
        .arg("COUNT")
        .arg(count)
        .query_async(connection)
        .await?;
    Ok(reply)
}

/// Determines why an event is missing: it was trimmed, or the log is damaged.
async fn gap_error(
    connection: &mut Connection,
    layout: &Layout,
    after: Position,
    missing: u64,
    found: u64,
) -> Result<LogError, LogError> {
    let partition = after.partition;
    // Read after the gap was found: the floor moves together with the stream, so a
    // trim between the two reads is seen here.
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
        what: format!("event {missing} is missing"),
    })
}

/// Reads the commits that contain some events.
// A script, since only Redis can determine without further round trips which numbers
// share a commit. It stops once the reply is large enough, and returns how many numbers
// are done.
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

/// Reads the events with these numbers, in the same order; `None` for a number without
/// an event.
pub(crate) async fn events_at(
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
        // At least one number is done per call, so the loop ends even if the script
        // returns nothing.
        left = &left[done.clamp(1, asked.len())..];
    }
    let mut taken = |number: &u64| found.get(number).cloned();
    Ok(numbers.iter().map(&mut taken).collect())
}

/// Reads up to `most` events of one aggregate, last to first, by following the back
/// pointers from `last`.
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
        // The whole commit is read, since it may contain several events of the
        // aggregate; they then cost no further round trip.
        let commit = whole_commit(connection, layout, before).await?;
        let mut events = commit.into_iter().flat_map(|commit| commit.events).rev();
        let Some(event) = events.find(|e| e.position.number == number && e.key == key) else {
            return Err(missing_error(connection, layout, here, key).await?);
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

/// Reads all events of several aggregates of one partition, in the order of `of`, each
/// first to last. The aggregates are walked back together, so that each step costs one
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
        let events = events_at(connection, layout, partition, &numbers).await?;
        for ((index, number), event) in steps.iter_mut().zip(events) {
            let key = &*of[*index].0.text;
            let Some(event) = event.filter(|event| event.key == key) else {
                let at = Position {
                    partition,
                    number: *number,
                };
                return Err(missing_error(connection, layout, at, key).await?);
            };
            *number = event.previous;
            histories[*index].push(event);
        }
    }
    histories.iter_mut().for_each(|history| history.reverse());
    Ok(histories)
}

/// Determines why a back pointer does not lead to an event of the aggregate.
async fn missing_error(
    connection: &mut Connection,
    layout: &Layout,
    at: Position,
    key: &str,
) -> Result<LogError, LogError> {
    match gap_error(connection, layout, at, at.number, at.number).await? {
        trimmed @ LogError::Trimmed { .. } => Ok(trimmed),
        _ => Ok(LogError::Damaged {
            at,
            what: format!("there is no event of {key}, although its history leads here"),
        }),
    }
}

/// Reads the commit that contains the event after a position, with all its events.
async fn whole_commit(
    connection: &mut Connection,
    layout: &Layout,
    after: Position,
) -> Result<Option<Commit>, LogError> {
    let Position { partition, number } = after;
    let reply = entries_after(connection, layout, after, 1).await?;
    let commit = decode_all(partition, reply, |_| true)?.pop();
    match &commit {
        Some(commit) if commit.first > number + 1 => {
            Err(gap_error(connection, layout, after, number + 1, commit.first).await?)
        }
        _ => Ok(commit),
    }
}
