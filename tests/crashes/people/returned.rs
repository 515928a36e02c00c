//! Load: receipts of bounces and complaints about messages that were sent, and operators who take
//! addresses off the suppression list again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use reqwest::Method;
use serde_json::{Value, json};

use super::loads::{Expected, Load};
use super::quiet::{QuietPeriods, comparable};
use crate::support::receipts;
use crate::support::shop::address_id;
use crate::support::vendor::{SentMessage, sent};

/// Longest pause between two rounds, in milliseconds.
const MAX_PAUSE_MS: u64 = 600;

/// Number of messages that come back per round, at most.
const MAX_RETURNED: usize = 3;

/// Addresses that stay on the suppression list at the same time; beyond that, one is taken off.
const MAX_LISTED: usize = 12;

/// Default of `PATRON_SOFT_BOUNCES`.
const SOFT_BOUNCES: usize = 5;

/// What must be recorded of messages that came back.
#[derive(Default)]
pub(super) struct Returned {
    /// Number of messages that bounced.
    pub(super) bounced: usize,
    /// Number of messages that were complained about.
    pub(super) complained: usize,
    /// Number of times that an address was put on the suppression list.
    pub(super) suppressed: usize,
    /// Number of times that one was taken off.
    pub(super) unsuppressed: usize,
    /// Addresses on the suppression list, in their comparable form.
    pub(super) listed: BTreeSet<String>,
    /// Number of soft bounces that count, by address.
    soft_bounces: BTreeMap<String, usize>,
}

impl Returned {
    pub(super) fn merge(&mut self, other: Self) {
        self.bounced += other.bounced;
        self.complained += other.complained;
        self.suppressed += other.suppressed;
        self.unsuppressed += other.unsuppressed;
        self.listed.extend(other.listed);
    }

    fn list(&mut self, address: &str) {
        self.suppressed += usize::from(self.listed.insert(address.to_owned()));
    }

    /// Records a bounce or a complaint. Returns the members of its receipt.
    fn record(&mut self, address: &str, random: &mut StdRng) -> Value {
        match random.random_range(0..6) {
            0 => {
                self.complained += 1;
                self.list(address);
                json!({"status": "complained"})
            }
            1 => {
                self.bounced += 1;
                self.list(address);
                json!({"status": "bounced", "bounce": "hard", "reason": "550 5.1.1"})
            }
            _ => {
                self.bounced += 1;
                let count = self.soft_bounces.entry(address.to_owned()).or_default();
                *count += 1;
                if *count >= SOFT_BOUNCES {
                    self.list(address);
                }
                json!({"status": "bounced", "reason": "mailbox full"})
            }
        }
    }
}

/// Posts receipts and takes addresses off the list until the load is stopped.
pub(super) async fn post_until_stopped(load: Load, vendor: String, mut random: StdRng) -> Expected {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let (mut returned, mut quiet) = (Returned::default(), QuietPeriods::default());
    // At most one receipt for each message, so that every one is news.
    let mut done: BTreeSet<String> = BTreeSet::new();
    while load.pause(&mut random, MAX_PAUSE_MS).await {
        let all = sent(&http, &vendor).await;
        let count = random.random_range(0..=MAX_RETURNED);
        let new = all.iter().filter(|(id, _)| !done.contains(*id));
        for (id, sent) in new.choose_multiple(&mut random, count) {
            done.insert(id.clone());
            let address = comparable(&sent.to);
            let members = returned.record(&address, &mut random);
            post(&load, id, sent, members).await;
            if returned.listed.contains(&address) {
                quiet.begin(&address);
            }
        }
        if returned.listed.len() > MAX_LISTED {
            let address = returned.listed.iter().choose(&mut random).unwrap().clone();
            returned.listed.remove(&address);
            returned.soft_bounces.remove(&address);
            returned.unsuppressed += 1;
            quiet.end(&address);
            // By the id, since a number's `+` is no part of a path. A repeated request finds that
            // the address is not on the list any more.
            let path = format!("/api/suppressions/{}", address_id(&address));
            load.send(&[204, 404], |api| api.request(Method::DELETE, &path))
                .await;
        }
    }
    Expected {
        returned,
        quiet: vec![quiet],
        ..Expected::default()
    }
}

async fn post(load: &Load, id: &str, sent: &SentMessage, members: Value) {
    let mut receipt = json!({
        "message_id": id,
        "vendor_message_id": sent.vendor_message_id,
        "occurred_at": Utc::now().to_rfc3339(),
    });
    let members = members.as_object().unwrap().clone();
    receipt.as_object_mut().unwrap().extend(members);
    let answer = load
        .send(&[202], |api| {
            receipts::request(api, &receipt.to_string(), &receipts::VALID)
        })
        .await;
    assert_eq!(answer.body["rejected"], 0, "{answer:?}");
}
