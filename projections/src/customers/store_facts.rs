//! What a store is like: what much and little mean in it, and what it calls
//! its places, labels and activities.

use std::collections::BTreeMap;

use bson::{Document, RawDocument, RawDocumentBuf, doc};
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::Error;
use serde::Deserialize;

use super::Customers;
use super::deciles::deciles;
use super::fold::average;
use crate::scan::{BATCH, PATIENCE, each};
use crate::view::View;
use crate::{QueryError, Store};

/// How many names are told of each kind.
const MAX_NAMES: i64 = 300;

/// By the name of the rules' field.
type Deciles = BTreeMap<&'static str, [i64; 9]>;

/// A store in figures and names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreFacts {
    /// How many customers there are.
    pub customers: u64,
    /// The 10th to the 90th percentile by nearest rank of `total_spend`,
    /// `order_count`, `average_order_value` and `visits`, among the customers
    /// who have any; money in minor units. What fewer than ten customers have
    /// is not there.
    pub deciles: BTreeMap<&'static str, [i64; 9]>,
    /// The 300 most common cities, as they are written, and how many customers
    /// live in each.
    pub cities: BTreeMap<String, u64>,
    /// The same of countries.
    pub countries: BTreeMap<String, u64>,
    /// The same of labels.
    pub tags: BTreeMap<String, u64>,
    /// The 300 activities that most customers have done, and how many have.
    pub activities: BTreeMap<String, u64>,
}

impl Store {
    /// What the store is like now. Costs two passes through indexes, one
    /// within an index, and three through all documents: seconds for a million
    /// customers, one after the other on one core of MongoDB's. Who asks often
    /// keeps the answer for a while. Here it takes 24 bytes a customer.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer, or not in time.
    pub async fn store_facts(&self) -> Result<StoreFacts, QueryError> {
        let customers = self.serving::<RawDocumentBuf>(Customers::NAME).await?;
        let mut deciles = deciles_of_orders(&customers).await?;
        deciles.extend(deciles_of_visits(&customers).await?);
        Ok(StoreFacts {
            customers: self.count_customers().await?,
            deciles,
            cities: most_common(&customers, texts("city")).await?,
            countries: most_common(&customers, texts("country")).await?,
            tags: most_common(&customers, tags()).await?,
            activities: most_common(&customers, activities()).await?,
        })
    }
}

/// An index has both figures of each customer; what an order is worth to them
/// on average follows from the two.
async fn deciles_of_orders(customers: &Collection<RawDocumentBuf>) -> Result<Deciles, Error> {
    let (mut spend, mut counts, mut averages) = (Vec::new(), Vec::new(), Vec::new());
    let find = customers
        .find(doc! {"order_count": {"$gt": 0}})
        .projection(doc! {"_id": 0, "order_count": 1, "total_spend": 1})
        .batch_size(BATCH)
        .max_time(PATIENCE);
    let look = |customer: &RawDocument| {
        let total = customer.get_i64("total_spend")?;
        let count = customer.get_i64("order_count")?;
        counts.push(count);
        spend.extend((total > 0).then_some(total));
        averages.extend(average(total, count).filter(|average| *average > 0));
        Ok(())
    };
    each(find.await?, look).await?;
    Ok(known([
        ("total_spend", spend),
        ("order_count", counts),
        ("average_order_value", averages),
    ]))
}

/// There is an index of these too.
async fn deciles_of_visits(customers: &Collection<RawDocumentBuf>) -> Result<Deciles, Error> {
    let mut visits = Vec::new();
    let find = customers
        .find(doc! {"events.visit.count": {"$gt": 0}})
        .projection(doc! {"_id": 0, "events.visit.count": 1})
        .batch_size(BATCH)
        .max_time(PATIENCE);
    let look = |customer: &RawDocument| {
        let events = customer.get_document("events")?;
        visits.push(events.get_document("visit")?.get_i64("count")?);
        Ok(())
    };
    each(find.await?, look).await?;
    Ok(known([("visits", visits)]))
}

/// Of the fields that enough customers have.
fn known<const N: usize>(measures: [(&'static str, Vec<i64>); N]) -> Deciles {
    let known = |(field, values)| Some((field, deciles(values)?));
    measures.into_iter().filter_map(known).collect()
}

/// Each customer's text in this field.
fn texts(field: &str) -> Vec<Document> {
    vec![
        doc! {"$match": {field: {"$gte": ""}}},
        doc! {"$group": {"_id": format!("${field}"), "customers": {"$sum": 1i64}}},
    ]
}

/// Each label of each customer; nobody has one twice.
fn tags() -> Vec<Document> {
    vec![
        doc! {"$project": {"_id": 0, "tags": 1}},
        doc! {"$unwind": "$tags"},
        doc! {"$group": {"_id": "$tags", "customers": {"$sum": 1i64}}},
    ]
}

/// Each name of what a customer has done; what was all taken back has the
/// count 0. Only names leave the first stage, not all times.
fn activities() -> Vec<Document> {
    let all = doc! {"$objectToArray": "$events"};
    let done = doc! {"$filter": {"input": all, "cond": {"$gt": ["$$this.v.count", 0]}}};
    let names = doc! {"$map": {"input": done, "in": "$$this.k"}};
    vec![
        doc! {"$project": {"_id": 0, "names": names}},
        doc! {"$unwind": "$names"},
        doc! {"$group": {"_id": "$names", "customers": {"$sum": 1i64}}},
    ]
}

async fn most_common(
    customers: &Collection<RawDocumentBuf>,
    mut stages: Vec<Document>,
) -> Result<BTreeMap<String, u64>, Error> {
    #[derive(Deserialize)]
    struct Common {
        #[serde(rename = "_id")]
        name: String,
        customers: i64,
    }
    stages.push(doc! {"$sort": {"customers": -1, "_id": 1}});
    stages.push(doc! {"$limit": MAX_NAMES});
    let found = customers
        .aggregate(stages)
        .allow_disk_use(true)
        .max_time(PATIENCE)
        .with_type::<Common>()
        .await?;
    let by_name = found.map_ok(|common| (common.name, common.customers.unsigned_abs()));
    by_name.try_collect().await
}
