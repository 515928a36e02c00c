//! Keeping a few batches in flight, and accounting for them in order.

use std::collections::{HashSet, VecDeque};
use std::io;

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tokio::sync::mpsc;

use super::answer::Verdict;
use super::batches::Batch;
use super::ledger::{Ledger, Slip};
use super::send::Sender;

/// One batch is on its way or being decided while the server writes the other.
const IN_FLIGHT: usize = 2;

/// Sends every batch and enters each in the ledger once all before it are.
///
/// A batch with an id that is also in one in flight waits for that one: of two lines about the
/// same thing the later must win.
pub(super) async fn transfer(
    mut batches: mpsc::Receiver<io::Result<Batch>>,
    sender: &Sender<'_>,
    ledger: &mut Ledger<'_>,
) -> anyhow::Result<()> {
    let mut in_flight = FuturesOrdered::new();
    let mut ids_in_flight: VecDeque<HashSet<u64>> = VecDeque::new();
    let mut waiting: Option<Batch> = None;
    let mut more = true;
    loop {
        if let Some(batch) = waiting.take_if(|batch| {
            let apart = !ids_in_flight.iter().any(|ids| batch.shares_an_id(ids));
            in_flight.len() < IN_FLIGHT && apart
        }) {
            let Batch {
                body,
                places,
                ids,
                refused,
                end,
            } = batch;
            ids_in_flight.push_back(ids);
            in_flight.push_back(deliver(
                sender,
                body,
                Slip {
                    places,
                    refused,
                    end,
                },
            ));
        }
        tokio::select! {
            batch = batches.recv(), if more && waiting.is_none() => {
                more = batch.is_some();
                waiting = batch.transpose()?;
            }
            Some(delivered) = in_flight.next(), if !in_flight.is_empty() => {
                let (slip, verdicts) = delivered?;
                ids_in_flight.pop_front();
                ledger.enter(slip, verdicts)?;
            }
            else => return Ok(()),
        }
    }
}

async fn deliver(
    sender: &Sender<'_>,
    body: Vec<u8>,
    slip: Slip,
) -> anyhow::Result<(Slip, Vec<Verdict>)> {
    let verdicts = sender.send(body, slip.places.len()).await?;
    Ok((slip, verdicts))
}
