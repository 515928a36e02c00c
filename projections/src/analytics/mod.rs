//! Statistics over many customers, computed when they are requested: lookalikes,
//! busy hours, and facts about the store.

pub(crate) mod busy;
pub(crate) mod deciles;
pub(crate) mod lookalikes;
pub(crate) mod store_facts;

pub use busy::{ActivityCounts, ActivityHours};
pub use lookalikes::{
    AudienceMean, Feature, FeatureDifference, Lookalike, Lookalikes, MAX_LOOKALIKES,
};
pub use store_facts::StoreFacts;
