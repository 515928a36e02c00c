//! Transfer of batches: keeps a few in flight, and records them in order.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::pin::pin;

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tokio::sync::mpsc;

use super::batches::ImportBatch;
use super::error::ImportError;
use super::fields::Resource;
use super::recorder::ImportRecorder;
use super::sink::{Progress, Sink};

/// Maximum number of batches in flight. While the server writes one, the other is sent or decided.
const IN_FLIGHT: usize = 2;

const READER_ENDED: &str = "its reader ended before the end of the file";

/// Sends every batch, and records each once all batches before it are recorded. When `stop` ends,
/// batches in flight are completed and no others are sent. Returns true if every batch was sent.
pub(super) async fn transfer<S: Sink>(
    mut batches: mpsc::Receiver<io::Result<Option<ImportBatch>>>,
    sink: &S,
    resource: Resource,
    recorder: &mut ImportRecorder,
    progress: &impl Progress,
    stop: impl Future<Output = ()>,
) -> Result<bool, ImportError> {
    let mut stop = pin!(stop);
    let mut is_stopped = false;
    let mut in_flight = FuturesOrdered::new();
    let mut ids_in_flight: VecDeque<HashSet<u64>> = VecDeque::new();
    let mut waiting: Option<ImportBatch> = None;
    let mut more = true;
    loop {
        if let Some(batch) = waiting.take_if(|batch| {
            // A batch waits for a batch in flight that has one of its ids: of two lines about the
            // same item, the later must win.
            let is_independent = !ids_in_flight.iter().any(|ids| batch.shares_an_id(ids));
            in_flight.len() < IN_FLIGHT && is_independent
        }) {
            let ImportBatch { body, ids, records } = batch;
            ids_in_flight.push_back(ids);
            in_flight.push_back(async move {
                let outcomes = match records.items.len() {
                    0 => Vec::new(),
                    items => sink.send(resource, body, items).await?,
                };
                Ok::<_, S::Error>((records, outcomes))
            });
        }
        if !more && waiting.is_none() && in_flight.is_empty() {
            return Ok(!is_stopped);
        }
        tokio::select! {
            // In this order: a sink that answers at once must not put off a stop.
            biased;
            () = &mut stop, if !is_stopped => {
                is_stopped = true;
                more = false;
                waiting = None;
            }
            Some(delivered) = in_flight.next(), if !in_flight.is_empty() => {
                let (records, outcomes) =
                    delivered.map_err(|error| ImportError::Sink(Box::new(error)))?;
                ids_in_flight.pop_front();
                recorder.record(records, outcomes, progress)?;
            }
            batch = batches.recv(), if more && waiting.is_none() => {
                // Without the end of the file, its rest was not read.
                let batch = batch.unwrap_or_else(|| Err(io::Error::other(READER_ENDED)));
                waiting = batch.map_err(ImportError::Read)?;
                more = waiting.is_some();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::super::import::tests::{Memory, ORDERS, task};
    use super::*;

    #[tokio::test]
    async fn a_reader_that_ends_before_the_file_is_an_error() {
        for is_whole in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let import = task(&folder, "orders.csv", ORDERS).prepare().unwrap();
            let mut recorder = import.into_recorder();
            let (sender, batches) = mpsc::channel(2);
            sender.send(Ok(Some(ImportBatch::default()))).await.unwrap();
            if is_whole {
                sender.send(Ok(None)).await.unwrap();
            }
            drop(sender);
            let memory = Memory::default();
            let orders = Resource::Orders;
            let ended = transfer(batches, &memory, orders, &mut recorder, &memory, pending()).await;
            match is_whole {
                true => assert!(ended.unwrap()),
                false => assert!(matches!(ended, Err(ImportError::Read(_)))),
            }
        }
    }
}
