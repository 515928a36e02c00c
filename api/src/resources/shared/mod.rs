//! Parts that several resources share.
//!
//! [`after`] lets a read wait for positions, [`consistency`] for the writes of its own
//! credential, which [`own_writes`] remembers. [`answers`] bounds the memory of answers. [`quarantined`] marks documents whose
//! events are in quarantine, [`rules`] parses and describes rules, and [`unverified_body`]
//! reads bodies of senders that are not verified yet.

pub(crate) mod after;
pub(crate) mod answers;
pub(crate) mod consistency;
pub(crate) mod own_writes;
pub(crate) mod quarantined;
pub(crate) mod rules;
pub(crate) mod unverified_body;
