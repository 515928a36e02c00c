//! Comparison of the log, the heads, the views and the vendor's list with what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use chrono::TimeDelta;
use domain::MessageId;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::PeopleDeployment;
use super::households::CUSTOMERS;
use super::loads::Expected;
use super::merges;
use super::quiet::comparable;
use crate::crashes::model::text_field;
use crate::support::app::App;
use crate::support::process::run;
use crate::support::shop::address_id;
use crate::support::vendor::SentMessage;
use crate::support::wait::until;

/// Totals of the checks, over all deployments.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) kills: usize,
    events: usize,
    campaigns: usize,
    messages: usize,
    /// Periods in which nobody may write to an address.
    quiet: usize,
    /// Messages that came back.
    returned: usize,
    lost: Vec<String>,
    doubled: Vec<String>,
    /// Messages beyond the first of a campaign to an address.
    repeated: Vec<String>,
    /// Messages that the vendor accepted more than a second after nobody may write to the address.
    late: Vec<(String, TimeDelta)>,
    /// Discrepancies of `patron reconcile`.
    discrepancies: Vec<Value>,
    /// Output of `patron verify`, if it failed.
    unverified: Vec<String>,
}

/// Compares a deployment with what was acknowledged. Panics at the first one with a difference.
pub(super) async fn check(deployment: &PeopleDeployment, expected: Expected, tally: &mut Tally) {
    let client = &deployment.app.client;
    client.wait_until_ready().await;
    // If the response to a request was lost, its message may count as suppressed until the receipt
    // arrives.
    until("all receipts are posted", || {
        deployment.vendor.has_posted_all_receipts()
    })
    .await;
    client.wait_until_caught_up().await;
    let sent = deployment.vendor.sent().await;

    check_log(&deployment.app, &expected, tally).await;
    check_addresses(&deployment.app, &expected, tally).await;
    check_customers(&deployment.app, &expected, tally).await;
    check_suppressions(&deployment.app, &expected, tally).await;
    merges::check(deployment, &expected.merged, tally).await;
    for campaign in &expected.campaigns {
        check_campaign(&deployment.app, campaign, &sent, tally).await;
    }
    for (id, sent) in &sent {
        let delays = expected.quiet.iter().filter_map(|quiet| quiet.delay(sent));
        tally.late.extend(delays.map(|delay| (id.clone(), delay)));
    }
    let verified = block_in_place(|| run(deployment.app.patron(["verify"])));
    if verified.code != Some(0) {
        tally.unverified.push(format!("{verified:?}"));
    }
    tally.campaigns += expected.campaigns.len();
    tally.messages += sent.len();
    tally.quiet += expected
        .quiet
        .iter()
        .map(|quiet| quiet.count())
        .sum::<usize>();
    tally.returned += expected.returned.bounced + expected.returned.complained;
    eprintln!("{tally}");
    assert!(tally.is_clean(), "{tally:?}");
}

/// Every acknowledged event is in the log once, and nothing happened twice.
async fn check_log(app: &App, expected: &Expected, tally: &mut Tally) {
    let rows = app.client.list("/api/audit", 500).await;
    tally.events += rows.len();
    let of_merges = format!("customer/{}", merges::PREFIX);
    let (of_customers, others): (Vec<Value>, Vec<Value>) = rows
        .into_iter()
        .filter(|row| !text_field(row, "aggregate").starts_with(&of_merges))
        .partition(|row| text_field(row, "aggregate").starts_with("customer/"));
    let writes = &expected.writes;
    let log = writes.model.compare_log(&of_customers, &writes.positions);
    tally.lost.extend(log.lost);
    tally.doubled.extend(log.duplicated);
    let returned = &expected.returned;
    for (event, wanted) in [
        ("address_bounced.1", returned.bounced),
        ("address_complained.1", returned.complained),
        ("address_suppressed.1", returned.suppressed),
        ("address_unsuppressed.1", returned.unsuppressed),
    ] {
        let found = others.iter().filter(|row| row["type"] == event).count();
        tally.compare(event, found, wanted);
    }
    let claims = others
        .iter()
        .filter(|row| row["type"] == "address_claimed.1");
    for claim in claims.filter(|claim| claim["version"] != 1) {
        tally.doubled.push(claim.to_string());
    }
}

/// Every address knows who opted out with it, and if it is on the suppression list.
async fn check_addresses(app: &App, expected: &Expected, tally: &mut Tally) {
    let listed = &expected.returned.listed;
    let people = expected.people.values().map(|person| &person.address);
    let all: BTreeSet<&String> = people
        .chain(expected.opted_out.keys())
        .chain(listed)
        .collect();
    let ids: Vec<_> = all.iter().map(|address| address_id(address)).collect();
    let commands = app.settings().commands().await;
    for (address, head) in all.into_iter().zip(commands.addresses(&ids).await.unwrap()) {
        let opted_out = expected.opted_out.get(address);
        let opted_out = opted_out.is_some_and(|customers| !customers.is_empty());
        tally.compare(
            &format!("opt-out with {address}"),
            head.is_unsubscribed(),
            opted_out,
        );
        let what = format!("suppression of {address}");
        tally.compare(&what, head.listed_for().is_some(), listed.contains(address));
    }
}

async fn check_customers(app: &App, expected: &Expected, tally: &mut Tally) {
    let mut read = app.client.list("/api/customers", 500).await;
    read.retain(|customer| !text_field(customer, "customer_id").starts_with(merges::PREFIX));
    assert_eq!(read.len(), expected.people.len(), "number of customers");
    for customer in &read {
        let id = text_field(customer, "customer_id");
        let person = &expected.people[&id];
        let address = customer["email"].as_str().or(customer["phone"].as_str());
        let found = (
            text_field(customer, "name"),
            comparable(address.unwrap_or_default()),
            customer["unsubscribed"] == true,
        );
        let wanted = (
            person.name.clone(),
            person.address.clone(),
            person.unsubscribed,
        );
        if found != wanted {
            tally
                .lost
                .push(format!("{id} is {found:?} instead of {wanted:?}"));
        }
    }
}

async fn check_suppressions(app: &App, expected: &Expected, tally: &mut Tally) {
    let read = app.client.list("/api/suppressions", 500).await;
    let found = read
        .iter()
        .map(|one| comparable(&text_field(one, "address")));
    let found: BTreeSet<String> = found.collect();
    for address in found.symmetric_difference(&expected.returned.listed) {
        tally
            .lost
            .push(format!("{address} is on one suppression list only"));
    }
}

/// Every customer has one message or a reason, the vendor has exactly the messages that count as
/// handed over, and no address got two.
async fn check_campaign(
    app: &App,
    campaign: &str,
    sent: &BTreeMap<String, SentMessage>,
    tally: &mut Tally,
) {
    let path = format!("/api/campaigns/{campaign}");
    let rows = app.client.list(&format!("{path}/logs"), 500).await;
    let customers: BTreeSet<_> = rows
        .iter()
        .map(|row| text_field(row, "customer_id"))
        .collect();
    assert_eq!((rows.len(), customers.len()), (CUSTOMERS, CUSTOMERS));
    let handed_over = rows.iter().filter(|row| row["status"] != "suppressed");
    let handed_over: BTreeSet<_> = handed_over
        .map(|row| text_field(row, "message_id"))
        .collect();
    let of_campaign = MessageId::start(&campaign.try_into().unwrap());
    let accepted = sent.iter().filter(|(id, _)| id.starts_with(&of_campaign));
    let mut addresses = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (id, sent) in accepted {
        ids.insert(id.clone());
        if !addresses.insert(comparable(&sent.to)) {
            tally.repeated.push(id.clone());
        }
    }
    for id in ids.symmetric_difference(&handed_over) {
        tally.lost.push(format!("{id} is known to one side only"));
    }
    // The command rather than the API, as an operator would.
    let printed = block_in_place(|| run(app.patron(["reconcile", campaign, "--json"])));
    let accounts: Value = serde_json::from_str(&printed.out).expect(&printed.err);
    assert_eq!(accounts["planned"], CUSTOMERS, "{accounts}");
    assert_eq!(accounts["views_compared"], true, "{accounts}");
    let count = |name: &str| accounts[name].as_u64().unwrap() as usize;
    let all = count("sent") + count("failed") + count("suppressed") + count("pending");
    assert_eq!((all, count("pending")), (CUSTOMERS, 0), "{accounts}");
    let statistics = &app.client.read(&path).await["statistics"];
    for name in ["sent", "delivered", "failed", "suppressed", "pending"] {
        assert_eq!(statistics[name], accounts[name], "{name}");
    }
    if accounts["discrepancies"] != json!([]) {
        tally.discrepancies.push(accounts["discrepancies"].clone());
    }
}

impl Tally {
    pub(super) fn compare<T: PartialEq + fmt::Debug>(&mut self, what: &str, found: T, wanted: T) {
        if found != wanted {
            let difference = format!("{what}: {found:?} instead of {wanted:?}");
            self.lost.push(difference);
        }
    }

    fn is_clean(&self) -> bool {
        self.lost.is_empty()
            && self.doubled.is_empty()
            && self.repeated.is_empty()
            && self.late.is_empty()
            && self.discrepancies.is_empty()
            && self.unverified.is_empty()
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills, {} events, {} campaigns, {} messages, {} returned, {} periods without \
             messages: {} lost, {} doubled, {} messaged twice, {} messaged more than 1 s after \
             that was acknowledged, {} campaigns with discrepancies, verify not clean on {} \
             deployments",
            self.kills,
            self.events,
            self.campaigns,
            self.messages,
            self.returned,
            self.quiet,
            self.lost.len(),
            self.doubled.len(),
            self.repeated.len(),
            self.late.len(),
            self.discrepancies.len(),
            self.unverified.len(),
        )
    }
}
