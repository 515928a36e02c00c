//! Live workers and the division of work among them.

use std::collections::BTreeSet;

use eventlog::{Log, Members, Partition, Role};

use crate::records::workers::Worker;
use crate::runtime::store::{QueryError, Store};

impl Store {
    /// Returns all live workers, sorted by name.
    ///
    /// # Errors
    /// [`QueryError`] if Redis or MongoDB does not answer.
    pub async fn live_workers(&self, log: &Log) -> Result<Vec<Worker>, QueryError> {
        let folding = log.members(Role::Fold).await?;
        let sending = log.members(Role::Send).await?;
        let both = folding.alive.iter().chain(&sending.alive);
        let names: BTreeSet<String> = both.cloned().collect();
        let names: Vec<String> = names.into_iter().collect();
        let mut reports = self.workers(&names).await?;
        let worker = |name: String| {
            let reported = reports.iter().position(|report| report.name == name);
            Worker {
                folds: owned_by(&folding, &name),
                sends: sending
                    .alive
                    .contains(&name)
                    .then(|| owned_by(&sending, &name)),
                report: reported.map(|index| reports.swap_remove(index)),
                name,
            }
        };
        Ok(names.into_iter().map(worker).collect())
    }
}

fn owned_by(members: &Members, name: &str) -> Vec<Partition> {
    let owned = members.owners.iter().filter(|(_, owner)| *owner == name);
    let mut owned: Vec<Partition> = owned.map(|(partition, _)| *partition).collect();
    owned.sort_unstable();
    owned
}
