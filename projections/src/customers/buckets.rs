//! The documents that have the times of customers with very many of them.

use std::collections::HashSet;

use bson::{DateTime, RawDocumentBuf};
use domain::{InstantCounts, Instants, key_part};
use serde::{Deserialize, Serialize};

use super::times::{Bucket, Shelf, Unsettled, beginning};
use crate::Recorded;
use crate::parts::{ChangedPart, Parts};
use crate::view::FoldError;

/// A bucket: some of the times of one series of a customer, one stretch of
/// time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct BucketDocument {
    /// Only of those that were read: writing places it.
    #[serde(rename = "_id", default, skip_serializing)]
    pub(super) id: String,
    /// The last event folded into it; only of those that were read.
    #[serde(rename = "_number", default, skip_serializing)]
    pub(super) number: i64,
    /// Whose.
    customer: String,
    /// `orders`, or `events.` and a name.
    series: String,
    /// Its number in its series.
    bucket: i32,
    /// It has the times from here on.
    from: DateTime,
    /// How many.
    count: i64,
    /// The times.
    pub(super) times: InstantCounts,
}

/// The id of a bucket.
pub(super) fn bucket_id(customer: &str, series: &Series<'_>, bucket: i32) -> String {
    let customer = key_part(customer);
    match series {
        Series::Orders => format!("{customer}/orders/{bucket}"),
        Series::Events(name) => format!("{customer}/events/{}/{bucket}", key_part(name)),
    }
}

/// What times are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Series<'a> {
    Orders,
    Events(&'a str),
}

/// The buckets of a customer, as a fold of some events was given them.
pub(super) struct Buckets<'a> {
    customer: String,
    parts: &'a Parts,
    /// The event that is folded.
    number: i64,
    /// Series of which an event before that one has read buckets.
    read: HashSet<String>,
    /// Those that it reads itself.
    reading: HashSet<String>,
    changed: Vec<ChangedPart>,
    /// Whether the event changes any, written already or not.
    changes: bool,
}

impl<'a> Buckets<'a> {
    pub(super) fn given(customer: &str, parts: &'a Parts) -> Self {
        Self {
            customer: customer.to_owned(),
            parts,
            number: 0,
            read: HashSet::new(),
            reading: HashSet::new(),
            changed: Vec::new(),
            changes: false,
        }
    }

    /// From now on this event is folded.
    pub(super) fn begin(&mut self, event: &Recorded) {
        self.number = event.position.number as i64;
        self.read.extend(self.reading.drain());
    }

    /// Whether the event changes any. No event may be folded after it before
    /// the document is written, even if the buckets were written before: else
    /// they could get ahead of the document by two events.
    pub(super) fn are_changed(&self) -> bool {
        self.changes
    }

    /// Those that are to be written.
    pub(super) fn into_changed(self) -> Vec<ChangedPart> {
        self.changed
    }

    pub(super) fn of_orders(&mut self) -> SeriesBuckets<'_, 'a> {
        self.of(Series::Orders)
    }

    pub(super) fn of_events<'b>(&'b mut self, name: &'b str) -> SeriesBuckets<'b, 'a> {
        self.of(Series::Events(name))
    }

    fn of<'b>(&'b mut self, series: Series<'b>) -> SeriesBuckets<'b, 'a> {
        SeriesBuckets {
            all: self,
            series,
            inserted: 0,
        }
    }
}

/// The buckets of one series.
pub(super) struct SeriesBuckets<'b, 'a> {
    all: &'b mut Buckets<'a>,
    series: Series<'b>,
    inserted: i64,
}

/// A bucket as it is stored.
struct StoredBucket {
    number: i64,
    times: InstantCounts,
}

impl SeriesBuckets<'_, '_> {
    /// How many are new since the event.
    pub(super) fn inserted(&self) -> i64 {
        self.inserted
    }

    fn id(&self, bucket: i32) -> String {
        bucket_id(&self.all.customer, &self.series, bucket)
    }

    fn name(&self) -> String {
        match self.series {
            Series::Orders => "orders".to_owned(),
            Series::Events(name) => format!("events.{name}"),
        }
    }

    fn stored(&self, bucket: i32) -> Result<StoredBucket, Unsettled> {
        let id = self.id(bucket);
        let Some(part) = self.all.parts.get(&id) else {
            return Err(Unsettled::Needs(vec![id]));
        };
        let unfit = |what: String| Unsettled::Unfit(FoldError(format!("the bucket {id} {what}")));
        let part = part.as_ref().ok_or_else(|| unfit("is gone".to_owned()))?;
        let read = bson::deserialize_from_slice(part.document.as_bytes());
        let document: BucketDocument = read.map_err(|error| unfit(error.to_string()))?;
        Ok(StoredBucket {
            number: part.number,
            times: document.times,
        })
    }

    fn put(
        &mut self,
        index: i32,
        expected: Option<i64>,
        from: DateTime,
        times: InstantCounts,
    ) -> Result<Bucket, Unsettled> {
        let bucket = Bucket {
            index,
            from,
            count: times.len() as i64,
            number: self.all.number,
        };
        let document = BucketDocument {
            id: String::new(),
            number: 0,
            customer: self.all.customer.clone(),
            series: self.name(),
            bucket: index,
            from,
            count: bucket.count,
            times,
        };
        let document: RawDocumentBuf = bson::serialize_to_raw_document_buf(&document)
            .map_err(|error| FoldError(error.to_string()))?;
        self.inserted += i64::from(expected.is_none());
        self.all.changes = true;
        self.all.changed.push(ChangedPart {
            id: self.id(index),
            expected,
            document,
        });
        Ok(bucket)
    }

    /// What became of a bucket that was written with this event before. Those
    /// that were split from it were written before it.
    fn found(
        &mut self,
        bucket: &Bucket,
        times: &InstantCounts,
        expected: u64,
        next: i32,
    ) -> Result<Vec<Bucket>, Unsettled> {
        self.all.changes = true;
        let number = self.all.number;
        let mut after = vec![Bucket {
            from: beginning(times, Some(bucket.from)),
            count: times.len() as i64,
            number,
            ..*bucket
        }];
        let mut left = expected.saturating_sub(times.len());
        let mut index = next;
        while left > 0 {
            let split = self.stored(index)?;
            if split.number != number {
                return Err(Unsettled::Overtaken);
            }
            self.inserted += 1;
            after.push(Bucket {
                index,
                from: beginning(&split.times, None),
                count: split.times.len() as i64,
                number,
            });
            left = left.saturating_sub(split.times.len());
            index += 1;
        }
        Ok(after)
    }
}

impl Shelf for SeriesBuckets<'_, '_> {
    fn read(&mut self, bucket: &Bucket) -> Result<InstantCounts, Unsettled> {
        let stored = self.stored(bucket.index)?;
        if stored.number != bucket.number {
            return Err(Unsettled::Overtaken);
        }
        let name = self.name();
        self.all.reading.insert(name);
        Ok(stored.times)
    }

    fn prepare(&mut self, buckets: &[&Bucket]) -> Result<(), Unsettled> {
        if self.all.read.contains(&self.name()) {
            return Err(Unsettled::Apart);
        }
        let ids = buckets.iter().map(|bucket| self.id(bucket.index));
        let missing: Vec<String> = ids.filter(|id| !self.all.parts.contains_key(id)).collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(Unsettled::Needs(missing)),
        }
    }

    fn insert(&mut self, index: i32, times: InstantCounts) -> Result<Bucket, Unsettled> {
        self.put(index, None, beginning(&times, None), times)
    }

    fn change(
        &mut self,
        bucket: &Bucket,
        added: &Instants,
        removed: &Instants,
        next: i32,
        most: usize,
    ) -> Result<Vec<Bucket>, Unsettled> {
        let stored = self.stored(bucket.index)?;
        if stored.number == self.all.number {
            let expected = bucket.count + added.len() as i64 - removed.len() as i64;
            let expected = u64::try_from(expected).unwrap_or_default();
            return self.found(bucket, &stored.times, expected, next);
        }
        if stored.number != bucket.number {
            return Err(Unsettled::Overtaken);
        }
        let mut parts = stored
            .times
            .changed(added, removed)?
            .split(most)
            .into_iter();
        let kept = parts.next().unwrap_or_default();
        let from = beginning(&kept, Some(bucket.from));
        let mut after = vec![self.put(bucket.index, Some(bucket.number), from, kept)?];
        for (part, index) in parts.zip(next..) {
            after.push(self.insert(index, part)?);
        }
        Ok(after)
    }
}
