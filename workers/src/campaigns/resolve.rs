//! Determines the audience of a launch and queues a message for each customer.
//!
//! Campaigns are resolved one after the other, so that each knows how many
//! messages earlier ones have queued for a customer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use commands::CommandEffect;
use domain::{
    AudienceSize, Campaign, CampaignCommand, CampaignId, CampaignStatus, CustomerId,
    DeterminedOutcome, Launch, MAX_LISTED_UNDETERMINED, Message, MessageCommand, MessageId,
    MessageStatus, Renderer, Timestamp,
};
use eventlog::Positions;
use projections::audit::Audit;
use projections::customers::Customers;
use projections::messages::Messages;
use projections::recipients::{Determined, Recipient, Recipients, determined, require_views};
use projections::{ProjectError, Topics, View};
use tokio_util::sync::CancellationToken;

use super::case::{Case, decide};
use super::trimmed::TrimmedCampaigns;
use super::{WorkError, context, memory, metrics, request_of};
use crate::periodic::{Periodic, Rest, Task};
use crate::shared::Shared;

/// On whose behalf.
const ACTOR: &str = "worker:audience";

/// How often launched campaigns are looked for, if nothing tells of one.
const LOOK: Duration = Duration::from_secs(5);

/// How long to wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How long a view may take to catch up with a launch before that is logged.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far back messages count toward the cap on messages per customer.
const WEEK_MILLIS: i64 = 7 * 24 * 60 * 60 * 1_000;

const TASK: Periodic = Periodic {
    name: "resolve audiences",
    topics: Topics::CAMPAIGNS,
    after_failure: AFTER_FAILURE,
};

/// Resolves launched campaigns until stopped.
pub(crate) async fn run(shared: &Shared, stop: &CancellationToken) {
    TASK.run(shared, stop, Resolving::default()).await;
}

#[derive(Default)]
struct Resolving {
    trimmed: TrimmedCampaigns,
}

impl Task for Resolving {
    type Error = WorkError;

    async fn run(&mut self, shared: &Shared) -> Result<Rest, WorkError> {
        resolve_all(shared, &mut self.trimmed).await?;
        determine_all(shared).await?;
        Ok(Rest::at_most(LOOK))
    }
}

/// Resolves each campaign that is launched and not resolved, in the order of
/// their launches. Campaigns that need trimmed events are reported and do not
/// hold back others.
///
/// # Errors
/// The last failure with a campaign; the others were resolved all the same.
async fn resolve_all(shared: &Shared, trimmed: &mut TrimmedCampaigns) -> Result<(), WorkError> {
    let open = [CampaignStatus::Launching, CampaignStatus::Paused];
    let mut launched = shared.store.campaigns_in(&open).await?;
    launched.retain(|campaign| campaign.size.is_none());
    launched.sort_by_key(|campaign| campaign.launched_at);
    let mut ended = Ok(());
    let mut waiting = HashSet::new();
    for campaign in launched {
        let campaign = campaign.campaign_id;
        if trimmed.is_resting(&campaign) {
            waiting.insert(campaign);
            continue;
        }
        let resolving = resolve(shared, &campaign);
        let resolved = trimmed.while_reporting(&shared.store, resolving).await;
        let Err(error) = resolved else {
            continue;
        };
        if trimmed.note(&campaign, &error) {
            waiting.insert(campaign);
        } else {
            tracing::warn!(%campaign, %error, "its audience cannot be found yet, trying again");
            ended = Err(error);
        }
    }
    trimmed.report(&shared.store, &waiting).await;
    ended
}

/// Gives messages to customers of whom could not be told at a launch whether it
/// means them, and now can.
///
/// # Errors
/// The last failure with a campaign; the others were seen to all the same.
async fn determine_all(shared: &Shared) -> Result<(), WorkError> {
    let open = [CampaignStatus::Sending, CampaignStatus::Paused];
    let mut ended = Ok(());
    for campaign in shared.store.campaigns_in(&open).await? {
        let waits = campaign.size.is_some_and(|size| size.undetermined > 0);
        if waits || campaign.has_determined {
            let id = campaign.campaign_id;
            if let Err(error) = determine(shared, &id).await {
                tracing::warn!(campaign = %id, %error, "its undetermined recipients are looked at again");
                ended = Err(error);
            }
        }
    }
    ended
}

async fn determine(shared: &Shared, id: &CampaignId) -> Result<(), WorkError> {
    let campaign = shared.commands.campaign(id).await?.unwrap_or_default();
    // A process may have ended between a record and its message.
    let meant = campaign
        .determined()
        .filter(|(_, outcome)| *outcome != DeterminedOutcome::NotMeant)
        .map(|(customer, _)| customer.clone());
    let meant = without_message(shared, id, meant.collect()).await?;
    let waiting = campaign.undetermined().cloned().chain(meant);
    let waiting: Vec<CustomerId> = waiting.collect();
    let Some(launch) = shared.commands.campaign_launch(id).await? else {
        return Ok(());
    };
    let determined = determined(&shared.store, &shared.log, &launch, waiting).await?;
    if determined.is_empty() {
        return Ok(());
    }
    let request = request_of(&shared.log, id, "campaign_launched").await?;
    let queueing = Queueing::begin(shared, id, &launch, request.clone()).await?;
    for Determined {
        customer,
        recipient,
    } in determined
    {
        let outcome = queueing.outcome(recipient.as_ref()).await?;
        let context = context(ACTOR, request.clone());
        let recorded = shared
            .commands
            .execute_on_campaign(
                &context,
                id.clone(),
                CampaignCommand::RecordRecipient(customer.clone(), outcome),
            )
            .await?;
        if let Err(refusal) = recorded {
            tracing::error!(campaign = %id, %refusal, "a recipient is not recorded");
            continue;
        }
        // The campaign may have ended meanwhile.
        let now = shared.commands.campaign(id).await?.unwrap_or_default();
        let is_recorded = now.determined().any(|(recorded, _)| *recorded == customer);
        if let Some(recipient) = recipient.filter(|_| is_recorded) {
            memory::until_room(shared, id, 1).await?;
            queueing.some(vec![recipient]).await?;
        }
    }
    Ok(())
}

/// Those of these customers who have no message of a campaign.
async fn without_message(
    shared: &Shared,
    campaign: &CampaignId,
    customers: Vec<CustomerId>,
) -> Result<Vec<CustomerId>, WorkError> {
    let ids = customers.iter().map(|customer| MessageId {
        campaign: campaign.clone(),
        customer: customer.clone(),
    });
    let messages = shared.commands.messages(&ids.collect::<Vec<_>>()).await?;
    let without = customers.into_iter().zip(&messages);
    let without = without.filter(|(_, message)| message.status().is_none());
    Ok(without.map(|(customer, _)| customer).collect())
}

/// Whether customers are still to be given messages of the campaign.
pub(super) fn is_open(campaign: &Campaign) -> bool {
    use CampaignStatus::{Launching, Paused};
    matches!(campaign.status(), Some(Launching | Paused)) && campaign.size().is_none()
}

async fn resolve(shared: &Shared, id: &CampaignId) -> Result<(), WorkError> {
    let campaign = shared.commands.campaign(id).await?.unwrap_or_default();
    if !is_open(&campaign) {
        return Ok(()); // The view is behind.
    }
    let Some(launch) = shared.commands.campaign_launch(id).await? else {
        return Ok(());
    };
    let request = request_of(&shared.log, id, "campaign_launched").await?;
    // The process that launched it may have stopped before this.
    let releasing = context(ACTOR, request.clone());
    shared.commands.release_held_segment(&releasing, id).await?;
    let queueing = Queueing::begin(shared, id, &launch, request.clone()).await?;
    tracing::info!(campaign = %id, "its audience is being found");
    let Some((size, listed)) = queueing.all(&launch).await? else {
        tracing::info!(campaign = %id, "it was ended before its audience was found");
        return Ok(());
    };
    let context = context(ACTOR, request);
    let recorded = shared.commands.execute_on_campaign(
        &context,
        id.clone(),
        CampaignCommand::RecordAudience(size, listed),
    );
    let AudienceSize {
        planned,
        queued,
        suppressed,
        undetermined,
    } = size;
    match recorded.await? {
        Ok(_) => {
            tracing::info!(campaign = %id, planned, queued, suppressed, undetermined, "its audience is found");
        }
        Err(refusal) => tracing::error!(campaign = %id, %refusal, "its audience is not recorded"),
    }
    Ok(())
}

/// Queues the messages of one campaign.
struct Queueing<'a> {
    shared: &'a Shared,
    campaign: &'a CampaignId,
    request: Option<String>,
    renderer: Arc<Renderer>,
    /// How many messages a customer may have had since when, to get one more.
    cap: Option<(u32, Timestamp)>,
}

impl<'a> Queueing<'a> {
    /// Waits until the views have caught up.
    async fn begin(
        shared: &'a Shared,
        campaign: &'a CampaignId,
        launch: &Launch,
        request: Option<String>,
    ) -> Result<Self, WorkError> {
        let renderer = shared
            .commands
            .renderer(campaign, launch.template)
            .await??;
        let cap = shared.delivery.max_messages_per_week;
        until_known(shared, launch, cap.is_some()).await?;
        let week = Timestamp::from_millis(launch.clock.millis() - WEEK_MILLIS);
        Ok(Self {
            shared,
            campaign,
            request,
            renderer,
            cap: cap.map(|cap| (cap, week.unwrap_or(Timestamp::EPOCH))),
        })
    }

    /// Queues all messages. Returns how many, and some of those of whom nobody
    /// can tell whether they are meant; `None` if the campaign is ended
    /// meanwhile.
    async fn all(
        &self,
        launch: &Launch,
    ) -> Result<Option<(AudienceSize, Vec<CustomerId>)>, WorkError> {
        let mut recipients = Recipients::of(&self.shared.store, &self.shared.log, launch).await?;
        // Checked before any message is queued.
        recipients.require_history().await?;
        let mut size = AudienceSize {
            planned: 0,
            queued: 0,
            suppressed: 0,
            undetermined: 0,
        };
        let mut batch = recipients.next().await?;
        while let Some(these) = batch {
            memory::until_room(self.shared, self.campaign, these.len()).await?;
            let campaign = self.shared.commands.campaign(self.campaign).await?;
            if !campaign.is_some_and(|campaign| is_open(&campaign)) {
                return Ok(None);
            }
            let planned = these.len() as u64;
            let (suppressed, next) = tokio::try_join!(self.some(these), async {
                recipients.next().await.map_err(WorkError::from)
            })?;
            size.planned += planned;
            size.suppressed += suppressed;
            size.queued += planned - suppressed;
            batch = next;
        }
        let undetermined = recipients.undetermined();
        size.undetermined = undetermined.len() as u64;
        let listed = undetermined.iter().take(MAX_LISTED_UNDETERMINED);
        Ok(Some((size, listed.cloned().collect())))
    }

    /// What becomes of a customer who was undetermined.
    async fn outcome(&self, recipient: Option<&Recipient>) -> Result<DeterminedOutcome, WorkError> {
        let Some(recipient) = recipient else {
            return Ok(DeterminedOutcome::NotMeant);
        };
        let decided = self.decide(vec![recipient.clone()]).await?;
        Ok(
            match decided.iter().any(|(_, command)| is_suppression(command)) {
                true => DeterminedOutcome::Suppressed,
                false => DeterminedOutcome::Queued,
            },
        )
    }

    /// Gives these customers their messages, but for those who have theirs;
    /// returns how many get none.
    async fn some(&self, recipients: Vec<Recipient>) -> Result<u64, WorkError> {
        let ids: Vec<MessageId> = recipients.iter().map(|one| self.id(one)).collect();
        let before = self.shared.commands.messages(&ids).await?;
        let new: Vec<Recipient> = recipients
            .into_iter()
            .zip(&before)
            .filter(|(_, message)| message.status().is_none())
            .map(|(recipient, _)| recipient)
            .collect();
        let commands = self.decide(new).await?;
        let suppressing = commands
            .iter()
            .filter(|(_, command)| is_suppression(command));
        let suppressing = suppressing.count() as u64;
        let queueing = commands.len() as u64 - suppressing;
        let context = context(ACTOR, self.request.clone());
        let done = self
            .shared
            .commands
            .execute_on_new_messages(&context, commands)
            .await?;
        let is_new = |done: &Result<commands::Outcome, _>| {
            done.as_ref()
                .is_ok_and(|done| done.effect == CommandEffect::Created)
        };
        if !done.iter().all(is_new) {
            // Another worker was quicker, and may have decided otherwise.
            return Ok(suppressed(&self.shared.commands.messages(&ids).await?));
        }
        metrics::messages("queued", queueing);
        metrics::messages("suppressed", suppressing);
        Ok(suppressed(&before) + suppressing)
    }

    fn id(&self, recipient: &Recipient) -> MessageId {
        MessageId {
            campaign: self.campaign.clone(),
            customer: recipient.customer.clone(),
        }
    }

    async fn decide(
        &self,
        recipients: Vec<Recipient>,
    ) -> Result<Vec<(MessageId, MessageCommand)>, WorkError> {
        let had = match self.cap {
            Some((_, since)) => {
                let customers: Vec<&str> = recipients.iter().map(|r| r.customer.as_str()).collect();
                self.shared.store.sent_since(&customers, since).await?
            }
            None => HashMap::new(),
        };
        let cases: Vec<(MessageId, Case)> = recipients
            .into_iter()
            .map(|recipient| {
                let had = had.get(recipient.customer.as_str());
                let had = had.copied().unwrap_or_default();
                (self.id(&recipient), Case { recipient, had })
            })
            .collect();
        let (renderer, most) = (self.renderer.clone(), self.cap.map(|(most, _)| most));
        let currency = self.shared.commands.currency();
        // A template may take long, and other work must go on.
        let deciding = move || {
            let decide = |(id, case): (MessageId, Case)| {
                let command = decide(&renderer, currency, &case, most);
                (id, command)
            };
            cases.into_iter().map(decide).collect()
        };
        Ok(tokio::task::spawn_blocking(deciding).await?)
    }
}

/// Waits until the views that decide who gets what have caught up.
async fn until_known(shared: &Shared, launch: &Launch, is_capped: bool) -> Result<(), WorkError> {
    let positions = launch.positions.as_str().parse::<Positions>();
    let positions = positions.map_err(ProjectError::from)?;
    require_views(&shared.store, &shared.log, &positions).await?;
    for view in [Customers::NAME, Audit::NAME] {
        shared.store.wait_for(view, &positions, PATIENCE).await?;
    }
    if is_capped {
        // All that campaigns before this one have queued.
        let ends: Positions = shared.log.ends().await?.into_iter().collect();
        let waiting = shared.store.wait_for(Messages::NAME, &ends, PATIENCE);
        waiting.await?;
    }
    Ok(())
}

fn is_suppression(command: &MessageCommand) -> bool {
    matches!(command, MessageCommand::Suppress(_))
}

fn suppressed(messages: &[Message]) -> u64 {
    let is = |message: &&Message| message.status() == Some(MessageStatus::Suppressed);
    messages.iter().filter(is).count() as u64
}
