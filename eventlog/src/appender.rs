//! Group commit: one task per partition flushes whatever waits.

use tokio::sync::{mpsc, oneshot};

use crate::append::append;
use crate::connection::Connection;
use crate::{Append, Appended, Layout, LogError, Partition};

/// The most that one script call carries: Redis does nothing else meanwhile.
const MAX_ITEMS: usize = 1_000;
const MAX_BYTES: usize = 1 << 20;

/// How many requests may wait; more wait to be let in.
const QUEUE: usize = 1_024;

struct Request {
    items: Vec<Append>,
    reply: oneshot::Sender<Result<Vec<Appended>, LogError>>,
}

/// The way to one partition's appender task.
#[derive(Clone)]
pub(crate) struct Appender(mpsc::Sender<Request>);

impl Appender {
    /// Starts the task. It ends when the last `Appender` is dropped and what
    /// waits is written.
    pub(crate) fn start(connection: Connection, layout: Layout, partition: Partition) -> Self {
        let (sender, requests) = mpsc::channel(QUEUE);
        tokio::spawn(run(connection, layout, partition, requests));
        Self(sender)
    }

    /// Appends items of this partition; answers when they are on disk.
    pub(crate) async fn append(&self, items: Vec<Append>) -> Result<Vec<Appended>, LogError> {
        let (reply, answer) = oneshot::channel();
        let request = Request { items, reply };
        self.0.send(request).await.map_err(|_| LogError::Closed)?;
        answer.await.map_err(|_| LogError::Closed)?
    }
}

async fn run(
    mut connection: Connection,
    layout: Layout,
    partition: Partition,
    mut requests: mpsc::Receiver<Request>,
) {
    let mut waiting = Vec::new();
    // While one flush is in flight, the next group gathers in the channel.
    while requests.recv_many(&mut waiting, QUEUE).await > 0 {
        let (items, callers) = gather(std::mem::take(&mut waiting));
        let results = flush(&mut connection, &layout, partition, items).await;
        answer(callers, results);
    }
}

type Caller = (usize, oneshot::Sender<Result<Vec<Appended>, LogError>>);

fn gather(requests: Vec<Request>) -> (Vec<Append>, Vec<Caller>) {
    let mut items = Vec::new();
    let mut callers = Vec::with_capacity(requests.len());
    for mut request in requests {
        callers.push((request.items.len(), request.reply));
        items.append(&mut request.items);
    }
    (items, callers)
}

/// Appends in calls of bounded size. After a call that failed, the rest is not
/// tried: all that follow get the same error.
async fn flush(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    items: Vec<Append>,
) -> Vec<Result<Appended, LogError>> {
    let mut results = Vec::with_capacity(items.len());
    let mut rest = items.as_slice();
    while !rest.is_empty() {
        let (call, after) = rest.split_at(call_size(rest));
        match append(connection, layout, partition, call).await {
            Ok(appended) => results.extend(appended.into_iter().map(Ok)),
            Err(error) => {
                tracing::warn!(partition, items = rest.len(), %error, "an append failed");
                results.extend(rest.iter().map(|_| Err(error.clone())));
                break;
            }
        }
        rest = after;
    }
    results
}

fn call_size(items: &[Append]) -> usize {
    let mut bytes = 0;
    let fits = |item: &&Append| {
        bytes += item.weight();
        bytes <= MAX_BYTES
    };
    items.iter().take(MAX_ITEMS).take_while(fits).count().max(1)
}

fn answer(callers: Vec<Caller>, results: Vec<Result<Appended, LogError>>) {
    let mut results = results.into_iter();
    for (count, reply) in callers {
        let own = results.by_ref().take(count).collect();
        // A caller that has gone away does not want its answer.
        let _ = reply.send(own);
    }
}
