//! Schedules receipts: each waits until it is due, then joins the next batch for
//! its callback URL.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::time::DelayQueue;

use crate::callback;
use crate::message::Number;
use crate::serve::Vendor;

/// A receipt to be posted, `after_ms` from when it is scheduled.
pub(crate) struct Due {
    pub(crate) number: Number,
    after_ms: u64,
    /// This is the second post of a duplicated receipt.
    pub(crate) again: bool,
    /// Dropped after the first attempt, which wakes the waiting response.
    posted: Option<oneshot::Sender<()>>,
}

impl Due {
    pub(crate) fn first(number: Number, after_ms: u64) -> Self {
        Self {
            number,
            after_ms,
            again: false,
            posted: None,
        }
    }

    pub(crate) fn again(number: Number, after_ms: u64) -> Self {
        Self {
            again: true,
            ..Self::first(number, after_ms)
        }
    }

    /// Ends as soon as the receipt was posted, acknowledged or not.
    pub(crate) fn tell_when_posted(&mut self) -> oneshot::Receiver<()> {
        let (posted, when_posted) = oneshot::channel();
        self.posted = Some(posted);
        when_posted
    }

    pub(crate) fn attempted(&mut self) {
        self.posted = None;
    }
}

/// Schedules receipts for as long as it is polled; dropping it stops all posts.
pub(crate) async fn run(
    vendor: Arc<Vendor>,
    mut dues: mpsc::UnboundedReceiver<Due>,
    schedule: mpsc::UnboundedSender<Due>,
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
            // Cannot happen: `lanes` holds a sender.
            else => return,
        }
    }
}

/// One lane per callback URL, so that a URL that is down does not hold up others.
struct Lanes {
    vendor: Arc<Vendor>,
    schedule: mpsc::UnboundedSender<Due>,
    queues: HashMap<u32, mpsc::UnboundedSender<Due>>,
    tasks: JoinSet<()>,
}

impl Lanes {
    fn queue(&mut self, due: Due) {
        let (callback, url) = self.vendor.ledger.callback(due.number);
        let queue = self.queues.entry(callback).or_insert_with(|| {
            let (queue, queued) = mpsc::unbounded_channel();
            let lane = lane(self.vendor.clone(), url, queued, self.schedule.clone());
            self.tasks.spawn(lane);
            queue
        });
        // The lane ends only together with this.
        let _ = queue.send(due);
    }
}

/// Posts whatever is queued, with bounded concurrency. While all posts are
/// under way the next batch gathers.
async fn lane(
    vendor: Arc<Vendor>,
    url: Box<str>,
    mut queue: mpsc::UnboundedReceiver<Due>,
    schedule: mpsc::UnboundedSender<Due>,
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

/// Posts one batch until it is acknowledged, records that, and schedules
/// duplicates.
async fn deliver(
    vendor: Arc<Vendor>,
    url: Arc<str>,
    mut batch: Vec<Due>,
    schedule: mpsc::UnboundedSender<Due>,
) {
    callback::post_until_taken(&vendor, &url, &mut batch).await;
    vendor.stats.receipts_taken.many(batch.len());
    let firsts = batch.iter().filter(|due| !due.again);
    let numbers: Vec<Number> = firsts.map(|due| due.number).collect();
    for due in vendor
        .ledger
        .duplicates(&numbers, &vendor.controls.settings())
    {
        // Its receiver ends only together with this.
        let _ = schedule.send(due);
    }
    if !numbers.is_empty() {
        vendor.ledger.acknowledge(numbers);
    }
}
