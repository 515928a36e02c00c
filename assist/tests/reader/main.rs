//! Requests in plain words against the rules that they must mean.

mod hostile;
mod laws;
mod population;
mod requests;
mod store;
