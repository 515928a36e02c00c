//! Campaigns, given-when-then.
