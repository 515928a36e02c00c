//! Records the calls of a request.
//!
//! Calls of one customer are recorded in the order of the request. Customers and activity
//! are recorded by separate commands, so calls are divided into waves: the even ones hold
//! calls of `identify`, the odd ones calls of `track`, and each call is in the first wave
//! that is not before those of its customer's earlier calls.

use std::collections::{BTreeMap, HashMap};

use commands::{ActivityRecord, CommandError, Context, CustomerRecord, Outcome};
use domain::{CustomerId, Timestamp};

use super::answer::CallResult;
use super::call::{Call, CallType, Treatment};
use super::warning::{Warning, Warnings};
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
    waves: Waves,
    customers: Tally,
    events: Tally,
    ignored: u64,
    /// Memory of the results, those of calls that are to be recorded included.
    answer_bytes: usize,
}

/// Type of a call without an effect, and the reason.
struct Ignored(&'static str, String);

/// A call that is to be recorded.
struct Mapped<T> {
    index: usize,
    id: String,
    record: T,
    changed_name: Option<String>,
    warnings: Vec<Warning>,
}

/// Calls that are to be recorded, by wave.
#[derive(Default)]
struct Waves {
    identify: BTreeMap<usize, Vec<Mapped<CustomerRecord>>>,
    track: BTreeMap<usize, Vec<Mapped<ActivityRecord>>>,
    last: LastWaves,
}

/// Wave of each customer's last call.
#[derive(Default)]
struct LastWaves(HashMap<CustomerId, usize>);

impl LastWaves {
    /// Returns the wave of a customer's next call.
    fn next(&mut self, customer: &CustomerId, r#type: CallType) -> usize {
        let parity = match r#type {
            CallType::Identify => 0,
            CallType::Track => 1,
        };
        let last = self.0.entry(customer.clone()).or_default();
        if *last % 2 != parity {
            *last += 1;
        }
        *last
    }
}

impl Calls {
    /// Adds a call. `r#type` is that of its path; a call of a batch names its own.
    pub(super) fn add(
        &mut self,
        index: usize,
        raw: RawItem<'_>,
        r#type: Option<CallType>,
        sent_at: Option<Timestamp>,
        received_at: Timestamp,
    ) {
        let mut recorded_as = r#type;
        self.answer_bytes += size_of::<CallResult>();
        match self.map(index, raw, &mut recorded_as, sent_at, received_at) {
            Ok(None) => {}
            Ok(Some(Ignored(name, reason))) => {
                self.ignored += 1;
                self.answer_bytes += reason.len();
                self.results.push(CallResult::ignored(index, name, reason));
            }
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
        sent_at: Option<Timestamp>,
        received_at: Timestamp,
    ) -> Result<Option<Ignored>, Problem> {
        let call = Call::parse(raw.text)?;
        let r#type = match *recorded_as {
            Some(known) => known,
            None => match call.treatment()? {
                Treatment::Recorded(known) => *recorded_as.insert(known),
                Treatment::Ignored(name) => {
                    let reason = format!("calls of the type {name} have no effect");
                    return Ok(Some(Ignored(name, reason)));
                }
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
                let record = identify::record(call, customer, &mut warnings)?;
                self.answer_bytes += warnings.bytes();
                self.waves.identify.entry(wave).or_default().push(Mapped {
                    index,
                    id: record.customer.to_string(),
                    record,
                    changed_name: None,
                    warnings: warnings.0,
                });
            }
            CallType::Track => {
                let tracked = track::record(call, customer, sent_at, received_at, &mut warnings)?;
                self.answer_bytes += warnings.bytes();
                self.waves.track.entry(wave).or_default().push(Mapped {
                    index,
                    id: tracked.record.activity.to_string(),
                    record: tracked.record,
                    changed_name: tracked.changed_name,
                    warnings: warnings.0,
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
        let waves = self.waves.last.0.values().max().copied();
        for wave in 0..=waves.unwrap_or_default() {
            if let Some(calls) = self.waves.identify.remove(&wave) {
                let (calls, records) = divide(calls);
                let outcomes = record_customers(app, context, records).await?;
                self.settle(CallType::Identify, calls, outcomes);
            }
            if let Some(calls) = self.waves.track.remove(&wave) {
                let (calls, records) = divide(calls);
                let outcomes = record_events(app, context, records).await?;
                self.settle(CallType::Track, calls, outcomes);
            }
        }
        self.customers.report("customers");
        self.events.report("events");
        if self.ignored > 0 {
            metrics::count_items("segment_calls", "ignored", self.ignored);
        }
        Ok(self.results)
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
                    accepted: AcceptedItem::new(call.id, outcome).with_name(call.changed_name),
                    warnings: call.warnings,
                },
                Err(problem) => CallResult::rejected(call.index, problem),
            });
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_one_customer_keep_their_order() {
        let mut last = LastWaves::default();
        let mut next = |customer: &str, r#type| {
            let customer = CustomerId::try_from(customer).unwrap();
            last.next(&customer, r#type)
        };
        use CallType::{Identify, Track};
        assert_eq!(next("a", Identify), 0);
        assert_eq!(next("a", Track), 1);
        assert_eq!(next("a", Track), 1);
        assert_eq!(next("b", Track), 1, "no earlier call");
        assert_eq!(next("a", Identify), 2);
        assert_eq!(next("b", Identify), 2);
        assert_eq!(next("a", Track), 3);
        assert_eq!(next("c", Identify), 0);
    }
}
