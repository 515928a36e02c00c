//! Statistics over many customers, computed when they are requested: lookalikes,
//! busy hours, and facts about the store.

pub(crate) mod busy;
pub(crate) mod deciles;
pub(crate) mod lookalikes;
pub(crate) mod store_facts;

pub use busy::{Busy, BusyHours};
pub use lookalikes::{Centre, Feature, Likeness, Lookalike, Lookalikes, MAX_LOOKALIKES};
pub use store_facts::StoreFacts;
