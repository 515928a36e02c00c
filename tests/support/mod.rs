//! What tests are written with.

pub(crate) mod engines;
