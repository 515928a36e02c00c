//! Queries of the view `segments`.

use bson::{Bson, doc};
use domain::rules::{CustomerFacts, Rules};
use domain::{SegmentId, Timestamp};
use futures::TryStreamExt;
use serde::Deserialize;

use super::{SegmentDocument, Segments};
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

/// The fields of an unarchived segment that are needed to count its members.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LiveSegment {
    /// Id of the segment.
    pub segment_id: SegmentId,
    /// Rules that select the segment's customers.
    pub rules: Rules,
    /// Version of the aggregate at the last change of the content.
    pub version: i64,
}

impl Store {
    /// Returns a segment, archived or not.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn segment(&self, id: &SegmentId) -> Result<Option<SegmentDocument>, QueryError> {
        let segments = self.serving::<SegmentDocument>(Segments::NAME).await?;
        Ok(segments.find_one(doc! {"_id": id.as_str()}).await?)
    }

    /// Returns a page of segments, newest first. Archived segments are included
    /// only if `archived` is true.
    ///
    /// # Errors
    /// [`QueryError`] if the cursor is invalid or MongoDB does not answer.
    pub async fn segments(
        &self,
        archived: bool,
        page: &PageRequest,
    ) -> Result<Page<SegmentDocument>, QueryError> {
        let mut filter = doc! {};
        if !archived {
            filter.insert("archived_at", Bson::Null);
        }
        let place =
            |segment: &SegmentDocument| (segment.created_at, segment.segment_id.to_string());
        self.newest(Segments::NAME, filter, page, place).await
    }

    /// Returns the unarchived segments whose rules match a customer at an
    /// instant, newest first.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn segments_of(
        &self,
        facts: &CustomerFacts,
        now: Timestamp,
    ) -> Result<Vec<SegmentDocument>, QueryError> {
        let segments = self.serving::<SegmentDocument>(Segments::NAME).await?;
        let mut cursor = segments
            .find(doc! {"archived_at": Bson::Null})
            .sort(doc! {"created_at": -1, "_id": -1})
            .await?;
        let mut found = Vec::new();
        while let Some(segment) = cursor.try_next().await? {
            if segment.rules.at(now).matches(facts) {
                found.push(segment);
            }
        }
        Ok(found)
    }

    /// Returns the segments that have a hold.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn held_segments(&self) -> Result<Vec<SegmentId>, QueryError> {
        let segments = self.serving::<SegmentDocument>(Segments::NAME).await?;
        let held = doc! {"held_by": {"$ne": []}};
        let found = segments.find(held).await?.map_ok(|found| found.segment_id);
        Ok(found.try_collect().await?)
    }

    /// Returns all unarchived segments, sorted by id.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn live_segments(&self) -> Result<Vec<LiveSegment>, QueryError> {
        let segments = self.serving::<LiveSegment>(Segments::NAME).await?;
        let cursor = segments
            .find(doc! {"archived_at": Bson::Null})
            .projection(doc! {"segment_id": 1, "rules": 1, "version": 1})
            .sort(doc! {"_id": 1})
            .await?;
        Ok(cursor.try_collect().await?)
    }
}
