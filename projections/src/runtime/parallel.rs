//! Concurrent work on all partitions.

use eventlog::Partition;
use futures::{StreamExt, TryStreamExt, stream};
use tokio_util::task::AbortOnDropHandle;

use crate::runtime::error::ProjectError;

/// Number of partitions processed at once. Some wait for Redis or MongoDB while
/// others compute.
const AT_ONCE: usize = 4;

/// Runs `work` for each partition in a task of its own. Results are in no
/// particular order. After an error, or when dropped, running tasks are
/// aborted.
pub(crate) async fn each_partition<T, F>(
    partitions: impl IntoIterator<Item = Partition>,
    work: impl Fn(Partition) -> F,
) -> Result<Vec<T>, ProjectError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, ProjectError>> + Send + 'static,
{
    stream::iter(partitions)
        .map(|partition| {
            let task = AbortOnDropHandle::new(tokio::spawn(work(partition)));
            async move { task.await.map_err(ProjectError::Broken)? }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}
