//! Queries of the view `daily_figures`.

use std::collections::BTreeMap;

use bson::{Document, doc};
use chrono::NaiveDate;
use futures::TryStreamExt;
use serde::Deserialize;

use super::{DailyFigures, DayFigures, UNKNOWN_DAY};
use crate::runtime::store::{QueryError, Store};

/// Figures of a range of days.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FiguresByDay {
    /// Figures of each day on which something happened.
    pub days: BTreeMap<NaiveDate, DayFigures>,
    /// True if figures may lack an event that is in quarantine.
    pub is_incomplete: bool,
}

/// Figures of a day, summed over the partitions.
#[derive(Deserialize)]
struct DaySum {
    #[serde(rename = "_id")]
    day: NaiveDate,
    #[serde(flatten)]
    figures: DayFigures,
}

impl Store {
    /// Returns the figures of the days from `since` to `until`, both included.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn daily_figures(
        &self,
        since: NaiveDate,
        until: NaiveDate,
    ) -> Result<FiguresByDay, QueryError> {
        // `~` sorts after every partition.
        let range = doc! {"$gte": format!("{since}/"), "$lt": format!("{until}/~")};
        let view = self.serving::<Document>(DailyFigures::NAME).await?;
        let mut group = doc! {"_id": "$day"};
        for figure in FIGURES {
            group.insert(figure, doc! {"$sum": format!("${figure}")});
        }
        let pipeline = [doc! {"$match": {"_id": &range}}, doc! {"$group": group}];
        let sums = view.aggregate(pipeline).with_type::<DaySum>().await?;
        let days = sums.map_ok(|sum| (sum.day, sum.figures)).try_collect();
        Ok(FiguresByDay {
            days: days.await?,
            is_incomplete: self.leaves_out_figures(range).await?,
        })
    }

    /// Returns whether an event in quarantine may belong to documents of this
    /// range of ids. The day of an unreadable event is unknown, so it may belong
    /// to any.
    async fn leaves_out_figures(&self, ids: Document) -> Result<bool, QueryError> {
        let generation = self.generations().active(DailyFigures::NAME).await?;
        let unknown = format!("{UNKNOWN_DAY}/");
        let filter = doc! {
            "view": DailyFigures::NAME,
            "generation": generation,
            "$or": [
                {"document": ids},
                {"document": {"$gte": &unknown, "$lt": format!("{unknown}~")}},
            ],
        };
        Ok(self.quarantine().find_one(filter).await?.is_some())
    }
}

/// Names of the figures in documents.
const FIGURES: [&str; 9] = [
    "customers",
    "orders",
    "revenue",
    "refunded",
    "activity",
    "sent",
    "delivered",
    "failed",
    "suppressed",
];
