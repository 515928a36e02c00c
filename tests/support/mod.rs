//! Helpers that the black-box tests share.

pub(crate) mod app;
pub(crate) mod apt;
pub(crate) mod browser;
pub(crate) mod campaign;
pub(crate) mod client;
pub(crate) mod deployment;
pub(crate) mod engines;
pub(crate) mod events;
pub(crate) mod mongo_server;
pub(crate) mod oidc;
pub(crate) mod openai;
pub(crate) mod pip;
pub(crate) mod process;
pub(crate) mod property;
pub(crate) mod raw_events;
pub(crate) mod receipts;
pub(crate) mod redis_server;
pub(crate) mod scratch_database;
pub(crate) mod scripted_vendor;
pub(crate) mod segment_sdk;
pub(crate) mod shop;
pub(crate) mod tls;
pub(crate) mod tokens;
pub(crate) mod vendor;
pub(crate) mod vendor_process;
pub(crate) mod wait;
