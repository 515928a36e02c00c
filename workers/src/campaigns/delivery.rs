//! Runs a lane for each campaign that is being sent, over the partitions that this
//! process owns.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::{CampaignId, CampaignStatus};
use eventlog::Partition;
use projections::{Topics, Waiting};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::WorkError;
use super::head::is_sending;
use super::lane::{Lane, StopTokens};
use super::outlet::Outlet;
use crate::shared::SharedResources;

/// Time for which a report that a campaign waits is valid. The report of a worker that
/// died expires then.
const WAITING: Duration = Duration::from_secs(6);

/// Interval at which such a report is repeated.
const REPEAT: Duration = Duration::from_secs(2);

/// Interval between checks for messages to send while campaigns are being sent.
const LOOK: Duration = Duration::from_millis(500);

/// Interval between checks while no campaign is being sent, if no notice arrives.
const IDLE: Duration = Duration::from_secs(10);

/// Time limit for one check.
const LOOKING: Duration = Duration::from_secs(30);

/// Time in which changes of the partitions are collected. They arrive one by one, and
/// each restart stops all lanes.
const GATHERING: Duration = Duration::from_millis(50);

/// Delay after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Time limit for requests in flight when lanes are closed. Messages whose answers are
/// lost are sent again; the vendor delivers each once.
const PATIENCE: Duration = Duration::from_secs(2);

/// Set of partitions whose messages this process sends.
pub(crate) struct Sending {
    wanted: watch::Sender<BTreeSet<Partition>>,
    served: watch::Sender<BTreeSet<Partition>>,
}

impl Sending {
    /// Creates an empty set.
    pub(crate) fn new() -> Self {
        Self {
            wanted: watch::Sender::default(),
            served: watch::Sender::default(),
        }
    }

    /// Sends a partition's messages until `stop` is cancelled, and returns once none
    /// is in flight.
    pub(crate) async fn serve(&self, partition: Partition, stop: &CancellationToken) {
        self.wanted.send_modify(|wanted| {
            wanted.insert(partition);
        });
        stop.cancelled().await;
        self.wanted.send_modify(|wanted| {
            wanted.remove(&partition);
        });
        // The partition is released when this returns, and its next owner sends the
        // same messages. Waiting for the requests in flight avoids duplicates.
        let mut served = self.served.subscribe();
        let is_over = |served: &BTreeSet<Partition>| !served.contains(&partition);
        // Cannot fail: `self` owns the sender.
        let _over = served.wait_for(is_over).await;
    }

    /// Sends the messages of the served partitions until `stop` is cancelled.
    pub(crate) async fn run(
        &self,
        shared: &Arc<SharedResources>,
        outlet: &Arc<Outlet>,
        stop: &CancellationToken,
    ) {
        let mut wanted = self.wanted.subscribe();
        while !stop.is_cancelled() {
            tokio::time::sleep(GATHERING).await;
            let partitions = wanted.borrow_and_update().clone();
            self.served.send_replace(partitions.clone());
            let mut lanes = Lanes::new(shared, outlet, partitions);
            tokio::select! {
                () = stop.cancelled() => {}
                _ = wanted.changed() => {}
                () = lanes.poll() => {}
            }
            lanes.close().await;
        }
        self.served.send_replace(BTreeSet::new());
    }
}

/// Lanes of the campaigns that are being sent.
struct Lanes {
    shared: Arc<SharedResources>,
    outlet: Arc<Outlet>,
    partitions: Arc<[Partition]>,
    give_up: CancellationToken,
    open: HashMap<CampaignId, OpenLane>,
    reported: LastReport,
}

/// Last report of what campaigns wait for.
#[derive(Default)]
struct LastReport {
    waiting: HashMap<CampaignId, Waiting>,
    at: Option<Instant>,
    writing: Option<JoinHandle<()>>,
}

struct OpenLane {
    lane: Arc<Lane>,
    /// Current pass through the campaign's messages, if any.
    running: Option<RunningPass>,
}

struct RunningPass {
    halt: CancellationToken,
    task: JoinHandle<()>,
}

impl OpenLane {
    fn is_running(&self) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| !running.task.is_finished())
    }
}

impl Lanes {
    fn new(
        shared: &Arc<SharedResources>,
        outlet: &Arc<Outlet>,
        partitions: BTreeSet<Partition>,
    ) -> Self {
        Self {
            shared: shared.clone(),
            outlet: outlet.clone(),
            partitions: partitions.into_iter().collect(),
            give_up: CancellationToken::new(),
            open: HashMap::new(),
            reported: LastReport::default(),
        }
    }

    /// Checks for messages to send periodically; never returns.
    async fn poll(&mut self) {
        if self.partitions.is_empty() {
            return std::future::pending().await;
        }
        let mut watcher = self.shared.store.folded().watch(Topics::CAMPAIGNS);
        loop {
            let looking = tokio::time::timeout(LOOKING, self.start_passes());
            let looked = looking.await.unwrap_or(Err(WorkError::Late(LOOKING)));
            let rest = match looked {
                Ok(true) => LOOK,
                Ok(false) => IDLE,
                Err(error) => {
                    tracing::warn!(%error, "cannot determine which campaigns to send, trying again");
                    PAUSE
                }
            };
            watcher.changed(rest).await;
        }
    }

    /// Starts a pass for each campaign that has queued messages and no running pass.
    /// Returns whether any campaign is being sent.
    async fn start_passes(&mut self) -> Result<bool, WorkError> {
        let store = &self.shared.store;
        let mut sending = store.campaigns_in(&[CampaignStatus::Sending]).await?;
        let is_among = |id: &CampaignId| sending.iter().any(|c| c.campaign_id == *id);
        self.open
            .retain(|id, open| open.is_running() || is_among(id));
        if sending.is_empty() {
            self.report_waiting(HashMap::new());
            return Ok(false);
        }
        let ids: Vec<&CampaignId> = sending.iter().map(|c| &c.campaign_id).collect();
        let figures = store.campaign_stats(&ids).await?;
        let has_queued = |id: &CampaignId| figures.get(id).is_some_and(|f| f.queued() > 0);
        sending.retain(|campaign| has_queued(&campaign.campaign_id));
        for campaign in &sending {
            let id = &campaign.campaign_id;
            if !self.open.get(id).is_some_and(OpenLane::is_running) {
                self.start_pass(id, campaign.messages_per_second).await;
            }
        }
        let waiting = self.outlet.waiting();
        let queued = sending.into_iter().filter_map(|campaign| {
            let mut waiting = waiting.clone()?;
            // The breaker may have opened before this campaign had anything to send.
            let launched = campaign.launched_at.map(|at| at.to_chrono().into());
            waiting.since = launched.map_or(waiting.since, |at| waiting.since.max(at));
            Some((campaign.campaign_id, waiting))
        });
        self.report_waiting(queued.collect());
        Ok(true)
    }

    /// Reports what these campaigns wait for, and withdraws earlier reports that no
    /// longer hold. The reports are written in the background, so that sending does
    /// not wait for MongoDB.
    fn report_waiting(&mut self, waiting: HashMap<CampaignId, Waiting>) {
        let reported = &mut self.reported;
        let is_new = waiting != reported.waiting;
        let is_due = !waiting.is_empty() && reported.at.is_none_or(|at| at.elapsed() >= REPEAT);
        let is_writing = |task: &JoinHandle<()>| !task.is_finished();
        if !(is_new || is_due) || reported.writing.as_ref().is_some_and(is_writing) {
            return;
        }
        let mut over = std::mem::replace(&mut reported.waiting, waiting.clone());
        over.retain(|campaign, _| !waiting.contains_key(campaign));
        reported.at = Some(Instant::now());
        let shared = self.shared.clone();
        reported.writing = Some(tokio::spawn(async move {
            let store = &shared.store;
            let over: Vec<&CampaignId> = over.keys().collect();
            let written = tokio::try_join!(
                store.forget_waiting(&over),
                store.record_waiting(&waiting, WAITING)
            );
            // Best effort: a report that is not withdrawn expires.
            if let Err(error) = written {
                tracing::warn!(%error, "cannot report what campaigns wait for, trying again");
            }
        }));
    }

    /// Starts a pass unless the campaign's head says that it is not being sent. A
    /// failure with one campaign does not hold back others.
    async fn start_pass(&mut self, campaign: &CampaignId, per_second: Option<u32>) {
        match is_sending(&self.shared, campaign).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%campaign, %error, "cannot send the campaign, trying again");
                return;
            }
        }
        let open = self.open.entry(campaign.clone()).or_insert_with(|| {
            tracing::info!(%campaign, "sending the campaign");
            let (shared, outlet) = (self.shared.clone(), self.outlet.clone());
            let (campaign, partitions) = (campaign.clone(), self.partitions.clone());
            let lane = Lane::new(shared, outlet, campaign, partitions, per_second);
            OpenLane {
                lane: Arc::new(lane),
                running: None,
            }
        });
        let halt = CancellationToken::new();
        let stop = StopTokens {
            halt: halt.clone(),
            give_up: self.give_up.clone(),
        };
        let task = tokio::spawn(open.lane.clone().run(stop));
        open.running = Some(RunningPass { halt, task });
    }

    /// Stops sending, and waits at most [`PATIENCE`] for requests in flight.
    async fn close(self) {
        let running: Vec<RunningPass> = self.open.into_values().filter_map(|o| o.running).collect();
        running.iter().for_each(|running| running.halt.cancel());
        let deadline = Instant::now() + PATIENCE;
        for mut running in running {
            if tokio::time::timeout_at(deadline, &mut running.task)
                .await
                .is_err()
            {
                self.give_up.cancel();
                // Ends soon: after `give_up` the task abandons its requests and tries
                // once to record the results it has.
                let _ended = running.task.await;
            }
        }
    }
}
