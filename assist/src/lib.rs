//! What answers requests in plain words: which customers are meant, what a
//! message could say, how a campaign went.
//!
//! [`builtin`] does so by itself, always in the same way; [`model`] asks a
//! language model. Whoever answers, what comes out is checked: rules by
//! [`domain::rules`], templates by [`domain::Template`], the numbers of a text
//! by [`check::numbers`].
//!
//! Nothing here knows a customer: a store tells of itself in [`Facts`]. Only
//! [`model`] does I/O, with the model's server.

pub mod builtin;
pub mod check;
mod decimal;
mod explain;
mod facts;
mod figures;
pub mod model;
mod money;
mod tag;
mod tone;

pub use explain::{explain, explain_to_strangers};
pub use facts::{Facts, Measure};
pub use figures::{Bracket, CampaignFigures};
pub use tag::{Tag, UnknownTag};
pub use tone::{Tone, UnknownTone};
