//! The times of one series of a customer: of their orders, or of one kind of
//! activity.

use bson::DateTime;
use domain::{InstantCounts, Instants, InstantsError, Timestamp};
use serde::de::value::{BytesDeserializer, MapAccessDeserializer};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::date::date;
use crate::view::FoldError;

/// Times in order, repeats kept.
///
/// # Shape
/// Up to a few hundred times are all in `newest`. Of more, the newest and the
/// oldest stay here, and what is between lies in buckets, documents of their
/// own. What is put in or taken out between the ends waits in `added` and
/// `removed` until there is enough of it to be worth writing buckets. So the
/// first and the last time are always known without reading a bucket, and most
/// events touch none.
///
/// # Correctness
/// Together the times are `oldest + (buckets + added - removed) + newest`, as
/// multisets, each of these no later than the next. While there is anything
/// between the ends, neither end is empty.
///
/// What goes where follows from the events alone, one after the other, never
/// from how they are batched.
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

/// A bucket as the customer's document knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// Its number in its series, from 0. Buckets are never dropped.
    #[serde(rename = "b")]
    pub(crate) index: i32,
    /// It has the times from here on, until the next one's; the first one has
    /// those before too.
    pub(crate) from: DateTime,
    /// How many.
    pub(crate) count: i64,
    /// The last event folded into it.
    pub(crate) number: i64,
}

/// How much stays in the customer's document, and how large buckets are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many times each end has.
    pub(crate) end: usize,
    /// How many changes wait between the ends.
    pub(crate) waiting: usize,
    /// How many different times a bucket has.
    pub(crate) bucket: usize,
    /// How many buckets one event changes.
    pub(crate) changed: usize,
}

impl Limits {
    /// Those of the documents in MongoDB.
    pub(crate) const STORED: Self = Self {
        end: 256,
        waiting: 512,
        bucket: 16_384,
        changed: 16,
    };

    /// For customers that are folded in memory: all times are in one place.
    pub(crate) const NONE: Self = Self {
        end: usize::MAX,
        waiting: usize::MAX,
        bucket: usize::MAX,
        changed: usize::MAX,
    };
}

/// Why an event could not be folded as things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unsettled {
    /// Buckets are needed that were not given.
    Needs(Vec<String>),
    /// The event changes buckets that an event before it has read: that one is
    /// to be written first.
    Apart,
    /// A bucket is further than the events explain.
    Overtaken,
    /// It contradicts the document.
    Unfit(FoldError),
}

impl From<InstantsError> for Unsettled {
    fn from(error: InstantsError) -> Self {
        Self::Unfit(FoldError(error.to_string()))
    }
}

/// Where the buckets of one series are.
pub(crate) trait Shelf {
    /// The times in buckets that are as the document knows them.
    fn read(&mut self, bucket: &Bucket) -> Result<InstantCounts, Unsettled>;

    /// Makes sure that these can be changed.
    fn prepare(&mut self, buckets: &[&Bucket]) -> Result<(), Unsettled>;

    /// A new bucket.
    fn insert(&mut self, index: i32, times: InstantCounts) -> Result<Bucket, Unsettled>;

    /// Changes a bucket; returns what becomes of it: itself, and those that
    /// were split from it, which get the indices from `next` on.
    fn change(
        &mut self,
        bucket: &Bucket,
        added: &Instants,
        removed: &Instants,
        next: i32,
        most: usize,
    ) -> Result<Vec<Bucket>, Unsettled>;
}

enum End {
    Oldest,
    Newest,
}

impl Times {
    /// The earliest.
    pub fn first(&self) -> Option<Timestamp> {
        self.oldest.first().or_else(|| self.newest.first())
    }

    /// The latest.
    pub fn last(&self) -> Option<Timestamp> {
        self.newest.last().or_else(|| self.oldest.last())
    }

    /// Puts one more in.
    pub(super) fn insert(&mut self, time: Timestamp) {
        if self.newest.first().is_some_and(|first| time >= first) {
            self.newest.insert(time);
        } else if self.oldest.last().is_some_and(|last| time <= last) {
            self.oldest.insert(time);
        } else if self.between() == 0 {
            self.newest.insert(time);
        } else {
            self.add(time);
        }
    }

    /// Takes one out.
    ///
    /// # Errors
    /// [`InstantsError::Absent`] if it is known not to be there. Whether a
    /// bucket has it is found out when that is next written.
    pub(super) fn remove(&mut self, time: Timestamp) -> Result<(), InstantsError> {
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
        if self.in_buckets() <= self.removed.len() {
            return Err(InstantsError::Absent(time));
        }
        self.removed.insert(time);
        Ok(())
    }

    fn add(&mut self, time: Timestamp) {
        if self.removed.remove(time).is_err() {
            self.added.insert(time);
        }
    }

    /// How many there are between the ends.
    fn between(&self) -> usize {
        (self.in_buckets() + self.added.len()).saturating_sub(self.removed.len())
    }

    fn in_buckets(&self) -> usize {
        let count: i64 = self.buckets.iter().map(|bucket| bucket.count).sum();
        usize::try_from(count).unwrap_or_default()
    }

    /// Brings everything to where it belongs, after each event.
    pub(super) fn settle(
        &mut self,
        limits: &Limits,
        shelf: &mut impl Shelf,
    ) -> Result<(), Unsettled> {
        self.shorten(limits);
        if (self.oldest.is_empty() || self.newest.is_empty()) && self.between() > 0 {
            // Not in one event with a change of buckets: whoever folds this
            // event again must find them as they are.
            return self.refill(limits, shelf);
        }
        if self.added.len() + self.removed.len() > limits.waiting {
            return self.flush(limits, shelf);
        }
        Ok(())
    }

    /// Cuts ends that are too long to half of what they may have.
    fn shorten(&mut self, limits: &Limits) {
        if self.newest.len() > limits.end {
            let surplus = self.newest.len() - limits.end / 2;
            let moved = self.newest.take_first(surplus);
            let fits = self.oldest.len() + moved.len() <= limits.end;
            if self.between() == 0 && fits {
                moved.iter().for_each(|time| self.oldest.insert(time));
            } else {
                moved.iter().for_each(|time| self.add(time));
            }
        }
        if self.oldest.len() > limits.end {
            let surplus = self.oldest.len() - limits.end / 2;
            let moved = self.oldest.take_last(surplus);
            moved.iter().for_each(|time| self.add(time));
        }
    }

    /// Fills ends that are empty from what is between. What is in a bucket
    /// stays there, and is noted as removed: the bucket may not change before
    /// this is written.
    fn refill(&mut self, limits: &Limits, shelf: &mut impl Shelf) -> Result<(), Unsettled> {
        let most = (limits.end / 2).max(1);
        if self.oldest.is_empty() {
            self.oldest = self.take(&End::Oldest, most, shelf)?;
        }
        if self.newest.is_empty() && self.between() > 0 {
            self.newest = self.take(&End::Newest, most, shelf)?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        end: &End,
        most: usize,
        shelf: &mut impl Shelf,
    ) -> Result<Instants, Unsettled> {
        let mut places: Vec<usize> = (0..self.buckets.len().max(1)).collect();
        if matches!(end, End::Newest) {
            places.reverse();
        }
        let mut taken: Vec<Timestamp> = Vec::new();
        for place in places {
            let left = most - taken.len();
            if left == 0 {
                break;
            }
            let times = self.times_at(place, shelf)?;
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

    /// What the bucket at a place has, with the changes that wait. Without any
    /// bucket all that waits is at place 0.
    fn times_at(&self, place: usize, shelf: &mut impl Shelf) -> Result<InstantCounts, Unsettled> {
        let (added, removed) = self.waiting_at(place);
        let stored = match self.buckets.get(place) {
            // Nothing is left of it.
            Some(bucket) if bucket.count == removed.len() as i64 && added.is_empty() => {
                return Ok(InstantCounts::default());
            }
            Some(bucket) if bucket.count > 0 => shelf.read(bucket)?,
            _ => InstantCounts::default(),
        };
        Ok(stored.changed(&added, &removed)?)
    }

    /// The changes that wait for the bucket at a place.
    fn waiting_at(&self, place: usize) -> (Instants, Instants) {
        let (from, until) = self.range_of(place);
        let added = self.added.between(from, until);
        (added, self.removed.between(from, until))
    }

    fn range_of(&self, place: usize) -> (Option<Timestamp>, Option<Timestamp>) {
        let from = |place: usize| self.buckets.get(place).and_then(|b| timestamp(b.from));
        let first = (place > 0).then(|| from(place)).flatten();
        (first, from(place + 1))
    }

    /// Writes waiting changes into buckets, those first for which most wait.
    fn flush(&mut self, limits: &Limits, shelf: &mut impl Shelf) -> Result<(), Unsettled> {
        if self.buckets.is_empty() {
            let times = InstantCounts::default().changed(&self.added, &self.removed)?;
            for (part, index) in times.split(limits.bucket).into_iter().zip(0..) {
                self.buckets.push(shelf.insert(index, part)?);
            }
            self.added = Instants::default();
            self.removed = Instants::default();
            return Ok(());
        }
        let places = self.fullest(limits.changed);
        let known: Vec<&Bucket> = places.iter().map(|place| &self.buckets[*place]).collect();
        shelf.prepare(&known)?;
        let mut next = self.buckets.len() as i32;
        let mut changed = Vec::with_capacity(places.len());
        for place in places {
            let (added, removed) = self.waiting_at(place);
            let bucket = &self.buckets[place];
            let after = shelf.change(bucket, &added, &removed, next, limits.bucket)?;
            next += after.len() as i32 - 1;
            changed.push((place, after));
        }
        // From the last one on, so that places and ranges still hold.
        for (place, after) in changed.into_iter().rev() {
            let (from, until) = self.range_of(place);
            self.added.remove_between(from, until);
            self.removed.remove_between(from, until);
            self.buckets.splice(place..=place, after);
        }
        Ok(())
    }

    /// The places of the buckets for which most changes wait, in order.
    fn fullest(&self, most: usize) -> Vec<usize> {
        let waiting = |place: usize| {
            let (added, removed) = self.waiting_at(place);
            (added.len() + removed.len(), place)
        };
        let all = (0..self.buckets.len()).map(waiting);
        let mut waiting: Vec<_> = all.filter(|(count, _)| *count > 0).collect();
        waiting.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        waiting.truncate(most);
        let mut places: Vec<usize> = waiting.into_iter().map(|(_, place)| place).collect();
        places.sort_unstable();
        places
    }

    /// The buckets, in order.
    pub(crate) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// Each time that is not in a bucket, and whether it counts or takes one
    /// back that is in a bucket.
    pub(super) fn outside_buckets(&self) -> impl Iterator<Item = (Timestamp, bool)> {
        let counted = [&self.oldest, &self.added, &self.newest];
        let counted = counted.into_iter().flat_map(Instants::iter);
        let back = self.removed.iter().map(|time| (time, false));
        counted.map(|time| (time, true)).chain(back)
    }
}

impl FromIterator<Timestamp> for Times {
    /// All in the document.
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

/// A document's times were timestamps when they were written.
fn timestamp(date: DateTime) -> Option<Timestamp> {
    Timestamp::from_millis(date.timestamp_millis()).ok()
}

/// As a bucket has it that begins with these times. The first bucket of a
/// series may come to have earlier ones than it began with.
pub(super) fn beginning(times: &InstantCounts, known: Option<DateTime>) -> DateTime {
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

/// Generations that an older program made have all times in one value.
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
