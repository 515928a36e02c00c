//! Determines the audience of a launch and queues a message for each recipient.
//!
//! Campaigns are resolved one after the other, so that the weekly cap counts the
//! messages that earlier campaigns have queued for a customer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use commands::CommandEffect;
use domain::{
    AddressId, AudienceSize, CampaignCommand, CampaignId, CampaignStatus, CustomerId,
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

use super::case::{RecipientCase, decide};
use super::claims;
use super::context::{context, request_of};
use super::error::WorkError;
use super::head::is_resolving;
use super::trimmed::TrimmedCampaigns;
use super::{memory, metrics};
use crate::periodic::{NextRun, Periodic, PeriodicTask};
use crate::shared::SharedResources;

/// Actor of the recorded events.
const ACTOR: &str = "worker:audience";

/// Interval between checks for launched campaigns, if no notice arrives.
const LOOK: Duration = Duration::from_secs(5);

/// Delay after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Time limit for a view to catch up with a launch. After that the attempt fails, is
/// logged, and is repeated.
const PATIENCE: Duration = Duration::from_secs(10);

/// Period in which messages count toward the weekly cap, in milliseconds.
const WEEK_MILLIS: i64 = 7 * 24 * 60 * 60 * 1_000;

const TASK: Periodic = Periodic {
    name: "resolve audiences",
    topics: Topics::CAMPAIGNS,
    after_failure: AFTER_FAILURE,
};

/// Resolves launched campaigns until stopped.
pub(crate) async fn run(shared: &SharedResources, stop: &CancellationToken) {
    TASK.run(shared, stop, Resolving::default()).await;
}

#[derive(Default)]
struct Resolving {
    trimmed: TrimmedCampaigns,
}

impl PeriodicTask for Resolving {
    type Error = WorkError;

    async fn run(&mut self, shared: &SharedResources) -> Result<NextRun, WorkError> {
        resolve_all(shared, &mut self.trimmed).await?;
        determine_all(shared).await?;
        Ok(NextRun::within(LOOK))
    }
}

/// Resolves each campaign that is launched and not resolved, in the order of the
/// launches. Campaigns that need trimmed events are reported and do not hold back
/// others.
///
/// # Errors
/// The last failure with a campaign; all others were still resolved.
async fn resolve_all(
    shared: &SharedResources,
    trimmed: &mut TrimmedCampaigns,
) -> Result<(), WorkError> {
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
            tracing::warn!(%campaign, %error, "cannot resolve the audience yet, trying again");
            ended = Err(error);
        }
    }
    trimmed.report(&shared.store, &waiting).await;
    ended
}

/// Decides on customers who were undetermined at a launch, and whose events can be
/// read by now.
///
/// # Errors
/// The last failure with a campaign; all others were still processed.
async fn determine_all(shared: &SharedResources) -> Result<(), WorkError> {
    let open = [CampaignStatus::Sending, CampaignStatus::Paused];
    let mut ended = Ok(());
    for campaign in shared.store.campaigns_in(&open).await? {
        let waits = campaign.size.is_some_and(|size| size.undetermined > 0);
        if waits || campaign.has_determined {
            let id = campaign.campaign_id;
            if let Err(error) = determine(shared, &id).await {
                tracing::warn!(campaign = %id, %error, "cannot decide on undetermined recipients yet, trying again");
                ended = Err(error);
            }
        }
    }
    ended
}

async fn determine(shared: &SharedResources, id: &CampaignId) -> Result<(), WorkError> {
    let campaign = shared.commands.campaign(id).await?.unwrap_or_default();
    // A process may have died after it recorded a recipient and before it queued
    // the message. Such recipients are found by their missing message.
    let meant = campaign
        .determined()
        .filter(|(_, outcome)| *outcome != DeterminedOutcome::Unmatched)
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
    let request = request_of(&shared.log, id, &["campaign_launched"]).await?;
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
            tracing::error!(campaign = %id, %refusal, "a recipient was not recorded");
            continue;
        }
        // The campaign may have ended meanwhile; then nothing was recorded and no
        // message may be queued. The order matters: the recipient is recorded first,
        // so that no message exists that the campaign's figures do not include.
        let now = shared.commands.campaign(id).await?.unwrap_or_default();
        let is_recorded = now.determined().any(|(recorded, _)| *recorded == customer);
        if let Some(recipient) = recipient.filter(|_| is_recorded) {
            memory::until_room(shared, id, 1).await?;
            queueing.queue(vec![recipient]).await?;
        }
    }
    Ok(())
}

/// Returns the customers without a message of the campaign.
async fn without_message(
    shared: &SharedResources,
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

async fn resolve(shared: &SharedResources, id: &CampaignId) -> Result<(), WorkError> {
    let campaign = shared.commands.campaign(id).await?.unwrap_or_default();
    if !is_resolving(&campaign) {
        return Ok(()); // The view is behind.
    }
    let Some(launch) = shared.commands.campaign_launch(id).await? else {
        return Ok(());
    };
    let request = request_of(&shared.log, id, &["campaign_launched"]).await?;
    // The process that launched the campaign may have died before it released the
    // segment.
    let releasing = context(ACTOR, request.clone());
    shared.commands.release_held_segment(&releasing, id).await?;
    let queueing = Queueing::begin(shared, id, &launch, request.clone()).await?;
    tracing::info!(campaign = %id, "resolving the audience");
    let Some((size, listed)) = queueing.queue_all(&launch).await? else {
        tracing::info!(campaign = %id, "the campaign ended before its audience was resolved");
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
            tracing::info!(campaign = %id, planned, queued, suppressed, undetermined, "resolved the audience");
        }
        Err(refusal) => tracing::error!(campaign = %id, %refusal, "the audience was not recorded"),
    }
    Ok(())
}

/// Queues or suppresses the messages of one campaign.
struct Queueing<'a> {
    shared: &'a SharedResources,
    campaign: &'a CampaignId,
    request: Option<String>,
    renderer: Arc<Renderer>,
    /// Weekly cap, and the start of the week.
    cap: Option<(u32, Timestamp)>,
}

impl<'a> Queueing<'a> {
    /// Prepares the queueing; waits until the views have caught up with the launch.
    async fn begin(
        shared: &'a SharedResources,
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

    /// Queues all messages. Returns the size of the audience and a bounded list of
    /// undetermined customers, or `None` if the campaign ended meanwhile.
    async fn queue_all(
        &self,
        launch: &Launch,
    ) -> Result<Option<(AudienceSize, Vec<CustomerId>)>, WorkError> {
        let mut recipients = Recipients::of(&self.shared.store, &self.shared.log, launch).await?;
        // Checked first: a campaign whose history was trimmed must not queue part of
        // its messages.
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
            if !campaign.is_some_and(|campaign| is_resolving(&campaign)) {
                return Ok(None);
            }
            let planned = these.len() as u64;
            let (suppressed, next) = tokio::try_join!(self.queue(these), async {
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

    /// Decides the outcome for a customer who was undetermined.
    async fn outcome(&self, recipient: Option<&Recipient>) -> Result<DeterminedOutcome, WorkError> {
        let Some(recipient) = recipient else {
            return Ok(DeterminedOutcome::Unmatched);
        };
        let decided = self.decide(vec![recipient.clone()]).await?;
        Ok(
            match decided.iter().any(|(_, command)| is_suppression(command)) {
                true => DeterminedOutcome::Suppressed,
                false => DeterminedOutcome::Queued,
            },
        )
    }

    /// Queues or suppresses the messages of these customers, except for customers who
    /// already have one. Returns how many are suppressed in total.
    async fn queue(&self, recipients: Vec<Recipient>) -> Result<u64, WorkError> {
        let ids: Vec<MessageId> = recipients.iter().map(|one| self.id(one)).collect();
        // After an interruption the batch is processed again. Messages that exist keep
        // their decision, which may depend on the time at which it was made.
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
            // Another worker created some of them first, and may have decided
            // differently. Its decisions count.
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
        let received = match self.cap {
            Some((_, since)) => {
                let customers: Vec<&str> = recipients.iter().map(|r| r.customer.as_str()).collect();
                self.shared.store.sent_since(&customers, since).await?
            }
            None => HashMap::new(),
        };
        let addresses = claims::addresses(self.shared, &recipients)?;
        let known: Vec<AddressId> = addresses.iter().copied().flatten().collect();
        let mut heads = self.shared.commands.addresses(&known).await?.into_iter();
        let most = self.cap.map(|(most, _)| most);
        let mut cases: Vec<(MessageId, RecipientCase)> = recipients
            .into_iter()
            .zip(&addresses)
            .map(|(recipient, address)| {
                let head = address.and_then(|_| heads.next());
                let received = received.get(recipient.customer.as_str());
                let received = received.copied().unwrap_or_default();
                (
                    self.id(&recipient),
                    RecipientCase {
                        recipient,
                        received,
                        address: head.unwrap_or_default(),
                        is_claimed: false,
                    },
                )
            })
            .collect();
        claims::recall(self.shared, &mut cases, &addresses, most).await?;
        let renderer = self.renderer.clone();
        let currency = self.shared.commands.currency();
        // Rendering may take long and must not block the runtime's threads.
        let deciding = move || {
            let decide = |(id, case): (MessageId, RecipientCase)| {
                let command = decide(&renderer, currency, &case, most);
                (id, command)
            };
            cases.into_iter().map(decide).collect()
        };
        let mut decided: Vec<_> = tokio::task::spawn_blocking(deciding).await?;
        claims::claim(
            self.shared,
            &context(ACTOR, self.request.clone()),
            &mut decided,
            &addresses,
        )
        .await?;
        Ok(decided)
    }
}

/// Waits until the views that determine the recipients have caught up.
async fn until_known(
    shared: &SharedResources,
    launch: &Launch,
    is_capped: bool,
) -> Result<(), WorkError> {
    let positions = launch.positions.as_str().parse::<Positions>();
    let positions = positions.map_err(ProjectError::from)?;
    require_views(&shared.store, &shared.log, &positions).await?;
    for view in [Customers::NAME, Audit::NAME] {
        shared.store.wait_for(view, &positions, PATIENCE).await?;
    }
    if is_capped {
        // The cap also counts messages queued after this launch by campaigns that
        // were resolved earlier, so the view must reach the current ends.
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
