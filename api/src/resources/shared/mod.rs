//! Parts that several resources share.
//!
//! [`after`] lets a read wait for positions, [`consistency`] for the writes of its own
//! credential, which [`own_writes`] remembers. [`quarantined`] marks documents whose
//! events are in quarantine, and [`rules`] parses and describes rules.

pub(crate) mod after;
pub(crate) mod consistency;
pub(crate) mod own_writes;
pub(crate) mod quarantined;
pub(crate) mod rules;
