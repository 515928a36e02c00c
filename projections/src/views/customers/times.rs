//! Times of one series of a customer: of the orders, or of the activities of one
//! name.

use bson::DateTime;
use domain::Timestamp;
use serde::de::value::{BytesDeserializer, MapAccessDeserializer};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::instant_counts::InstantCounts;
use super::instants::{Instants, InstantsError};
use crate::runtime::date::{date, timestamp};
use crate::runtime::view::FoldError;

/// Times of one series in ascending order, with repeats.
///
/// # Shape
/// Up to a few hundred times are all in `newest`. With more, the newest and the
/// oldest stay here, and the times between them are in buckets, which are
/// documents of their own. Additions and removals between the ends collect in
/// `added` and `removed` until there are enough to be worth writing buckets. So
/// the first and the last time are always known without reading a bucket, and
/// most events touch none.
///
/// # Correctness
/// The times are `oldest + (buckets + added - removed) + newest`, as multisets;
/// no time in one of the three groups is later than a time in the next. While
/// there are times between the ends, neither end is empty.
///
/// The place of each time follows from the sequence of events alone, never from
/// how they are batched.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Times {
    newest: Instants,
    #[serde(skip_serializing_if = "Instants::is_empty")]
    oldest: Instants,
    #[serde(skip_serializing_if = "Instants::is_empty")]
    added: Instants,
    #[serde(skip_serializing_if = "Instants::is_empty")]
    removed: Instants,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    buckets: Vec<Bucket>,
}

/// A bucket, as listed in the customer's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// Number of the bucket within its series, starting at 0. Buckets are never
    /// dropped.
    #[serde(rename = "b")]
    pub(crate) index: i32,
    /// Start of the bucket's range, which ends at the next bucket's start. The
    /// first bucket also has all times before its start.
    pub(crate) from: DateTime,
    /// Number of times in the bucket, with repeats.
    pub(crate) count: i64,
    /// Number of the last event folded into the bucket.
    pub(crate) number: i64,
}

/// Limits on the times in a customer's document and on the size of buckets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimesLimits {
    /// Maximum number of times at each end.
    pub(crate) end: usize,
    /// Maximum number of pending changes between the ends.
    pub(crate) pending: usize,
    /// Maximum number of different times in a bucket.
    pub(crate) bucket: usize,
    /// Maximum number of buckets that one event changes.
    pub(crate) changed: usize,
}

impl TimesLimits {
    /// Limits of the documents in MongoDB.
    pub(crate) const STORED: Self = Self {
        end: 256,
        pending: 512,
        bucket: 16_384,
        changed: 16,
    };

    /// No limits, for folds in memory: all times stay in the document.
    pub(crate) const NONE: Self = Self {
        end: usize::MAX,
        pending: usize::MAX,
        bucket: usize::MAX,
        changed: usize::MAX,
    };
}

/// Reason why an event cannot be folded with the given document and buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FoldStop {
    /// The fold needs the buckets with these ids, which it was not given.
    Needs(Vec<String>),
    /// The event changes buckets of a series that an earlier event of the round
    /// has read. The earlier events must be written first.
    ReadEarlier,
    /// A bucket has a number that neither the document nor the event explains:
    /// another process has changed it.
    Overtaken,
    /// The event contradicts the document.
    Invalid(FoldError),
}

impl From<InstantsError> for FoldStop {
    fn from(error: InstantsError) -> Self {
        Self::Invalid(FoldError(error.to_string()))
    }
}

/// Storage of the buckets of one series.
pub(crate) trait BucketStore {
    /// Returns the times of a bucket. Fails if the stored bucket is not the one
    /// that the document lists.
    fn read(&mut self, bucket: &Bucket) -> Result<InstantCounts, FoldStop>;

    /// Checks that these buckets can be changed by the current event.
    fn prepare(&mut self, buckets: &[&Bucket]) -> Result<(), FoldStop>;

    /// Adds a new bucket.
    fn insert(&mut self, index: i32, times: InstantCounts) -> Result<Bucket, FoldStop>;

    /// Changes a bucket, and splits it if it then has more than `max` different
    /// times. Returns the bucket and those split from it, whose indices start
    /// at `next`.
    fn change(
        &mut self,
        bucket: &Bucket,
        added: &Instants,
        removed: &Instants,
        next: i32,
        max: usize,
    ) -> Result<Vec<Bucket>, FoldStop>;
}

enum End {
    Oldest,
    Newest,
}

impl Times {
    /// Returns the earliest time.
    pub fn first(&self) -> Option<Timestamp> {
        self.oldest.first().or_else(|| self.newest.first())
    }

    /// Returns the latest time.
    pub fn last(&self) -> Option<Timestamp> {
        self.newest.last().or_else(|| self.oldest.last())
    }

    /// Adds a time.
    pub(crate) fn insert(&mut self, time: Timestamp) {
        if self.newest.first().is_some_and(|first| time >= first) {
            self.newest.insert(time);
        } else if self.oldest.last().is_some_and(|last| time <= last) {
            self.oldest.insert(time);
        } else if self.middle_len() == 0 {
            // Nothing lies between the ends, so the newest end can grow downward.
            self.newest.insert(time);
        } else {
            self.add_to_middle(time);
        }
    }

    /// Removes one occurrence of a time.
    ///
    /// # Errors
    /// [`InstantsError::Absent`] if the time is known to be absent. A time that
    /// may be in a bucket is checked when that bucket is next written.
    pub(crate) fn remove(&mut self, time: Timestamp) -> Result<(), InstantsError> {
        let in_ends = self
            .newest
            .remove(time)
            .or_else(|_| self.oldest.remove(time));
        if in_ends.is_ok() {
            return Ok(());
        }
        if self.added.remove(time).is_ok() {
            return Ok(());
        }
        // All times in buckets are already removed, so none can be this one.
        if self.bucketed_len() <= self.removed.len() {
            return Err(InstantsError::Absent(time));
        }
        self.removed.insert(time);
        Ok(())
    }

    fn add_to_middle(&mut self, time: Timestamp) {
        if self.removed.remove(time).is_err() {
            self.added.insert(time);
        }
    }

    /// Returns the number of times between the ends.
    fn middle_len(&self) -> usize {
        (self.bucketed_len() + self.added.len()).saturating_sub(self.removed.len())
    }

    fn bucketed_len(&self) -> usize {
        let count: i64 = self.buckets.iter().map(|bucket| bucket.count).sum();
        usize::try_from(count).unwrap_or_default()
    }

    /// Enforces the limits. Called after each event, so that the result does not
    /// depend on how events are batched.
    pub(crate) fn rebalance(
        &mut self,
        limits: &TimesLimits,
        store: &mut impl BucketStore,
    ) -> Result<(), FoldStop> {
        self.trim_ends(limits);
        if (self.oldest.is_empty() || self.newest.is_empty()) && self.middle_len() > 0 {
            // An event that reads buckets must not change them as well: a fold that
            // is repeated after a crash must read the same times.
            return self.refill_ends(limits, store);
        }
        if self.added.len() + self.removed.len() > limits.pending {
            return self.flush(limits, store);
        }
        Ok(())
    }

    /// Cuts an end that exceeds its limit to half of the limit, so that most
    /// events do not move any times.
    fn trim_ends(&mut self, limits: &TimesLimits) {
        if self.newest.len() > limits.end {
            let surplus = self.newest.len() - limits.end / 2;
            let moved = self.newest.take_first(surplus);
            let fits = self.oldest.len() + moved.len() <= limits.end;
            if self.middle_len() == 0 && fits {
                moved.iter().for_each(|time| self.oldest.insert(time));
            } else {
                moved.iter().for_each(|time| self.add_to_middle(time));
            }
        }
        if self.oldest.len() > limits.end {
            let surplus = self.oldest.len() - limits.end / 2;
            let moved = self.oldest.take_last(surplus);
            moved.iter().for_each(|time| self.add_to_middle(time));
        }
    }

    /// Fills empty ends with the nearest times between them. A time taken from a
    /// bucket stays there and is recorded in `removed`, because the bucket must
    /// not change before this document is written.
    fn refill_ends(
        &mut self,
        limits: &TimesLimits,
        store: &mut impl BucketStore,
    ) -> Result<(), FoldStop> {
        let count = (limits.end / 2).max(1);
        if self.oldest.is_empty() {
            self.oldest = self.take_nearest(&End::Oldest, count, store)?;
        }
        if self.newest.is_empty() && self.middle_len() > 0 {
            self.newest = self.take_nearest(&End::Newest, count, store)?;
        }
        Ok(())
    }

    /// Takes up to `count` times from between the ends, nearest to `end` first.
    fn take_nearest(
        &mut self,
        end: &End,
        count: usize,
        store: &mut impl BucketStore,
    ) -> Result<Instants, FoldStop> {
        let mut places: Vec<usize> = (0..self.buckets.len().max(1)).collect();
        if matches!(end, End::Newest) {
            places.reverse();
        }
        let mut taken: Vec<Timestamp> = Vec::new();
        for place in places {
            let left = count - taken.len();
            if left == 0 {
                break;
            }
            let times = self.times_at(place, store)?;
            match end {
                End::Oldest => taken.extend(repeated(times.iter()).take(left)),
                End::Newest => taken.extend(repeated(times.iter().rev()).take(left)),
            }
        }
        for time in &taken {
            if self.added.remove(*time).is_err() {
                self.removed.insert(*time);
            }
        }
        Ok(taken.into_iter().collect())
    }

    /// Returns the times of the bucket at a place, with its pending changes
    /// applied. Without buckets, all pending changes are at place 0.
    fn times_at(
        &self,
        place: usize,
        store: &mut impl BucketStore,
    ) -> Result<InstantCounts, FoldStop> {
        let (added, removed) = self.pending_at(place);
        let stored = match self.buckets.get(place) {
            // All of its times are removed: the bucket need not be read.
            Some(bucket) if bucket.count == removed.len() as i64 && added.is_empty() => {
                return Ok(InstantCounts::default());
            }
            Some(bucket) if bucket.count > 0 => store.read(bucket)?,
            _ => InstantCounts::default(),
        };
        Ok(stored.changed(&added, &removed)?)
    }

    /// Returns the pending additions and removals for the bucket at a place.
    fn pending_at(&self, place: usize) -> (Instants, Instants) {
        let (from, until) = self.range_of(place);
        let added = self.added.between(from, until);
        (added, self.removed.between(from, until))
    }

    /// Returns the start and the end of the range at a place. The first range has
    /// no start and the last one no end.
    fn range_of(&self, place: usize) -> (Option<Timestamp>, Option<Timestamp>) {
        let from = |place: usize| self.buckets.get(place).and_then(|b| timestamp(b.from));
        let first = (place > 0).then(|| from(place)).flatten();
        (first, from(place + 1))
    }

    /// Writes pending changes into the buckets that have the most of them.
    fn flush(
        &mut self,
        limits: &TimesLimits,
        store: &mut impl BucketStore,
    ) -> Result<(), FoldStop> {
        if self.buckets.is_empty() {
            let times = InstantCounts::default().changed(&self.added, &self.removed)?;
            for (part, index) in times.split(limits.bucket).into_iter().zip(0..) {
                self.buckets.push(store.insert(index, part)?);
            }
            self.added = Instants::default();
            self.removed = Instants::default();
            return Ok(());
        }
        let places = self.busiest_places(limits.changed);
        let known: Vec<&Bucket> = places.iter().map(|place| &self.buckets[*place]).collect();
        store.prepare(&known)?;
        let mut next = self.buckets.len() as i32;
        let mut changed = Vec::with_capacity(places.len());
        for place in places {
            let (added, removed) = self.pending_at(place);
            let bucket = &self.buckets[place];
            let after = store.change(bucket, &added, &removed, next, limits.bucket)?;
            next += after.len() as i32 - 1;
            changed.push((place, after));
        }
        // In reverse order, so that splits do not shift the places and ranges that
        // are still to be processed.
        for (place, after) in changed.into_iter().rev() {
            let (from, until) = self.range_of(place);
            self.added.remove_between(from, until);
            self.removed.remove_between(from, until);
            self.buckets.splice(place..=place, after);
        }
        Ok(())
    }

    /// Returns the places of up to `max` buckets with the most pending changes, in
    /// ascending order.
    fn busiest_places(&self, max: usize) -> Vec<usize> {
        let pending = |place: usize| {
            let (added, removed) = self.pending_at(place);
            (added.len() + removed.len(), place)
        };
        let all = (0..self.buckets.len()).map(pending);
        let mut pending: Vec<_> = all.filter(|(count, _)| *count > 0).collect();
        pending.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        pending.truncate(max);
        let mut places: Vec<usize> = pending.into_iter().map(|(_, place)| place).collect();
        places.sort_unstable();
        places
    }

    /// Returns the buckets in the order of their times.
    pub(crate) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// Returns each time in the document: with `true` if it counts, with `false`
    /// if it cancels one occurrence in a bucket.
    pub(crate) fn outside_buckets(&self) -> impl Iterator<Item = (Timestamp, bool)> {
        let counted = [&self.oldest, &self.added, &self.newest];
        let counted = counted.into_iter().flat_map(Instants::iter);
        let back = self.removed.iter().map(|time| (time, false));
        counted.map(|time| (time, true)).chain(back)
    }
}

impl FromIterator<Timestamp> for Times {
    /// Collects times that all stay in the document.
    fn from_iter<I: IntoIterator<Item = Timestamp>>(times: I) -> Self {
        Self {
            newest: times.into_iter().collect(),
            ..Self::default()
        }
    }
}

fn repeated(times: impl Iterator<Item = (Timestamp, u64)>) -> impl Iterator<Item = Timestamp> {
    times.flat_map(|(time, count)| {
        std::iter::repeat_n(time, usize::try_from(count).unwrap_or(usize::MAX))
    })
}

/// Returns the start of a bucket with these times. `known` is its start before:
/// the first bucket of a series may receive times that are earlier.
pub(crate) fn start_of(times: &InstantCounts, known: Option<DateTime>) -> DateTime {
    let first = times.first().map(date);
    let earliest = match (known, first) {
        (Some(known), Some(first)) => Some(known.min(first)),
        (known, first) => known.or(first),
    };
    earliest.unwrap_or(DateTime::from_millis(0))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Fields {
    newest: Instants,
    oldest: Instants,
    added: Instants,
    removed: Instants,
    buckets: Vec<Bucket>,
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimesVisitor)
    }
}

struct TimesVisitor;

/// Accepts both formats: fields, and the single byte string that older
/// generations have.
impl<'de> Visitor<'de> for TimesVisitor {
    type Value = Times;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("times, or bytes of times")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Times, E> {
        Ok(Times {
            newest: Instants::deserialize(BytesDeserializer::new(bytes))?,
            ..Times::default()
        })
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Times, E> {
        self.visit_bytes(&bytes)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Times, A::Error> {
        let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Times {
            newest: fields.newest,
            oldest: fields.oldest,
            added: fields.added,
            removed: fields.removed,
            buckets: fields.buckets,
        })
    }
}
