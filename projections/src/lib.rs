//! The read side: views folded from the log into MongoDB, and queries on them.
//!
//! Each view has a file or a folder in `views` with its document, its fold and
//! its queries. `runtime` is shared by all views: the projector that keeps a view
//! up to date, the rebuild that folds a new generation while the old one
//! serves, and the verification that compares a view with the log. `accounting`
//! computes a campaign's recipients and reconciles the campaign with the log,
//! `analytics` computes statistics over customers, and `records` has the
//! collections that are not folded from the log.

mod accounting;
pub mod analytics;
mod records;
mod runtime;
mod views;

pub use accounting::recipients;
pub use accounting::reconcile::{
    Discrepancy, DiscrepancyKind, LaunchedCampaign, MAX_DISCREPANCIES, ReconcileError,
    Reconciliation, reconcile,
};
pub use records::import_files::{
    ImportFileRecord, ImportProcessName, ImportProgress, ImportWait, ImportWaitReason,
};
pub use records::jobs::{Job, JobEnd, JobKind, JobStatus, MAX_JOB_RESULT};
pub use records::waiting::{Waiting, WaitingReason};
pub use records::workers::{TaskReport, Worker, WorkerReport};
pub use runtime::checkpoint::Checkpoint;
pub use runtime::error::ProjectError;
pub use runtime::folded::{Folded, Topics, Watcher};
pub use runtime::generation::{Generation, Generations, Pointer, sweep};
pub use runtime::long_read::{LongRead, ReadProgress, require_whole};
pub use runtime::mirror::ChangedPage;
pub use runtime::owned::{OwnedPartition, Step};
pub use runtime::page::{Page, PageError, PageRequest};
pub use runtime::parts::{ChangedPart, DocumentAfter, DocumentBefore, FoldOutcome, Part, Parts};
pub use runtime::projector::{Mode, Projector};
pub use runtime::rebuild::{
    RebuildError, RebuildProgress, RebuildReport, offer_previous, previous_generation, rebuild,
    rebuild_lease, roll_back, switch_joined,
};
pub use runtime::recorded::{EntryReader, ReadError, Recorded, SharedEntry};
pub use runtime::status::{BuildStatus, PartitionStatus, ViewStatus};
pub use runtime::store::{Collections, QueryError, Store, StoreOptions};
pub use runtime::unfolded::Unfolded;
pub use runtime::verify::{DocumentsReport, VERIFIED_SAMPLE, verify_documents, verify_sample};
pub use runtime::view::{AnyView, FoldError, FoldInput, View};
pub use runtime::vouching::{PartitionCheckpoint, Vouched};
pub use runtime::wait::WaitError;
pub use runtime::withheld::Withheld;
pub use views::customers::audience_history::{CountPoint, MAX_POINTS};
pub use views::customers::audiences::{CountBasis, SegmentAudience};
pub use views::{
    VIEWS, api_keys, audit, campaign_stats, campaigns, customers, daily_figures, imports, messages,
    orders, segments, suppressions, users, view_named,
};
