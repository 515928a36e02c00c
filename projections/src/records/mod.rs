//! Collections that are not folded from the log: status of workers, jobs, the files of
//! imports, the reasons why campaigns wait, and the numbers of rebuild requests that are done.
//! Their loss costs no data.

pub(crate) mod import_files;
pub(crate) mod jobs;
pub(crate) mod live_workers;
pub(crate) mod rebuild_requests;
pub(crate) mod waiting;
pub(crate) mod workers;
