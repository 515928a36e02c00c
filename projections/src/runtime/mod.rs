//! Runtime that all views share: the contract of a view, the fold of a
//! partition by its owner, checkpoints, generations, quarantine, rebuilds,
//! verification, and access to MongoDB.
//!
//! The runtime refers to no view by name: [`store::Store`] gets the registry of
//! views when it is opened.

pub(crate) mod batch;
pub(crate) mod checkpoint;
pub(crate) mod cursor;
pub(crate) mod date;
pub(crate) mod decisions;
pub(crate) mod documents;
pub(crate) mod error;
pub(crate) mod folded;
pub(crate) mod folding;
pub(crate) mod generation;
pub(crate) mod long_read;
pub(crate) mod mirror;
pub(crate) mod owned;
pub(crate) mod page;
pub(crate) mod parallel;
pub(crate) mod parts;
pub(crate) mod projector;
pub(crate) mod quarantine;
pub(crate) mod reached;
pub(crate) mod rebuild;
pub(crate) mod recorded;
pub(crate) mod refold;
pub(crate) mod scan;
pub(crate) mod serving;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod unfolded;
pub(crate) mod verify;
pub(crate) mod view;
pub(crate) mod vouching;
pub(crate) mod wait;
pub(crate) mod withheld;
pub(crate) mod witness;
pub(crate) mod writes;
