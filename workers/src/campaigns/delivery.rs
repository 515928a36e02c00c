//! Runs a lane for each campaign that is being sent.

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

use super::WorkError;
use super::lane::{Lane, Stop, is_sending};
use super::outlet::Outlet;
use crate::shared::Shared;

/// How long a report that a campaign waits is valid. A report by a worker that
/// died expires after this time.
const WAITING: Duration = Duration::from_secs(6);

/// How often a report that still holds is repeated.
const REPEAT: Duration = Duration::from_secs(2);

/// How often campaigns with messages to send are looked for while some are
/// being sent.
const LOOK: Duration = Duration::from_millis(500);

/// How often they are looked for while none is, if nothing tells of one.
const IDLE: Duration = Duration::from_secs(10);

/// How long looking for them may take.
const LOOKING: Duration = Duration::from_secs(30);

/// How long changes of the partitions gather: they come one after the other.
const GATHERING: Duration = Duration::from_millis(50);

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// How long requests in flight are waited for at shutdown. Messages whose
/// answers are lost are sent again; the vendor takes each once.
const PATIENCE: Duration = Duration::from_secs(2);

/// Which partitions' messages this process sends.
pub(crate) struct Sending {
    wanted: watch::Sender<BTreeSet<Partition>>,
    served: watch::Sender<BTreeSet<Partition>>,
}

impl Sending {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            wanted: watch::Sender::default(),
            served: watch::Sender::default(),
        }
    }

    /// Sends a partition's messages until told to stop, and returns once none is
    /// in flight.
    pub(crate) async fn serve(&self, partition: Partition, stop: &CancellationToken) {
        self.wanted.send_modify(|wanted| {
            wanted.insert(partition);
        });
        stop.cancelled().await;
        self.wanted.send_modify(|wanted| {
            wanted.remove(&partition);
        });
        let mut served = self.served.subscribe();
        let is_over = |served: &BTreeSet<Partition>| !served.contains(&partition);
        // The sender lives as long as this.
        let _over = served.wait_for(is_over).await;
    }

    /// Sends the messages of the partitions that are served, until `stop` is
    /// cancelled.
    pub(crate) async fn run(
        &self,
        shared: &Arc<Shared>,
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
                () = lanes.look_again() => {}
            }
            lanes.close().await;
        }
        self.served.send_replace(BTreeSet::new());
    }
}

/// The campaigns that are being sent.
struct Lanes {
    shared: Arc<Shared>,
    outlet: Arc<Outlet>,
    partitions: Arc<[Partition]>,
    give_up: CancellationToken,
    open: HashMap<CampaignId, Open>,
    reported: Reported,
}

/// The last report of what campaigns wait for.
#[derive(Default)]
struct Reported {
    waiting: HashMap<CampaignId, Waiting>,
    at: Option<Instant>,
    writing: Option<JoinHandle<()>>,
}

struct Open {
    lane: Arc<Lane>,
    /// The pass through its messages that is under way.
    going: Option<Going>,
}

struct Going {
    halt: CancellationToken,
    task: JoinHandle<()>,
}

impl Open {
    fn is_going(&self) -> bool {
        let going = self.going.as_ref();
        going.is_some_and(|going| !going.task.is_finished())
    }
}

impl Lanes {
    fn new(shared: &Arc<Shared>, outlet: &Arc<Outlet>, partitions: BTreeSet<Partition>) -> Self {
        Self {
            shared: shared.clone(),
            outlet: outlet.clone(),
            partitions: partitions.into_iter().collect(),
            give_up: CancellationToken::new(),
            open: HashMap::new(),
            reported: Reported::default(),
        }
    }

    /// Looks for messages to send, again and again.
    async fn look_again(&mut self) {
        if self.partitions.is_empty() {
            return std::future::pending().await;
        }
        let mut watcher = self.shared.store.folded().watch(Topics::CAMPAIGNS);
        loop {
            let looking = tokio::time::timeout(LOOKING, self.look());
            let looked = looking.await.unwrap_or(Err(WorkError::Late(LOOKING)));
            let rest = match looked {
                Ok(true) => LOOK,
                Ok(false) => IDLE,
                Err(error) => {
                    tracing::warn!(%error, "cannot tell what is to be sent, trying again");
                    PAUSE
                }
            };
            watcher.changed(rest).await;
        }
    }

    /// Starts a pass for each campaign with queued messages that has none. Returns
    /// whether any is being sent.
    async fn look(&mut self) -> Result<bool, WorkError> {
        let store = &self.shared.store;
        let mut sending = store.campaigns_in(&[CampaignStatus::Sending]).await?;
        let is_among = |id: &CampaignId| sending.iter().any(|c| c.campaign_id == *id);
        self.open.retain(|id, open| open.is_going() || is_among(id));
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
            if !self.open.get(id).is_some_and(Open::is_going) {
                self.start(id, campaign.messages_per_second).await;
            }
        }
        let waiting = self.outlet.waiting();
        let queued = sending.into_iter().filter_map(|campaign| {
            let mut waiting = waiting.clone()?;
            // The breaker may be open since before there was anything to send.
            let launched = campaign.launched_at.map(|at| at.to_chrono().into());
            waiting.since = launched.map_or(waiting.since, |at| waiting.since.max(at));
            Some((campaign.campaign_id, waiting))
        });
        self.report_waiting(queued.collect());
        Ok(true)
    }

    /// Reports what these campaigns wait for, and withdraws earlier reports
    /// that do not hold any more. Sending does not wait for that.
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
            // What was not withdrawn expires.
            if let Err(error) = written {
                tracing::warn!(%error, "cannot report what campaigns wait for, trying again");
            }
        }));
    }

    /// Starts a pass unless the campaign's head says that it is not being sent.
    /// A failure with one campaign does not hold back others.
    async fn start(&mut self, campaign: &CampaignId, per_second: Option<u32>) {
        match is_sending(&self.shared, campaign).await {
            Ok(true) => self.go(campaign, per_second),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%campaign, %error, "it cannot be sent, trying again");
            }
        }
    }

    fn go(&mut self, campaign: &CampaignId, per_second: Option<u32>) {
        let open = self.open.entry(campaign.clone()).or_insert_with(|| {
            tracing::info!(%campaign, "being sent");
            let (shared, outlet) = (self.shared.clone(), self.outlet.clone());
            let (campaign, partitions) = (campaign.clone(), self.partitions.clone());
            let lane = Lane::new(shared, outlet, campaign, partitions, per_second);
            let lane = Arc::new(lane);
            Open { lane, going: None }
        });
        let halt = CancellationToken::new();
        let stop = Stop {
            halt: halt.clone(),
            give_up: self.give_up.clone(),
        };
        let task = tokio::spawn(open.lane.clone().run(stop));
        open.going = Some(Going { halt, task });
    }

    /// Sends nothing more, and waits briefly for requests in flight.
    async fn close(self) {
        let going: Vec<Going> = self.open.into_values().filter_map(|o| o.going).collect();
        going.iter().for_each(|going| going.halt.cancel());
        let deadline = Instant::now() + PATIENCE;
        for mut going in going {
            if tokio::time::timeout_at(deadline, &mut going.task)
                .await
                .is_err()
            {
                self.give_up.cancel();
                // It has nothing left to wait for.
                let _ended = going.task.await;
            }
        }
    }
}
