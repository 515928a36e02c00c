//! Check before a deployment with the demo is removed.

use std::collections::BTreeMap;

use commands::{CommandError, Commands};
use domain::Subject;
use eventlog::{Key, Log, LogError, Partition, Role};

use crate::campaigns::{CAMPAIGNS, SEGMENTS, campaign_id, segment_id};
use crate::contents::Contents;
use crate::lease::HeldLease;
use crate::shop::{Invalid, SEED, Shop};

/// Number of heads that are read at once.
const BATCH: usize = 5_000;

/// Reason why a deployment is not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemovalRefusal {
    /// The demo was never loaded here.
    #[error("the deployment does not have the demo shop")]
    NoDemo,
    /// Workers are running.
    #[error("workers run on the deployment (processes: {0}); stop them first")]
    Running(usize),
    /// A process is loading or removing the demo.
    #[error("another process is loading or removing the demo shop")]
    Busy,
    /// The deployment holds other data.
    #[error("besides the demo shop the deployment holds {0}")]
    OtherData(Contents),
    /// Another version of the program loaded the demo.
    #[error("another version of Patron loaded the demo shop, and only that one can remove it")]
    OtherVersion,
    /// The log does not answer.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The generator made something that the domain does not accept.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl From<LogError> for RemovalRefusal {
    fn from(error: LogError) -> Self {
        Self::Command(error.into())
    }
}

/// Permission to remove a deployment. While it exists, no load begins.
pub struct RemovalHold {
    lease: HeldLease,
    /// Number of users of the deployment, who are lost too.
    pub users: u64,
    /// Number of API keys of the deployment, which are lost too.
    pub api_keys: u64,
}

impl RemovalHold {
    /// Checks again, since data may have arrived while a person was asked.
    ///
    /// # Errors
    /// [`RemovalRefusal`]
    pub async fn check_again(&self, commands: &Commands) -> Result<(), RemovalRefusal> {
        match self.lease.is_lost() {
            true => Err(RemovalRefusal::Busy),
            false => check(commands).await.map(|_| ()),
        }
    }

    /// Gives the permission back.
    pub async fn release(self) {
        self.lease.release().await;
    }
}

/// Checks that a deployment holds nothing but the demo, and that no worker
/// process runs on it. Users and API keys do not count.
///
/// # Errors
/// [`RemovalRefusal`]
pub async fn check_removal(commands: &Commands) -> Result<RemovalHold, RemovalRefusal> {
    let lease = HeldLease::acquire(commands).await?;
    let lease = lease.ok_or(RemovalRefusal::Busy)?;
    match check(commands).await {
        Ok((users, api_keys)) => Ok(RemovalHold {
            lease,
            users,
            api_keys,
        }),
        Err(refusal) => {
            lease.release().await;
            Err(refusal)
        }
    }
}

/// Returns the number of users and of API keys.
async fn check(commands: &Commands) -> Result<(u64, u64), RemovalRefusal> {
    let log = commands.log();
    let demo = commands.demo().await?;
    let plan = demo.and_then(|demo| demo.plan());
    let plan = plan.ok_or(RemovalRefusal::NoDemo)?;
    if plan.seed != SEED {
        return Err(RemovalRefusal::OtherVersion);
    }
    let folding = log.members(Role::Fold).await?.alive.len();
    let sending = log.members(Role::Send).await?.alive.len();
    match folding.max(sending) {
        0 => {}
        running => return Err(RemovalRefusal::Running(running)),
    }
    let shop = Shop::new(plan, commands.currency())?;
    let others = Contents::of(log)
        .await?
        .without(&recorded(log, &shop).await?);
    if !others.is_empty() {
        return Err(RemovalRefusal::OtherData(others));
    }
    Ok((
        log.head_count("user").await?,
        log.head_count("api_key").await?,
    ))
}

/// Returns how much of the shop is recorded.
async fn recorded(log: &Log, shop: &Shop) -> Result<Contents, RemovalRefusal> {
    let customers = shop.customers.iter();
    let orders = customers.clone().flat_map(|customer| {
        let orders = customer.orders.iter();
        orders.map(move |(order, _)| Subject::Order(customer.id.clone(), order.clone()))
    });
    let activities = customers.clone().flat_map(|customer| {
        let activities = customer.activities.iter();
        activities.map(move |(id, _)| Subject::Activity(customer.id.clone(), id.clone()))
    });
    let customers = customers.map(|customer| Subject::Customer(customer.id.clone()));
    let segments = (0..SEGMENTS.len()).map(|index| Ok(Subject::Segment(segment_id(index)?)));
    let segments = segments.collect::<Result<Vec<_>, Invalid>>()?;
    let campaigns = (0..CAMPAIGNS.len()).map(|index| Ok(Subject::Campaign(campaign_id(index)?)));
    let campaigns = campaigns.collect::<Result<Vec<_>, Invalid>>()?;
    Ok(Contents {
        customers: existing(log, customers).await?,
        orders: existing(log, orders).await?,
        activities: existing(log, activities).await?,
        segments: existing(log, segments.into_iter()).await?,
        campaigns: existing(log, campaigns.into_iter()).await?,
    })
}

/// Returns how many of these aggregates exist.
async fn existing(log: &Log, subjects: impl Iterator<Item = Subject>) -> Result<u64, LogError> {
    let mut by_partition: BTreeMap<Partition, Vec<Key>> = BTreeMap::new();
    for subject in subjects {
        let key = log.layout().key(subject.to_string(), subject.route());
        by_partition.entry(key.partition).or_default().push(key);
    }
    let mut count = 0;
    for (partition, keys) in by_partition {
        for some in keys.chunks(BATCH) {
            let keys: Vec<&Key> = some.iter().collect();
            let heads = log.heads(partition, &keys).await?;
            count += heads.iter().flatten().count() as u64;
        }
    }
    Ok(count)
}
