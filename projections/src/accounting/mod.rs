//! Recipients of a campaign, computed from the log, and the comparison of the
//! campaign's messages and views with the log.

pub(crate) mod incomplete;
pub mod recipients;
pub(crate) mod reconcile;
pub(crate) mod set_aside;
