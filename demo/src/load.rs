//! Load of the demo shop.
//!
//! One process loads at a time: it holds a lease, which it renews. The lease
//! only avoids duplicate work. If two processes did load at once, each command
//! of the second one would leave what is recorded unchanged, since both record
//! the same data under the same ids.

use chrono::Utc;
use commands::{
    ActivityRecord, CommandError, Commands, Context, CustomerRecord, OrderRecord, Outcome,
};
use domain::{DemoCommand, DemoPlan, SegmentCommand, Text, TextError, Timestamp};
use eventlog::{LogError, Position, Positions};

use crate::ACTOR;
use crate::campaigns::{CAMPAIGNS, Campaign, MESSAGES_AT_ONCE, SEGMENTS, segment_id, segments_at};
use crate::contents::Contents;
use crate::lease::HeldLease;
use crate::shop::{Invalid, SEED, Shop};
use crate::status::Progress;

/// Number of customers, orders or activities that are recorded at once.
const BATCH: usize = 2_500;

const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Reason why a load does not begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The deployment holds data of its own.
    #[error("the deployment holds {0}")]
    NotEmpty(Contents),
    /// The demo is loaded.
    #[error("the demo shop is loaded already")]
    Loaded,
    /// A process is loading or removing the demo.
    #[error("another process is loading or removing the demo shop")]
    Busy,
    /// Another version of the program began the load.
    #[error(
        "another version of Patron began to load the demo shop, and only that one can continue"
    )]
    OtherVersion,
    /// The log does not answer.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The start of the day cannot be recorded, which cannot happen.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl From<LogError> for BeginError {
    fn from(error: LogError) -> Self {
        Self::Command(error.into())
    }
}

/// Reason why a load ended early. It can be continued.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The log does not answer, or another process changes the same data.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A rule of the domain rejects an item.
    #[error("{what} was rejected: {why}")]
    Rejected {
        /// Kind of item.
        what: &'static str,
        /// Error of the rule.
        why: String,
    },
    /// The lease expired, since Redis did not answer for a while.
    #[error("the lease on the load expired")]
    LeaseLost,
    /// The generator made something that the domain does not accept.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The log has more partitions than an event can list.
    #[error(transparent)]
    Positions(#[from] TextError),
    /// The generator panicked.
    #[error("making the data failed: {0}")]
    Generator(#[from] tokio::task::JoinError),
}

impl From<LogError> for LoadError {
    fn from(error: LogError) -> Self {
        Self::Command(error.into())
    }
}

/// A load that has begun: this process holds the lease, and the log has the
/// plan.
pub struct DemoLoad {
    commands: Commands,
    plan: DemoPlan,
    lease: HeldLease,
}

impl DemoLoad {
    /// Begins a load, or continues one that was interrupted. Records who began
    /// it, and the plan that all data follows from. Returns the position of that
    /// record.
    ///
    /// # Errors
    /// [`BeginError`]; nothing is loaded then.
    pub async fn begin(
        commands: &Commands,
        context: &Context,
    ) -> Result<(Self, Position), BeginError> {
        let lease = HeldLease::acquire(commands)
            .await?
            .ok_or(BeginError::Busy)?;
        match Self::begin_leased(commands, context).await {
            Ok((plan, position)) => {
                let commands = commands.clone();
                let load = Self {
                    commands,
                    plan,
                    lease,
                };
                Ok((load, position))
            }
            Err(error) => {
                lease.release().await;
                Err(error)
            }
        }
    }

    async fn begin_leased(
        commands: &Commands,
        context: &Context,
    ) -> Result<(DemoPlan, Position), BeginError> {
        let plan = match commands.demo().await? {
            Some(demo) if demo.is_completed() => return Err(BeginError::Loaded),
            Some(demo) => demo.plan(),
            None => {
                let contents = Contents::of(commands.log()).await?;
                if !contents.is_empty() {
                    return Err(BeginError::NotEmpty(contents));
                }
                None
            }
        };
        let today = context.now.millis().div_euclid(DAY) * DAY;
        let plan = plan.unwrap_or(DemoPlan {
            seed: SEED,
            until: Timestamp::from_millis(today).map_err(Invalid::from)?,
        });
        if plan.seed != SEED {
            return Err(BeginError::OtherVersion);
        }
        let started = commands.execute_on_demo(context, DemoCommand::Start(plan));
        // The domain rejects no start.
        let started = started.await?.map_err(|_| BeginError::Busy)?;
        Ok((plan, started.position))
    }

    /// Loads everything that is not loaded yet, and stops as soon as `stop`
    /// ends. Reports the progress in items, including messages. Returns whether
    /// the load is complete.
    ///
    /// # Errors
    /// [`LoadError`]; [`Self::begin`] continues the load.
    pub async fn run_until(
        self,
        stop: impl Future<Output = ()>,
        on_progress: impl Fn(Progress),
    ) -> Result<bool, LoadError> {
        // Dropping the load abandons at most one batch, whose events the log's
        // writing tasks still append. The next load finds them.
        let loaded = tokio::select! {
            loaded = self.load(&on_progress) => loaded.map(|()| true),
            () = stop => Ok(false),
        };
        self.lease.release().await;
        loaded
    }

    async fn load(&self, on_progress: &impl Fn(Progress)) -> Result<(), LoadError> {
        let (plan, currency) = (self.plan, self.commands.currency());
        // Making the data takes a moment of computation and must not block the
        // async runtime.
        let (shop, campaigns) = tokio::task::spawn_blocking(move || {
            let shop = Shop::new(plan, currency)?;
            let campaigns = (0..CAMPAIGNS.len())
                .map(|index| Campaign::new(index, plan, currency, &shop))
                .collect::<Result<Vec<_>, _>>()?;
            Ok::<_, Invalid>((shop, campaigns))
        })
        .await??;
        let items = Items::of(shop);
        let messages: usize = campaigns
            .iter()
            .map(|campaign| campaign.messages.len())
            .sum();
        let total = items.len() + SEGMENTS.len() + messages + campaigns.len();
        let mut steps = Steps {
            done: 0,
            total: total as u64,
            on_progress,
        };
        steps.add(0);
        self.load_items(items, &mut steps).await?;
        let positions = self.fix_positions().await?;
        self.load_segments(&mut steps).await?;
        for campaign in campaigns {
            self.load_campaign(campaign, positions.clone(), &mut steps)
                .await?;
        }
        self.execute(DemoCommand::Complete).await
    }

    async fn load_items(
        &self,
        items: Items,
        steps: &mut Steps<'_, impl Fn(Progress)>,
    ) -> Result<(), LoadError> {
        for customers in batches(items.customers) {
            self.check_lease()?;
            let count = customers.len();
            let context = self.now();
            let recorded = self.commands.record_customers(&context, customers);
            accepted("a customer", recorded.await?)?;
            steps.add(count);
        }
        for orders in batches(items.orders) {
            self.check_lease()?;
            let count = orders.len();
            let context = self.now();
            let recorded = self.commands.record_orders(&context, orders);
            accepted("an order", recorded.await?)?;
            steps.add(count);
        }
        for activities in batches(items.activities) {
            self.check_lease()?;
            let count = activities.len();
            let context = self.now();
            let recorded = self.commands.record_activities(&context, activities);
            accepted("an activity", recorded.await?)?;
            steps.add(count);
        }
        Ok(())
    }

    /// Returns the positions at which the campaigns select their recipients:
    /// after all customers, orders and activities, and before all messages.
    /// They are recorded, since a load that continues finds messages in the log.
    async fn fix_positions(&self) -> Result<Text<65536>, LoadError> {
        self.check_lease()?;
        let ends: Positions = self.commands.log().ends().await?.into_iter().collect();
        let ends = Text::<65536>::try_from(ends.to_string())?;
        self.execute(DemoCommand::FixPositions(ends.clone()))
            .await?;
        let demo = self.commands.demo().await?.unwrap_or_default();
        Ok(demo.positions().cloned().unwrap_or(ends))
    }

    async fn load_segments(
        &self,
        steps: &mut Steps<'_, impl Fn(Progress)>,
    ) -> Result<(), LoadError> {
        let context = self.at(segments_at(self.plan)?);
        for (index, segment) in SEGMENTS.iter().enumerate() {
            self.check_lease()?;
            let command = SegmentCommand::Create(segment.content()?);
            let created = self.commands.execute(&context, segment_id(index)?, command);
            accepted("a segment", vec![created.await?])?;
            steps.add(1);
        }
        Ok(())
    }

    /// Records the messages of a campaign, each from its first event to its last
    /// in one append, and then the campaign.
    async fn load_campaign(
        &self,
        campaign: Campaign,
        positions: Text<65536>,
        steps: &mut Steps<'_, impl Fn(Progress)>,
    ) -> Result<(), LoadError> {
        for (batch, decided) in campaign.messages.chunks(MESSAGES_AT_ONCE).enumerate() {
            self.check_lease()?;
            let ids: Vec<_> = decided
                .iter()
                .map(|one| one.id().customer.clone())
                .collect();
            let seen = self.commands.customers_seen(&ids).await?;
            let at = campaign.batch_at(batch)?;
            let mut commands = Vec::with_capacity(3 * decided.len());
            for (one, customer_seen) in decided.iter().zip(seen) {
                commands.extend(one.commands(at, customer_seen)?);
            }
            let context = self.at(at);
            let recorded = self.commands.execute_on_new_messages(&context, commands);
            accepted("a message", recorded.await?)?;
            steps.add(decided.len());
        }
        let context = self.at(campaign.launched_at);
        let finished = campaign.finished(positions);
        let recorded = self.commands.record_finished_campaign(&context, finished);
        accepted("a campaign", vec![recorded.await?])?;
        steps.add(1);
        Ok(())
    }

    fn check_lease(&self) -> Result<(), LoadError> {
        match self.lease.is_lost() {
            true => Err(LoadError::LeaseLost),
            false => Ok(()),
        }
    }

    async fn execute(&self, command: DemoCommand) -> Result<(), LoadError> {
        let context = self.now();
        let executed = self.commands.execute_on_demo(&context, command);
        accepted("the load", vec![executed.await?])
    }

    fn now(&self) -> Context {
        self.at(Timestamp::from(Utc::now()))
    }

    fn at(&self, now: Timestamp) -> Context {
        Context {
            actor: ACTOR.to_owned(),
            request: None,
            address: None,
            now,
        }
    }
}

/// Items of the shop, in the form of their commands.
struct Items {
    customers: Vec<CustomerRecord>,
    orders: Vec<OrderRecord>,
    activities: Vec<ActivityRecord>,
}

impl Items {
    fn of(shop: Shop) -> Self {
        let (mut customers, mut orders, mut activities) = (Vec::new(), Vec::new(), Vec::new());
        for one in shop.customers {
            let customer = one.id;
            orders.extend(one.orders.into_iter().map(|(order, content)| OrderRecord {
                customer: customer.clone(),
                order,
                content,
                moved_from: None,
            }));
            let records = one.activities.into_iter();
            activities.extend(records.map(|(activity, content)| ActivityRecord {
                customer: customer.clone(),
                activity,
                content,
            }));
            let changes = one.changes;
            customers.push(CustomerRecord { customer, changes });
        }
        Self {
            customers,
            orders,
            activities,
        }
    }

    fn len(&self) -> usize {
        self.customers.len() + self.orders.len() + self.activities.len()
    }
}

/// Divides items into batches.
fn batches<T>(items: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut items = items.into_iter();
    std::iter::from_fn(move || {
        let batch: Vec<T> = items.by_ref().take(BATCH).collect();
        (!batch.is_empty()).then_some(batch)
    })
}

/// Checks that no rule rejected an item.
fn accepted<E: std::fmt::Display>(
    what: &'static str,
    results: Vec<Result<Outcome, E>>,
) -> Result<(), LoadError> {
    for result in results {
        result.map_err(|error| LoadError::Rejected {
            what,
            why: error.to_string(),
        })?;
    }
    Ok(())
}

/// Progress of a load, with the function that it is reported to.
struct Steps<'a, F> {
    done: u64,
    total: u64,
    on_progress: &'a F,
}

impl<F: Fn(Progress)> Steps<'_, F> {
    fn add(&mut self, count: usize) {
        self.done += count as u64;
        (self.on_progress)(Progress {
            done: self.done,
            total: self.total,
        });
    }
}
