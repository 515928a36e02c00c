//! Schedule of receipts: each waits until it is due, then joins the next batch for its callback
//! URL.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::time::DelayQueue;

use crate::callback;
use crate::due_receipt::DueReceipt;
use crate::message::Number;
use crate::state::Vendor;

/// Schedules and posts receipts. Dropping the future stops all posts.
pub(crate) async fn run(
    vendor: Arc<Vendor>,
    mut dues: mpsc::UnboundedReceiver<DueReceipt>,
    schedule: mpsc::UnboundedSender<DueReceipt>,
) {
    let mut waiting = DelayQueue::new();
    let mut lanes = Lanes {
        vendor,
        schedule,
        queues: HashMap::new(),
        tasks: JoinSet::new(),
    };
    loop {
        tokio::select! {
            Some(due) = dues.recv() => match due.after_ms {
                0 => lanes.queue(due),
                ms => {
                    waiting.insert(due, Duration::from_millis(ms));
                }
            },
            Some(due) = poll_fn(|cx| waiting.poll_expired(cx)) => lanes.queue(due.into_inner()),
            // Cannot happen: `lanes` owns a sender.
            else => return,
        }
    }
}

/// Lanes, one per callback URL, so that a URL that is down does not delay others.
struct Lanes {
    vendor: Arc<Vendor>,
    schedule: mpsc::UnboundedSender<DueReceipt>,
    queues: HashMap<u32, mpsc::UnboundedSender<DueReceipt>>,
    tasks: JoinSet<()>,
}

impl Lanes {
    fn queue(&mut self, due: DueReceipt) {
        let (callback, url) = self.vendor.ledger.callback(due.number);
        let queue = self.queues.entry(callback).or_insert_with(|| {
            let (queue, queued) = mpsc::unbounded_channel();
            let lane = lane(self.vendor.clone(), url, queued, self.schedule.clone());
            self.tasks.spawn(lane);
            queue
        });
        // Cannot fail: a lane ends only when its queue here is dropped.
        let _ = queue.send(due);
    }
}

/// Posts queued receipts with bounded concurrency. While the maximum number of posts is in flight,
/// the next batch fills up.
async fn lane(
    vendor: Arc<Vendor>,
    url: Box<str>,
    mut queue: mpsc::UnboundedReceiver<DueReceipt>,
    schedule: mpsc::UnboundedSender<DueReceipt>,
) {
    let url: Arc<str> = url.into();
    let mut posts = JoinSet::new();
    loop {
        while posts.len() >= usize::from(vendor.callback_concurrency) {
            posts.join_next().await;
        }
        let mut batch = Vec::new();
        let size = vendor.controls.settings().receipt_batch.get();
        if queue.recv_many(&mut batch, size).await == 0 {
            return;
        }
        posts.spawn(deliver(
            vendor.clone(),
            url.clone(),
            batch,
            schedule.clone(),
        ));
    }
}

/// Posts one batch until it is acknowledged, records the acknowledgment, and schedules duplicates.
async fn deliver(
    vendor: Arc<Vendor>,
    url: Arc<str>,
    mut batch: Vec<DueReceipt>,
    schedule: mpsc::UnboundedSender<DueReceipt>,
) {
    callback::post_until_acknowledged(&vendor, &url, &mut batch).await;
    vendor.stats.receipts_taken.add(batch.len());
    let firsts = batch.iter().filter(|due| !due.is_duplicate);
    let numbers: Vec<Number> = firsts.map(|due| due.number).collect();
    for due in vendor
        .ledger
        .duplicates(&numbers, &vendor.controls.settings())
    {
        // Fails only while the vendor stops, when no receipt is posted any longer.
        let _ = schedule.send(due);
    }
    if !numbers.is_empty() {
        vendor.ledger.acknowledge(numbers);
    }
}
