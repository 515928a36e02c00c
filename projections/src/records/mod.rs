//! Collections that are not folded from the log: status of workers, jobs, and
//! the reasons why campaigns wait. Their loss costs no data.

pub(crate) mod jobs;
pub(crate) mod live_workers;
pub(crate) mod waiting;
pub(crate) mod workers;
