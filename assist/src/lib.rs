//! Assistance in plain words: segment rules from a request, message variants,
//! campaign summaries and tags.
//!
//! Two engines answer: [`builtin`], which is deterministic and needs no service, and
//! [`model`], which calls a language model. The answers of both pass the same checks:
//! rules by [`domain::rules`], templates by [`domain::Template`]. All numbers in a
//! model's prose are figures that [`prose::fill`] inserts.
//!
//! This crate receives no data about an individual customer. [`Facts`] describes the
//! store. Only [`model`] does I/O, with the model's server.

pub mod builtin;
mod decimal;
mod explain;
mod facts;
mod figures;
pub mod model;
mod money;
pub mod prose;
mod tag;
mod tone;

pub use explain::{explain, explain_without_personal_values};
pub use facts::{Facts, Measure};
pub use figures::{Bracket, CampaignResults};
pub use tag::{Tag, UnknownTag};
pub use tone::{Tone, UnknownTone};
