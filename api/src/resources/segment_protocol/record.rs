//! Records the calls of a request, in [waves](super::waves).

use std::collections::BTreeMap;

use commands::{ActivityRecord, CommandError, Context, CustomerRecord, Outcome};
use domain::ContactRules;

use super::answer::CallResult;
use super::call::{Call, CallType, Treatment};
use super::time::Receipt;
use super::track::Tracked;
use super::warning::Warnings;
use super::waves::{LastWaves, MAX_WAVES};
use super::{identify, track};
use crate::http::body::item::RawItem;
use crate::http::metrics;
use crate::http::problem::Problem;
use crate::resources::data::answer::AcceptedItem;
use crate::resources::data::customers::record_customers;
use crate::resources::data::events::record_events;
use crate::resources::data::ingest::Tally;
use crate::state::AppContext;

/// Calls of one request.
#[derive(Default)]
pub(super) struct Calls {
    results: Vec<CallResult>,
    /// Rules for the addresses of customers.
    contacts: ContactRules,
    waves: Waves,
    customers: Tally,
    events: Tally,
    ignored: u64,
    /// Memory of the results, those of calls that are to be recorded included.
    answer_bytes: usize,
}

/// Type of a call without an effect, and the reason.
struct Ignored(&'static str, String);

impl Ignored {
    fn for_type(name: &'static str) -> Self {
        Self(name, format!("calls of the type {name} have no effect"))
    }
}

/// A call that is to be recorded.
struct Mapped<T> {
    index: usize,
    id: String,
    record: T,
    changed_name: Option<String>,
    warnings: Warnings,
}

/// Calls that are to be recorded, by wave.
#[derive(Default)]
struct Waves {
    identify: BTreeMap<usize, Vec<Mapped<CustomerRecord>>>,
    track: BTreeMap<usize, Vec<Mapped<Tracked>>>,
    last: LastWaves,
}

impl Calls {
    /// Returns no calls, whose addresses are to be read by these rules.
    pub(super) fn with(contacts: ContactRules) -> Self {
        Self {
            contacts,
            ..Self::default()
        }
    }

    /// Adds a call. `r#type` is that of its path; a call of a batch names its own.
    pub(super) fn add(
        &mut self,
        index: usize,
        raw: RawItem<'_>,
        r#type: Option<CallType>,
        receipt: Receipt,
    ) {
        let mut recorded_as = r#type;
        self.answer_bytes += size_of::<CallResult>();
        match self.map(index, raw, &mut recorded_as, receipt) {
            Ok(None) => {}
            Ok(Some(ignored)) => self.add_ignored(index, ignored),
            Err(problem) => {
                match recorded_as {
                    Some(CallType::Identify) => self.customers.count(None),
                    Some(CallType::Track) | None => self.events.count(None),
                }
                self.answer_bytes += problem.bytes();
                self.results.push(CallResult::rejected(index, problem));
            }
        }
    }

    /// Adds a single call of a type that has no effect.
    pub(super) fn ignore(&mut self, name: &'static str) {
        self.answer_bytes += size_of::<CallResult>();
        self.add_ignored(0, Ignored::for_type(name));
    }

    fn add_ignored(&mut self, index: usize, Ignored(name, reason): Ignored) {
        self.ignored += 1;
        self.answer_bytes += reason.len();
        self.results.push(CallResult::ignored(index, name, reason));
    }

    /// Returns the number of bytes of all results in memory.
    pub(super) fn answer_bytes(&self) -> usize {
        self.answer_bytes
    }

    /// Maps a call and adds it to its wave. Returns the reason if it has no effect. Sets
    /// the type of the call once it is known.
    ///
    /// # Errors
    /// The problem with the call.
    fn map(
        &mut self,
        index: usize,
        raw: RawItem<'_>,
        recorded_as: &mut Option<CallType>,
        receipt: Receipt,
    ) -> Result<Option<Ignored>, Problem> {
        let call = Call::parse(raw.text)?;
        let r#type = match *recorded_as {
            Some(known) => known,
            None => match call.treatment()? {
                Treatment::Recorded(known) => *recorded_as.insert(known),
                Treatment::Ignored(name) => return Ok(Some(Ignored::for_type(name))),
            },
        };
        let Some(customer) = call.customer()? else {
            let reason = "the call has no userId, so it belongs to no customer";
            return Ok(Some(Ignored(r#type.name(), reason.to_owned())));
        };
        let mut warnings = Warnings::default();
        let wave = self.waves.last.next(&customer, r#type);
        match r#type {
            CallType::Identify => {
                let contacts = self.contacts;
                let record = identify::record(call, customer, contacts, receipt, &mut warnings)?;
                self.answer_bytes += warnings.bytes();
                self.waves.identify.entry(wave).or_default().push(Mapped {
                    index,
                    id: record.customer.to_string(),
                    record,
                    changed_name: None,
                    warnings,
                });
            }
            CallType::Track => {
                let tracked = track::record(call, customer, receipt, &mut warnings)?;
                self.answer_bytes += warnings.bytes();
                self.waves.track.entry(wave).or_default().push(Mapped {
                    index,
                    id: tracked.record.activity.to_string(),
                    changed_name: tracked.changed_name.clone(),
                    record: tracked,
                    warnings,
                });
            }
        }
        Ok(None)
    }

    /// Records the calls, and returns the result of each.
    ///
    /// # Errors
    /// [`CommandError`] if a command fails. Calls before it are recorded already; the same
    /// request again changes nothing about them.
    pub(super) async fn record(
        mut self,
        app: &AppContext,
        context: &Context,
    ) -> Result<Vec<CallResult>, CommandError> {
        for wave in 0..MAX_WAVES {
            if let Some(calls) = self.waves.identify.remove(&wave) {
                let (calls, records) = divide(calls);
                let outcomes = record_customers(app, context, records).await?;
                self.settle(CallType::Identify, calls, outcomes);
            }
            if let Some(calls) = self.waves.track.remove(&wave) {
                let (calls, tracked) = divide(calls);
                let records = with_recorded_times(app, tracked).await?;
                let outcomes = record_events(app, context, records).await?;
                self.settle(CallType::Track, calls, outcomes);
            }
        }
        Ok(self.into_results())
    }

    /// Counts the results, and returns them.
    pub(super) fn into_results(self) -> Vec<CallResult> {
        self.customers.report("customers");
        self.events.report("events");
        if self.ignored > 0 {
            metrics::count_items("segment_calls", "ignored", self.ignored);
        }
        self.results
    }

    fn settle(
        &mut self,
        r#type: CallType,
        calls: Vec<Mapped<()>>,
        outcomes: Vec<Result<Outcome, Problem>>,
    ) {
        for (call, outcome) in calls.into_iter().zip(outcomes) {
            let tally = match r#type {
                CallType::Identify => &mut self.customers,
                CallType::Track => &mut self.events,
            };
            tally.count(outcome.as_ref().ok().map(|outcome| outcome.effect));
            self.results.push(match outcome {
                Ok(outcome) => CallResult::Accepted {
                    index: call.index,
                    r#type: r#type.name(),
                    accepted: AcceptedItem::new(call.id, outcome)
                        .with_name(call.changed_name)
                        .with_warnings("/traits", call.warnings.0),
                },
                Err(problem) => CallResult::rejected(call.index, problem),
            });
        }
    }
}

/// Returns the activities, each with the time that it was recorded with if that may be the
/// time of the same call.
///
/// # Errors
/// [`CommandError`] if the log does not respond.
async fn with_recorded_times(
    app: &AppContext,
    tracked: Vec<Tracked>,
) -> Result<Vec<ActivityRecord>, CommandError> {
    let varying = tracked.iter().filter(|tracked| tracked.time.varies());
    let ids = varying.map(|Tracked { record, .. }| {
        let ActivityRecord {
            customer, activity, ..
        } = record;
        (customer.clone(), activity.clone())
    });
    let mut recorded = app.commands.activities(ids.collect()).await?.into_iter();
    let records = tracked.into_iter().map(
        |Tracked {
             mut record, time, ..
         }| {
            if time.varies()
                && let Some(before) = recorded.next()
                && let Some(at) = before.time_of_same(&record.content)
                && time.may_be(at)
            {
                record.content.occurred_at = at;
            }
            record
        },
    );
    Ok(records.collect())
}

/// Separates the records, which the command takes, from the rest of the calls.
fn divide<T>(calls: Vec<Mapped<T>>) -> (Vec<Mapped<()>>, Vec<T>) {
    let divided = calls.into_iter().map(|call| {
        let rest = Mapped {
            index: call.index,
            id: call.id,
            record: (),
            changed_name: call.changed_name,
            warnings: call.warnings,
        };
        (rest, call.record)
    });
    divided.unzip()
}
