//! Decision on a change of consent: an opt-out is never lost, and only a later consent
//! lifts it.

use cqrs_es::Aggregate;

use super::consent_record::{ConsentRecord, ConsentWarning, RecordConsent};
use super::{Customer, CustomerChanges, CustomerCommand, CustomerError, CustomerEvent};
use crate::{Change, Timestamp};

/// A customer's recorded consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConsentState {
    /// True after an opt-out, false after a consent; `None` if nothing is recorded.
    pub(super) unsubscribed: Option<bool>,
    /// Time of the opt-out, or of a consent that had a time.
    pub(super) at: Option<Timestamp>,
}

/// Decision on what data says about consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConsentDecision {
    /// Nothing changes.
    Unchanged,
    /// It has no effect, for this reason.
    Ignored(ConsentWarning),
    /// It is recorded.
    Recorded {
        /// True for an opt-out.
        unsubscribed: bool,
    },
}

impl ConsentState {
    /// Decides on a customer's data. `given` is the time of the consent or the opt-out,
    /// and `updated_at` that of the data. `null` is read as `false`.
    ///
    /// An opt-out is recorded unless a later consent is. Its time is `given`, or else
    /// `updated_at`; an opt-out without either is always recorded. A consent lifts an
    /// opt-out only with a later time of its own: the time of the data proves nothing,
    /// since a source changes its data for any reason.
    ///
    /// The same with a later time is recorded too: otherwise, the contrary of a time in
    /// between that arrives afterwards would be recorded.
    pub(super) fn decide(
        self,
        unsubscribed: Change<bool>,
        given: Option<Timestamp>,
        updated_at: Option<Timestamp>,
    ) -> ConsentDecision {
        let is_later = given.is_some() && given > self.at;
        let unsubscribed = match unsubscribed {
            Change::Keep => return ConsentDecision::Unchanged,
            // Many sources send `null` for whatever they do not know.
            Change::Clear if self.unsubscribed.is_none() && given.is_none() => {
                return ConsentDecision::Unchanged;
            }
            Change::Clear => false,
            Change::Set(unsubscribed) => unsubscribed,
        };
        if self.unsubscribed == Some(unsubscribed) && !is_later {
            return ConsentDecision::Unchanged;
        }
        let is_lift = self.unsubscribed == Some(true) && !unsubscribed;
        if is_lift && !is_later {
            return ConsentDecision::Ignored(ConsentWarning::StillUnsubscribed {
                since: self.at,
                is_dated: given.is_some(),
            });
        }
        if let (Some(false), true) = (self.unsubscribed, unsubscribed)
            && let (Some(opted_out), Some(consented)) = (given.or(updated_at), self.at)
            && opted_out < consented
        {
            return ConsentDecision::Ignored(ConsentWarning::StillSubscribed { since: consented });
        }
        ConsentDecision::Recorded { unsubscribed }
    }
}

impl Customer {
    /// Returns the reason why what the command says about consent has no effect, if
    /// that is so. The other changes of the command are made.
    pub fn consent_warning(&self, command: &CustomerCommand) -> Option<ConsentWarning> {
        let CustomerCommand::Record(changes) = command else {
            return None;
        };
        let is_opt_out = matches!(changes.unsubscribed, Change::Set(true));
        match self.decide_consent(changes) {
            ConsentDecision::Ignored(warning) if is_opt_out || !self.is_stale(command) => {
                Some(warning)
            }
            _ => None,
        }
    }

    /// Returns whether the customer consented to messages as this command, which was
    /// executed, says.
    pub fn has_consented(&self, command: &CustomerCommand) -> bool {
        let says_so = match command {
            CustomerCommand::RecordConsent(given) => !given.unsubscribed,
            CustomerCommand::Record(changes) => {
                let is_consent = matches!(changes.unsubscribed, Change::Set(false) | Change::Clear);
                let given = changes.consent.as_ref().and_then(|consent| consent.at);
                is_consent && given.is_some() && given == self.consent_at
            }
            CustomerCommand::Merge { .. }
            | CustomerCommand::TakeOver(_)
            | CustomerCommand::Forwarded { .. } => false,
        };
        says_so && !self.is_unsubscribed()
    }

    pub(super) fn decide_consent(&self, changes: &CustomerChanges) -> ConsentDecision {
        let given = changes.consent.as_ref().and_then(|consent| consent.at);
        let state = self.consent_state();
        let decision = state.decide(changes.unsubscribed, given, changes.updated_at);
        // The other customer of a merge may have consented since then, and decides.
        let is_new_opt_out = changes.unsubscribed == Change::Set(true) && given.is_none();
        match decision {
            ConsentDecision::Unchanged if is_new_opt_out && self.merged.is_some() => {
                ConsentDecision::Recorded { unsubscribed: true }
            }
            decision => decision,
        }
    }

    fn consent_state(&self) -> ConsentState {
        let is_recorded = self.fields.contains_key("unsubscribed");
        ConsentState {
            unsubscribed: is_recorded.then(|| self.is_unsubscribed()),
            at: self.consent_at,
        }
    }

    /// Returns the event of an older version: its opt-out alone, if that is new.
    pub(super) fn record_stale(
        &self,
        changes: CustomerChanges,
        now: Timestamp,
    ) -> Option<CustomerEvent> {
        self.stale(changes, now).map(CustomerEvent::Updated)
    }

    /// Returns what an older version changes: consent, by an opt-out that is new.
    pub(super) fn stale(
        &self,
        changes: CustomerChanges,
        now: Timestamp,
    ) -> Option<CustomerChanges> {
        let decision = self.decide_consent(&changes);
        let is_opt_out = decision == ConsentDecision::Recorded { unsubscribed: true };
        is_opt_out.then(|| CustomerChanges {
            unsubscribed: Change::Set(true),
            consent: kept(changes.consent, true, now),
            ..CustomerChanges::default()
        })
    }

    /// Returns the event of a consent or an opt-out that somebody records. It is an
    /// event even if it changes nothing else.
    ///
    /// # Errors
    /// [`CustomerError::Unknown`] without a record of the customer,
    /// [`CustomerError::ConsentNotLater`] for a consent that was given before the
    /// opt-out.
    pub(super) fn record_consent(
        &self,
        given: RecordConsent,
        now: Timestamp,
    ) -> Result<CustomerEvent, CustomerError> {
        if !self.registered {
            return Err(CustomerError::Unknown);
        }
        let RecordConsent {
            unsubscribed,
            record,
        } = given;
        if let (Some(at), Some(opted_out)) = (record.at, self.consent_at)
            && self.is_unsubscribed()
            && !unsubscribed
            && at <= opted_out
        {
            return Err(CustomerError::ConsentNotLater { opted_out });
        }
        Ok(CustomerEvent::Updated(CustomerChanges {
            unsubscribed: Change::Set(unsubscribed),
            consent: Some(ConsentRecord {
                at: Some(record.at.unwrap_or(now)),
                ..record
            }),
            ..CustomerChanges::default()
        }))
    }

    /// Applies an event that was recorded at this time, which is that of an opt-out
    /// in an event of before consents had times.
    pub fn apply_recorded(&mut self, event: CustomerEvent, at: impl FnOnce() -> Option<Timestamp>) {
        let is_undated = event.changes().is_some_and(|changes| {
            changes.unsubscribed == Change::Set(true) && changes.consent.is_none()
        });
        self.apply(event);
        if is_undated {
            self.consent_at = self.consent_at.max(at());
        }
    }
}

/// Returns what the event keeps of a consent or an opt-out: the time of the command for
/// an opt-out without a time of its own, so that the head has it.
pub(super) fn kept(
    record: Option<ConsentRecord>,
    unsubscribed: bool,
    now: Timestamp,
) -> Option<ConsentRecord> {
    let record = record.unwrap_or_default();
    let at = record.at.or(unsubscribed.then_some(now));
    let record = ConsentRecord { at, ..record };
    (record != ConsentRecord::default()).then_some(record)
}
