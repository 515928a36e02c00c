//! The read side: views folded from the log into MongoDB, and queries on them.
//!
//! Each view has a folder with its document, its fold and its queries.
//! Everything else in this crate is shared by all views: the projector that
//! keeps a view up to date, the rebuild that folds a new generation while the
//! old one serves, and the verification that compares a view with the log.

pub mod api_keys;
mod audiences;
pub mod audit;
pub mod campaign_stats;
pub mod campaigns;
mod checkpoint;
mod cursor;
pub mod customers;
mod date;
mod documents;
mod error;
mod folded;
mod folding;
mod generation;
#[cfg(test)]
mod history;
mod incomplete;
mod jobs;
mod live_workers;
mod long_read;
pub mod messages;
pub mod orders;
mod owned;
mod page;
mod parallel;
mod parts;
mod projector;
mod quarantine;
mod reached;
mod rebuild;
pub mod recipients;
mod reconcile;
mod recorded;
mod replay;
mod scan;
pub mod segments;
mod status;
mod store;
mod unfolded;
pub mod users;
mod verify;
mod view;
mod vouching;
mod wait;
mod waiting;
mod witness;
mod workers;
mod writes;

pub use audiences::{Audience, Basis};
pub use checkpoint::Checkpoint;
pub use error::ProjectError;
pub use folded::{Folded, Topics, Watcher};
pub use generation::{Generations, Pointer, sweep};
pub use jobs::{Job, JobEnd, JobKind, JobStatus, MAX_JOB_RESULT};
pub use long_read::{LongRead, ReadProgress, require_whole};
pub use owned::{Generation, OwnedPartition, Step};
pub use page::{Page, PageError, PageRequest};
pub use parts::{After, Before, ChangedPart, FoldOutcome, Part, Parts};
pub use projector::{Mode, Projector};
pub use quarantine::Withheld;
pub use rebuild::{Progress, RebuildError, RebuildReport, rebuild, roll_back, switch_joined};
pub use reconcile::{
    Discrepancy, DiscrepancyKind, Launched, MAX_DISCREPANCIES, ReconcileError, Reconciliation,
    reconcile,
};
pub use recorded::{EntryReader, ReadError, Recorded, SharedEntry};
pub use status::{BuildStatus, PartitionStatus, ViewStatus};
pub use store::{Collections, QueryError, Store, StoreOptions};
pub use unfolded::Unfolded;
pub use verify::{DocumentsReport, verify_documents};
pub use view::{AnyView, FoldError, Input, VIEWS, View, view_named};
pub use vouching::{PartitionCheckpoint, Vouched};
pub use wait::WaitError;
pub use waiting::{Waiting, WaitingReason};
pub use workers::{TaskReport, Worker, WorkerReport};
