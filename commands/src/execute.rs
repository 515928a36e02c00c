//! Executor of commands: groups them by partition, and runs the partitions
//! concurrently.

use std::collections::BTreeMap;
use std::sync::Arc;

use cqrs_es::Aggregate;
use domain::{Address, Subject};
use eventlog::Partition;
use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};

use crate::heads::{AggregateId, HeadAggregate, key_of};
use crate::run::{AddressCommands, BatchItem, Outcome, PartitionRun};
use crate::turns::Turns;
use crate::{CommandError, Commands, Context};

type Results<A> = Vec<Result<Outcome, <A as Aggregate>::Error>>;

/// Executes commands independently: one that a rule rejects does not stop the
/// others. Commands on the same aggregate are executed in the order given.
/// Returns the results in the order given, once all events are on disk.
///
/// # Errors
/// After an error, any of the commands may have been executed. Repeating all of
/// them is safe: those that were executed are then `Unchanged`.
pub(crate) async fn execute_batch<A: HeadAggregate>(
    on: &Commands,
    services: &A::Services,
    context: &Context,
    commands: Vec<(Subject, A::Command)>,
) -> Result<Results<A>, CommandError> {
    execute_batch_on::<A>(on, services, context, commands, A::MOSTLY_NEW).await
}

/// Does the same as [`execute_batch`], with `mostly_new` in place of
/// [`HeadAggregate::MOSTLY_NEW`] for these commands.
///
/// # Errors
/// As for [`execute_batch`].
pub(crate) async fn execute_batch_on<A: HeadAggregate>(
    on: &Commands,
    services: &A::Services,
    context: &Context,
    commands: Vec<(Subject, A::Command)>,
    mostly_new: bool,
) -> Result<Results<A>, CommandError> {
    let (turns, metadata) = (&on.turns, context.metadata());
    run_batch::<A>(on, turns, services, &metadata, commands, mostly_new).await
}

/// Does the same as [`execute_batch_on`], with these turns and metadata.
///
/// # Errors
/// As for [`execute_batch`].
async fn run_batch<A: HeadAggregate>(
    on: &Commands,
    turns: &Turns,
    services: &A::Services,
    metadata: &Arc<str>,
    commands: Vec<(Subject, A::Command)>,
    mostly_new: bool,
) -> Result<Results<A>, CommandError> {
    let count = commands.len();
    let mut by_partition: BTreeMap<Partition, Vec<BatchItem<A>>> = BTreeMap::new();
    for (index, (subject, command)) in commands.into_iter().enumerate() {
        let key = key_of(&on.log, &subject);
        let items = by_partition.entry(key.partition).or_default();
        items.push(BatchItem {
            index,
            key,
            command,
            told: Vec::new(),
        });
    }
    let on_addresses = |commands| execute_on_addresses(on, metadata, commands);
    let runs = by_partition.into_iter().map(|(partition, items)| {
        let run = PartitionRun {
            on_addresses: &on_addresses,
            log: &on.log,
            turns,
            services,
            metadata,
            partition,
            mostly_new,
        };
        run.all(items)
    });
    let mut results: Vec<_> = (0..count).map(|_| None).collect();
    for (index, result) in try_join_all(runs).await?.into_iter().flatten() {
        results[index] = Some(result);
    }
    // Every index went into one partition's run, and each run returns a result
    // for all of its items, so no result is missing.
    Ok(results.into_iter().flatten().collect())
}

/// Executes commands on addresses that commands on customers require. Boxed, since
/// both are executed by the same code.
fn execute_on_addresses<'a>(
    on: &'a Commands,
    metadata: &'a Arc<str>,
    commands: AddressCommands,
) -> BoxFuture<'a, Result<(), CommandError>> {
    let commands = commands.into_iter();
    let commands = commands.map(|(id, command)| (Subject::Address(id), command));
    let commands = commands.collect();
    async move {
        // They have turns of their own: a customer's command may hold its turn
        // while it waits for an address, and never the other way round.
        let turns = &on.address_turns;
        run_batch::<Address>(on, turns, &(), metadata, commands, false).await?;
        Ok(())
    }
    .boxed()
}

impl Commands {
    /// Executes a command on the aggregate that has this id.
    ///
    /// # Errors
    /// [`CommandError`]. The command may have been executed nevertheless;
    /// repeating it then makes no second event, unless the command is
    /// documented otherwise.
    pub async fn execute<I: AggregateId>(
        &self,
        context: &Context,
        id: I,
        command: <I::Aggregate as Aggregate>::Command,
    ) -> Result<Result<Outcome, <I::Aggregate as Aggregate>::Error>, CommandError> {
        execute_one::<I::Aggregate>(self, context, id.into_subject(), command).await
    }
}

/// Executes one command.
///
/// # Errors
/// As for [`execute_batch`].
pub(crate) async fn execute_one<A: HeadAggregate<Services = ()>>(
    on: &Commands,
    context: &Context,
    subject: Subject,
    command: A::Command,
) -> Result<Result<Outcome, A::Error>, CommandError> {
    let name = subject.to_string();
    let mut results = execute_batch::<A>(on, &(), context, vec![(subject, command)]).await?;
    // One command has one result.
    results.pop().ok_or(CommandError::Contended(name))
}
