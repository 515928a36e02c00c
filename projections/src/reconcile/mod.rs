//! Whether a campaign did what it was launched to do, by the log itself.
//!
//! [`ledger`] reads it, a partition at a time: who was meant, and what became
//! of each message; [`refusals`] finds those that were sent although somebody
//! had said no. [`judge`] holds the two against each other, against what
//! the campaign recorded and against the views.

mod judge;
mod ledger;
mod refusals;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{
    AudienceSize, Campaign, CampaignId, CampaignStatus, CustomerId, DeterminedOutcome, Launch,
    Template, Timestamp,
};
use eventlog::{Log, Positions};

use crate::campaign_stats::CampaignStats;
use crate::messages::Messages;
use crate::parallel::each_partition;
use crate::view::View;
use crate::{LongRead, ProjectError, QueryError, Store, WaitError, Withheld};
use judge::Judge;
use ledger::{Ledger, Plan};
use refusals::StopPeriods;

/// How long views may take to get to where the log was read up to.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often views are compared anew because the campaign went on meanwhile.
const ROUNDS: usize = 5;

/// How many discrepancies are told one by one.
pub const MAX_DISCREPANCIES: usize = 1_000;

/// A campaign as it was launched, and what it has recorded since.
#[derive(Debug, Clone)]
pub struct Launched {
    /// Which.
    pub campaign: CampaignId,
    /// What its launch fixed.
    pub launch: Launch,
    /// The template of its content.
    pub template: Template,
    /// How many it recorded to be meant, once it has.
    pub size: Option<AudienceSize>,
    /// Of whom it recorded that nobody can tell whether they were meant.
    pub undetermined: BTreeSet<CustomerId>,
    /// What became of others who were undetermined first.
    pub determined: BTreeMap<CustomerId, DeterminedOutcome>,
    /// How far it is.
    pub status: CampaignStatus,
}

impl Launched {
    /// A campaign as its head has it, with its launch and the template of its
    /// content.
    pub fn of(id: CampaignId, campaign: &Campaign, launch: Launch, template: Template) -> Self {
        let mut launched = Self {
            campaign: id,
            launch,
            template,
            size: None,
            undetermined: BTreeSet::new(),
            determined: BTreeMap::new(),
            status: CampaignStatus::Launching,
        };
        launched.update(campaign);
        launched
    }

    /// Takes over what the campaign has recorded since, by its head.
    fn update(&mut self, campaign: &Campaign) {
        self.size = campaign.size();
        self.undetermined = campaign.undetermined().cloned().collect();
        let determined = campaign.determined();
        self.determined = determined
            .map(|(id, outcome)| (id.clone(), outcome))
            .collect();
        self.status = campaign.status().unwrap_or(self.status);
    }
}

/// What a campaign comes to. Where nothing is wrong, `planned` is the sum of
/// `sent`, `failed`, `suppressed` and `pending`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciliation {
    /// Customers who match the rules, as the log had them at the launch.
    pub planned: u64,
    /// The vendor has their messages.
    pub sent: u64,
    /// Those of `sent` whose receipts say that they arrived.
    pub delivered: u64,
    /// Did not arrive, or could not be handed over.
    pub failed: u64,
    /// Get none.
    pub suppressed: u64,
    /// Are still to be sent.
    pub pending: u64,
    /// Those of `sent` of which the vendor says nothing yet.
    pub awaiting_receipt: u64,
    /// When it was recorded that the vendor took the first of these.
    pub awaiting_since: Option<Timestamp>,
    /// Customers of whom nobody can tell whether they match, because an event of
    /// theirs could not be folded at the launch. Those who got a message since
    /// are among `planned` instead.
    pub undetermined: u64,
    /// What the views that were compared could not fold: of these messages and
    /// figures nothing is compared. At most [`MAX_DISCREPANCIES`] are listed.
    pub withheld: Vec<Withheld>,
    /// Whether the views had caught up, so that they were compared too.
    pub views_compared: bool,
    /// Whether this program could check all texts. It cannot check those of a
    /// newer program's rendering rules.
    pub texts_compared: bool,
    /// What does not fit, [`MAX_DISCREPANCIES`] at most.
    pub discrepancies: Vec<Discrepancy>,
    /// How many there are.
    pub found: u64,
}

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// Of which kind.
    pub kind: DiscrepancyKind,
    /// About whom, if it is about one.
    pub customer: Option<CustomerId>,
    /// What, for people.
    pub detail: String,
}

/// What may not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscrepancyKind {
    /// Somebody was meant and has no message.
    MissingMessage,
    /// Somebody has a message and was not meant.
    UnexpectedMessage,
    /// The campaign recorded another number.
    SizeDiffers,
    /// The view `campaign_stats` counts otherwise.
    StatisticsDiffer,
    /// The view `messages` has a message otherwise, or has not.
    ViewDiffers,
    /// A message was sent to a customer who had unsubscribed.
    SentAfterUnsubscribe,
    /// A message was sent after the campaign was paused or cancelled.
    SentAfterStop,
    /// The text that a message's values give is not the recorded one.
    TextDiffers,
}

impl DiscrepancyKind {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::MissingMessage,
        Self::UnexpectedMessage,
        Self::SizeDiffers,
        Self::StatisticsDiffer,
        Self::ViewDiffers,
        Self::SentAfterUnsubscribe,
        Self::SentAfterStop,
        Self::TextDiffers,
    ];

    /// `missing_message`
    pub fn name(self) -> &'static str {
        match self {
            Self::MissingMessage => "missing_message",
            Self::UnexpectedMessage => "unexpected_message",
            Self::SizeDiffers => "size_differs",
            Self::StatisticsDiffer => "statistics_differ",
            Self::ViewDiffers => "view_differs",
            Self::SentAfterUnsubscribe => "sent_after_unsubscribe",
            Self::SentAfterStop => "sent_after_stop",
            Self::TextDiffers => "text_differs",
        }
    }
}

/// Why a campaign could not be accounted for.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The log does not answer, or cannot be read.
    #[error(transparent)]
    Log(#[from] ProjectError),
    /// MongoDB does not answer.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Accounts for every customer a campaign was launched for. Reads all of the
/// log; at any time it holds the customers of a few partitions and the
/// campaign's messages.
///
/// That takes long, and meanwhile the campaign goes on: `head` reads its head
/// and is polled near the end. `launched` then has its status and size.
///
/// # Errors
/// [`ReconcileError`]; if any of the log was trimmed, at once. Those of `head`.
pub async fn reconcile<E: From<ReconcileError>>(
    store: &Store,
    log: &Log,
    launched: &mut Launched,
    reading: &LongRead,
    head: impl Future<Output = Result<Option<Campaign>, E>>,
) -> Result<Reconciliation, E> {
    let mut ledgers = read_ledgers(store, log, launched, reading).await?;
    // Before the ledgers are read to their ends, so that these have all that
    // the campaign's recorded size counts.
    if let Some(campaign) = head.await? {
        launched.update(&campaign);
    }
    for ledger in &mut ledgers {
        ledger.go_on(log).await.map_err(ReconcileError::from)?;
    }
    Ok(judge(store, log, launched, ledgers).await?)
}

async fn read_ledgers(
    store: &Store,
    log: &Log,
    launched: &Launched,
    reading: &LongRead,
) -> Result<Vec<Ledger>, ReconcileError> {
    let plan = Plan::new(launched, store.zone())?;
    reading.begin(log).await.map_err(ProjectError::from)?;
    let read = each_partition(log.partitions(), |partition| {
        let (store, log) = (store.clone(), log.clone());
        let (plan, reading) = (plan.clone(), reading.clone());
        async move {
            let _turn = reading.turn().await;
            Ledger::read(&store, &log, &plan, partition, &reading).await
        }
    });
    let mut ledgers = read.await?;
    ledgers.sort_by_key(Ledger::partition);
    Ok(ledgers)
}

async fn judge(
    store: &Store,
    log: &Log,
    launched: &Launched,
    ledgers: Vec<Ledger>,
) -> Result<Reconciliation, ReconcileError> {
    let mut judge = Judge::new(log, launched, ledgers);
    judge.compare_views(store).await?;
    // Last, so that no message in the ledgers was sent after a resumption that
    // is missing here.
    let stops = StopPeriods::read(log, &launched.campaign).await?;
    Ok(judge.verdict(&stops))
}

/// Whether both views have all of these positions, in the end.
async fn have_caught_up(store: &Store, ends: &Positions) -> Result<bool, ReconcileError> {
    for view in [CampaignStats::NAME, Messages::NAME] {
        match store.wait_for(view, ends, PATIENCE).await {
            Ok(()) => {}
            Err(WaitError::Behind { .. }) => return Ok(false),
            Err(WaitError::Mongo(error)) => return Err(QueryError::from(error).into()),
        }
    }
    Ok(true)
}
