//! History of audiences: the counts of each segment over time.
//!
//! **Shape.** A point is a count that a worker made, in the collection
//! `audience_history`. Its id has the segment and the minute, so that a segment
//! has at most one point per minute: a later count of the same minute replaces
//! it. Points are recorded when the count has changed, and once a day.
//!
//! Not a view: a count depends on the clock and on when it was made, so it cannot
//! be folded from the log. MongoDB deletes points after [`RETENTION`].

use std::time::Duration;

use bson::{DateTime, Document, doc};
use chrono_tz::Tz;
use domain::{SegmentId, Timestamp};
use futures::TryStreamExt;
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};

use super::audiences::SegmentAudience;
use super::days::date_in;
use crate::runtime::date::{date, timestamp};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::writes::{DUPLICATE, failed_only_with};

/// Time that points are kept.
const RETENTION: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// Maximum number of points that are returned.
pub const MAX_POINTS: usize = 1_000;

/// Length of a minute in milliseconds.
const MINUTE: i64 = 60_000;

/// Number of a segment's customers at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountPoint {
    /// Instant of the count. The rules' relative dates were resolved at it.
    pub at: DateTime,
    /// Number of customers who matched.
    pub count: i64,
}

impl Store {
    /// Records a count in the segment's history if it is a point of it. `before`
    /// is the previous count.
    pub(crate) async fn record_count(
        &self,
        before: Option<&SegmentAudience>,
        counted: &SegmentAudience,
    ) -> Result<(), QueryError> {
        if !is_point(before, counted, self.zone()) {
            return Ok(());
        }
        let history = self.audience_history();
        // MongoDB deletes old points with this index.
        let on_expiry = IndexOptions::builder().expire_after(RETENTION).build();
        let index = IndexModel::builder()
            .keys(doc! {"at": 1})
            .options(on_expiry);
        history.create_index(index.build()).await?;
        let id = point_id(&counted.segment, counted.as_of);
        // A later count of this minute stays: then the upsert fails with a
        // duplicate key.
        let unless_newer = doc! {"_id": id, "at": {"$lte": counted.as_of}};
        let point = doc! {"at": counted.as_of, "count": counted.count};
        let replace = history.replace_one(unless_newer, point);
        match replace.upsert(true).await {
            Err(error) if !failed_only_with(&error, DUPLICATE) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Returns the counts of a segment from `since` to before `until`, oldest
    /// first: all of them, or [`MAX_POINTS`] at regular intervals, if there are
    /// more. The last one is always among them.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn audience_points(
        &self,
        segment: &SegmentId,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Vec<CountPoint>, QueryError> {
        let history = self.audience_history().clone_with_type::<CountPoint>();
        let filter = points_within(segment, since, until);
        let few = history.find(filter.clone()).sort(doc! {"_id": 1});
        let few = few.limit(MAX_POINTS as i64 + 1).await?;
        let few: Vec<CountPoint> = few.try_collect().await?;
        if few.len() <= MAX_POINTS {
            return Ok(few);
        }
        let last = history.find_one(filter.clone()).sort(doc! {"_id": -1});
        let (Some(first), Some(last)) = (few.first(), last.await?) else {
            return Ok(few);
        };
        let first = first.at.timestamp_millis();
        let span = last.at.timestamp_millis() - first + 1;
        let slot = doc! {"$floor": {"$divide": [
            {"$subtract": ["$at", DateTime::from_millis(first)]},
            span / MAX_POINTS as i64 + 1,
        ]}};
        let pipeline = [
            doc! {"$match": filter},
            doc! {"$sort": {"_id": 1}},
            doc! {"$group": {"_id": slot, "at": {"$last": "$at"}, "count": {"$last": "$count"}}},
            doc! {"$sort": {"_id": 1}},
        ];
        let thinned = history
            .aggregate(pipeline)
            .with_type::<CountPoint>()
            .await?;
        Ok(thinned.try_collect().await?)
    }

    fn audience_history(&self) -> Collection<Document> {
        self.database().collection("audience_history")
    }
}

/// Returns whether a count is a point of the history: the number has changed, or
/// it is the first count of a day. A count of an older version is none.
fn is_point(before: Option<&SegmentAudience>, counted: &SegmentAudience, zone: Tz) -> bool {
    let Some(before) = before else {
        return true;
    };
    let day = |at: DateTime| timestamp(at).map(|at| date_in(at, zone));
    before.version <= counted.version
        && (before.count != counted.count || day(before.as_of) != day(counted.as_of))
}

/// Returns the id of the point of a minute. Ids of one segment sort by time,
/// since all minutes since 2001 have eight digits.
fn point_id(segment: &str, at: DateTime) -> String {
    let minute = at.timestamp_millis().div_euclid(MINUTE);
    format!("{segment}/{minute:08}")
}

fn points_within(
    segment: &SegmentId,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Document {
    // Ids have no `/`, and `~` sorts after every digit.
    let ids = doc! {"$gte": format!("{segment}/"), "$lt": format!("{segment}/~")};
    let mut filter = doc! {"_id": ids};
    let mut times = Document::new();
    if let Some(since) = since {
        times.insert("$gte", date(since));
    }
    if let Some(until) = until {
        times.insert("$lt", date(until));
    }
    if !times.is_empty() {
        filter.insert("at", times);
    }
    filter
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::customers::audiences::CountBasis;

    fn counted(at: &str, version: i64, count: i64) -> SegmentAudience {
        SegmentAudience {
            segment: "seg_1".to_owned(),
            version,
            count,
            total: 10,
            as_of: date(Timestamp::try_from(at).unwrap()),
            basis: CountBasis {
                generation: 1,
                positions: "0:1".to_owned(),
            },
            took_ms: 1,
        }
    }

    #[test]
    fn a_point_is_a_new_number_or_the_first_count_of_a_day() {
        let zone = Tz::America__New_York;
        let before = counted("2026-11-24T02:00:00Z", 2, 7);
        let is_point =
            |at: &str, version, count| is_point(Some(&before), &counted(at, version, count), zone);
        assert!(!is_point("2026-11-24T03:00:00Z", 2, 7));
        assert!(is_point("2026-11-24T03:00:00Z", 2, 8));
        // The day begins at 05:00 UTC in New York.
        assert!(!is_point("2026-11-24T04:59:00Z", 2, 7));
        assert!(is_point("2026-11-24T05:00:00Z", 2, 7));
        // A count of the rules before the last change.
        assert!(!is_point("2026-11-24T03:00:00Z", 1, 8));
        assert!(super::is_point(None, &before, zone));
    }

    #[test]
    fn points_of_a_minute_share_an_id_and_ids_sort_by_time() {
        let id = |at: &str| point_id("seg_1", counted(at, 1, 0).as_of);
        assert_eq!(id("2026-11-24T03:00:00Z"), id("2026-11-24T03:00:59.999Z"));
        let times = [
            "2026-11-24T03:00:59Z",
            "2026-11-24T03:01:00Z",
            "2100-01-01T00:00:00Z",
        ];
        assert!(times.map(id).is_sorted());
    }
}
