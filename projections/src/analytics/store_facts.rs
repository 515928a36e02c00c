//! Facts about a store: the distribution of its figures, and the names of its
//! places, tags and activities.

use std::collections::{BTreeMap, HashMap};

use bson::{Document, RawDocument, RawDocumentBuf, doc};
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::Error;
use serde::Deserialize;

use crate::analytics::deciles::deciles;
use crate::runtime::scan::{BATCH, PATIENCE, each};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;
use crate::views::customers::Customers;
use crate::views::customers::filter::{living, merged};
use crate::views::customers::fold::average;

/// Maximum number of names of each kind.
const MAX_NAMES: i64 = 300;

/// Deciles by the name of the rules' field.
type Deciles = BTreeMap<&'static str, [i64; 9]>;

/// Figures and names of a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreFacts {
    /// Number of all customers.
    pub customers: u64,
    /// 10th to 90th percentile by nearest rank of `total_spend`, `order_count`,
    /// `average_order_value` and `visits`, over the customers who have any; money
    /// is in minor units. A field that fewer than ten customers have is absent.
    pub deciles: BTreeMap<&'static str, [i64; 9]>,
    /// The 300 most common cities, as they are written, each with its number of
    /// customers.
    pub cities: BTreeMap<String, u64>,
    /// The 300 most common countries, each with its number of customers.
    pub countries: BTreeMap<String, u64>,
    /// The 300 most common tags, each with its number of customers.
    pub tags: BTreeMap<String, u64>,
    /// The 300 most common activities, each with the number of customers who have
    /// done it.
    pub activities: BTreeMap<String, u64>,
}

impl Store {
    /// Computes facts about the store as it is now.
    ///
    /// Takes three index scans and three scans of all documents, one after the
    /// other: seconds for a million customers on one MongoDB core. Callers that ask
    /// often should cache the result. Uses 24 bytes of memory per customer.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer or takes too long.
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

/// Returns the deciles of the order figures. One index has both the number of
/// orders and the total spend; the average order value follows from the two.
async fn deciles_of_orders(customers: &Collection<RawDocumentBuf>) -> Result<Deciles, Error> {
    let (mut spend, mut counts, mut averages) = (Vec::new(), Vec::new(), Vec::new());
    let find = customers
        .find(doc! {"order_count": {"$gt": 0}})
        .projection(doc! {"_id": 0, "order_count": 1, "total_spend": 1})
        .batch_size(BATCH)
        .max_time(PATIENCE);
    let collect = |customer: &RawDocument| {
        let total = customer.get_i64("total_spend")?;
        let count = customer.get_i64("order_count")?;
        counts.push(count);
        spend.extend((total > 0).then_some(total));
        averages.extend(average(total, count).filter(|average| *average > 0));
        Ok(())
    };
    each(find.await?, collect).await?;
    Ok(deciles_of([
        ("total_spend", spend),
        ("order_count", counts),
        ("average_order_value", averages),
    ]))
}

/// Returns the deciles of the number of visits, which has an index too.
async fn deciles_of_visits(customers: &Collection<RawDocumentBuf>) -> Result<Deciles, Error> {
    let mut visits = Vec::new();
    // A merged customer's orders have moved, but the activities stay. Few are merged,
    // so their visits are taken out again; leaving them out would read all documents.
    let mut merged_visits: HashMap<i64, u64> = HashMap::new();
    let visitors = doc! {"events.visit.count": {"$gt": 0}};
    let find = customers
        .find(merged(&visitors))
        .projection(doc! {"_id": 0, "events.visit.count": 1})
        .max_time(PATIENCE);
    let collect = |customer: &RawDocument| {
        *merged_visits.entry(visits_of(customer)?).or_default() += 1;
        Ok(())
    };
    each(find.await?, collect).await?;
    let find = customers
        .find(visitors)
        .projection(doc! {"_id": 0, "events.visit.count": 1})
        .batch_size(BATCH)
        .max_time(PATIENCE);
    let collect = |customer: &RawDocument| {
        visits.push(visits_of(customer)?);
        Ok(())
    };
    each(find.await?, collect).await?;
    visits.retain(|count| match merged_visits.get_mut(count) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    });
    Ok(deciles_of([("visits", visits)]))
}

/// Returns the deciles of the fields that enough customers have.
fn visits_of(customer: &RawDocument) -> Result<i64, bson::error::Error> {
    let events = customer.get_document("events")?;
    events.get_document("visit")?.get_i64("count")
}

fn deciles_of<const N: usize>(measures: [(&'static str, Vec<i64>); N]) -> Deciles {
    let with_deciles = |(field, values)| Some((field, deciles(values)?));
    measures.into_iter().filter_map(with_deciles).collect()
}

/// Returns the stages that count customers by their text in a field.
fn texts(field: &str) -> Vec<Document> {
    vec![
        // Matches only texts, so customers without one are left out.
        doc! {"$match": {field: {"$gte": ""}}},
        doc! {"$group": {"_id": format!("${field}"), "customers": {"$sum": 1i64}}},
    ]
}

/// Returns the stages that count customers by tag. No customer has a tag twice.
fn tags() -> Vec<Document> {
    vec![
        doc! {"$project": {"_id": 0, "tags": 1}},
        doc! {"$unwind": "$tags"},
        doc! {"$group": {"_id": "$tags", "customers": {"$sum": 1i64}}},
    ]
}

/// Returns the stages that count customers by activity. A name whose activities
/// were all taken back has the count 0 and is left out. The first stage passes
/// on only the names, not the times.
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
    stages: Vec<Document>,
) -> Result<BTreeMap<String, u64>, Error> {
    #[derive(Deserialize)]
    struct Common {
        #[serde(rename = "_id")]
        name: String,
        customers: i64,
    }
    let unmerged = doc! {"$match": living(doc! {})};
    let mut stages: Vec<Document> = std::iter::once(unmerged).chain(stages).collect();
    stages.push(doc! {"$sort": {"customers": -1, "_id": 1}});
    stages.push(doc! {"$limit": MAX_NAMES});
    let most_common = customers
        .aggregate(stages)
        .allow_disk_use(true)
        .max_time(PATIENCE)
        .with_type::<Common>()
        .await?;
    let by_name = most_common.map_ok(|common| (common.name, common.customers.unsigned_abs()));
    by_name.try_collect().await
}
