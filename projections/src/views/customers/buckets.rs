//! Buckets: documents that hold times of customers with very many of them.

use std::collections::HashSet;

use bson::{DateTime, RawDocumentBuf};
use domain::key_part;
use serde::{Deserialize, Serialize};

use super::instant_counts::InstantCounts;
use super::instants::Instants;
use super::times::{Bucket, BucketStore, FoldStop, start_of};
use crate::runtime::parts::{ChangedPart, Parts};
use crate::runtime::recorded::Recorded;
use crate::runtime::view::FoldError;

/// Document of a bucket: the times of one series of a customer within one range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BucketDocument {
    /// Id of the bucket. Filled when the document is read; writing sets it.
    #[serde(rename = "_id", default, skip_serializing)]
    pub(crate) id: String,
    /// Number of the last event folded into the bucket. Filled when the document
    /// is read; writing sets it.
    #[serde(rename = "_number", default, skip_serializing)]
    pub(crate) number: i64,
    /// Id of the customer.
    customer: String,
    /// Series of the times: `orders`, or `events.` and a name.
    series: String,
    /// Number of the bucket within its series.
    bucket: i32,
    /// Start of the bucket's range.
    from: DateTime,
    /// Number of times, with repeats.
    count: i64,
    /// Times with their counts.
    pub(crate) times: InstantCounts,
}

/// Returns the id of a bucket: `customer/orders/N` or `customer/events/NAME/N`.
pub(crate) fn bucket_id(customer: &str, series: &Series<'_>, bucket: i32) -> String {
    let customer = key_part(customer);
    match series {
        Series::Orders => format!("{customer}/orders/{bucket}"),
        Series::Events(name) => format!("{customer}/events/{}/{bucket}", key_part(name)),
    }
}

/// A series of times: the customer's orders, or the activities of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Series<'a> {
    Orders,
    Events(&'a str),
}

/// Buckets of a customer that a fold was given, and the changes it makes.
pub(crate) struct Buckets<'a> {
    customer: String,
    parts: &'a Parts,
    /// Number of the event that is being folded.
    number: i64,
    /// Series of which earlier events of the round have read buckets.
    read_earlier: HashSet<String>,
    /// Series of which the current event has read buckets.
    read_now: HashSet<String>,
    changed: Vec<ChangedPart>,
    /// True if the current event changes buckets, including buckets that were already
    /// written with it.
    has_changes: bool,
}

impl<'a> Buckets<'a> {
    pub(crate) fn new(customer: &str, parts: &'a Parts) -> Self {
        Self {
            customer: customer.to_owned(),
            parts,
            number: 0,
            read_earlier: HashSet::new(),
            read_now: HashSet::new(),
            changed: Vec::new(),
            has_changes: false,
        }
    }

    /// Starts the fold of an event.
    pub(crate) fn begin_event(&mut self, event: &Recorded) {
        self.number = event.position.number as i64;
        self.read_earlier.extend(self.read_now.drain());
    }

    /// Returns whether the current event changes buckets. The document must be
    /// written before another event is folded, even if the buckets were already
    /// written: otherwise buckets could be ahead of the document by two events.
    pub(crate) fn has_changes(&self) -> bool {
        self.has_changes
    }

    /// Returns the buckets to write.
    pub(crate) fn into_changed(self) -> Vec<ChangedPart> {
        self.changed
    }

    pub(crate) fn of_orders(&mut self) -> SeriesBuckets<'_, 'a> {
        self.of(Series::Orders)
    }

    pub(crate) fn of_events<'b>(&'b mut self, name: &'b str) -> SeriesBuckets<'b, 'a> {
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

/// Buckets of one series.
pub(crate) struct SeriesBuckets<'b, 'a> {
    all: &'b mut Buckets<'a>,
    series: Series<'b>,
    inserted: i64,
}

/// A bucket as it is in MongoDB.
struct StoredBucket {
    number: i64,
    times: InstantCounts,
}

impl SeriesBuckets<'_, '_> {
    /// Returns how many buckets the current event adds to the series.
    pub(crate) fn inserted(&self) -> i64 {
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

    fn stored(&self, bucket: i32) -> Result<StoredBucket, FoldStop> {
        let id = self.id(bucket);
        let Some(part) = self.all.parts.get(&id) else {
            return Err(FoldStop::Needs(vec![id]));
        };
        let invalid =
            |what: String| FoldStop::Invalid(FoldError(format!("the bucket {id} {what}")));
        let part = part.as_ref().ok_or_else(|| invalid("is gone".to_owned()))?;
        let read = bson::deserialize_from_slice(part.document.as_bytes());
        let document: BucketDocument = read.map_err(|error| invalid(error.to_string()))?;
        Ok(StoredBucket {
            number: part.number,
            times: document.times,
        })
    }

    fn write(
        &mut self,
        index: i32,
        expected: Option<i64>,
        from: DateTime,
        times: InstantCounts,
    ) -> Result<Bucket, FoldStop> {
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
        self.all.has_changes = true;
        self.all.changed.push(ChangedPart {
            id: self.id(index),
            expected,
            document,
        });
        Ok(bucket)
    }

    /// Returns a bucket that was already written with this event before a crash,
    /// and those split from it, which were written before it. `expected` is the
    /// number of times in all of them.
    fn already_written(
        &mut self,
        bucket: &Bucket,
        times: &InstantCounts,
        expected: u64,
        next: i32,
    ) -> Result<Vec<Bucket>, FoldStop> {
        self.all.has_changes = true;
        let number = self.all.number;
        let mut after = vec![Bucket {
            from: start_of(times, Some(bucket.from)),
            count: times.len() as i64,
            number,
            ..*bucket
        }];
        let mut left = expected.saturating_sub(times.len());
        let mut index = next;
        while left > 0 {
            // Splits have consecutive indices; the sum of their counts
            // determines their number.
            let split = self.stored(index)?;
            if split.number != number {
                return Err(FoldStop::Overtaken);
            }
            self.inserted += 1;
            after.push(Bucket {
                index,
                from: start_of(&split.times, None),
                count: split.times.len() as i64,
                number,
            });
            left = left.saturating_sub(split.times.len());
            index += 1;
        }
        Ok(after)
    }
}

impl BucketStore for SeriesBuckets<'_, '_> {
    fn read(&mut self, bucket: &Bucket) -> Result<InstantCounts, FoldStop> {
        let stored = self.stored(bucket.index)?;
        if stored.number != bucket.number {
            return Err(FoldStop::Overtaken);
        }
        let name = self.name();
        self.all.read_now.insert(name);
        Ok(stored.times)
    }

    fn prepare(&mut self, buckets: &[&Bucket]) -> Result<(), FoldStop> {
        // If this event changed buckets that an earlier event of the round has read,
        // a repeated fold of the earlier event would read other times.
        if self.all.read_earlier.contains(&self.name()) {
            return Err(FoldStop::ReadEarlier);
        }
        let ids = buckets.iter().map(|bucket| self.id(bucket.index));
        let missing: Vec<String> = ids.filter(|id| !self.all.parts.contains_key(id)).collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(FoldStop::Needs(missing)),
        }
    }

    fn insert(&mut self, index: i32, times: InstantCounts) -> Result<Bucket, FoldStop> {
        self.write(index, None, start_of(&times, None), times)
    }

    fn change(
        &mut self,
        bucket: &Bucket,
        added: &Instants,
        removed: &Instants,
        next: i32,
        max: usize,
    ) -> Result<Vec<Bucket>, FoldStop> {
        let stored = self.stored(bucket.index)?;
        // The bucket was written with this event, and a crash or another process
        // prevented the document's write.
        if stored.number == self.all.number {
            let expected = bucket.count + added.len() as i64 - removed.len() as i64;
            let expected = u64::try_from(expected).unwrap_or_default();
            return self.already_written(bucket, &stored.times, expected, next);
        }
        if stored.number != bucket.number {
            return Err(FoldStop::Overtaken);
        }
        let mut parts = stored.times.changed(added, removed)?.split(max).into_iter();
        let kept = parts.next().unwrap_or_default();
        let from = start_of(&kept, Some(bucket.from));
        let mut after = vec![self.write(bucket.index, Some(bucket.number), from, kept)?];
        for (part, index) in parts.zip(next..) {
            after.push(self.insert(index, part)?);
        }
        Ok(after)
    }
}
