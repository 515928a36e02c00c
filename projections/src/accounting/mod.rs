//! Recipients of a campaign, computed from the log, and the comparison of the
//! views with them.

pub(crate) mod incomplete;
pub mod recipients;
pub(crate) mod reconcile;
pub(crate) mod set_aside;
