//! Consent of customers, and what their addresses know of it.

use std::sync::atomic::{AtomicI64, Ordering};

use commands::{Commands, CustomerRecord};
use domain::{Address, AddressCommand, AddressId, Change, ConsentRecord, CustomerChanges, Email};

use crate::support::deployment::Deployment;
use crate::support::shop::{address_key, context, minute};

fn email(text: &str) -> Email {
    Email::try_from(text.to_owned()).unwrap()
}

fn id(text: &str) -> AddressId {
    address_key().email(&email(text))
}

/// Returns an item in which a consent has a time, and an opt-out has none.
fn record(customer: &str, address: Option<&str>, unsubscribed: Option<bool>) -> CustomerRecord {
    record_at(customer, address, unsubscribed, unsubscribed == Some(false))
}

fn record_at(
    customer: &str,
    address: Option<&str>,
    unsubscribed: Option<bool>,
    is_dated: bool,
) -> CustomerRecord {
    let mut changes = CustomerChanges::default();
    changes.profile.email = address.map_or(Change::Keep, |address| Change::Set(email(address)));
    changes.unsubscribed = unsubscribed.map_or(Change::Keep, Change::Set);
    // Only a later consent lifts an opt-out, so each has a later time than all before.
    static CONSENTS: AtomicI64 = AtomicI64::new(1);
    changes.consent = is_dated.then(|| ConsentRecord {
        at: Some(minute(CONSENTS.fetch_add(1, Ordering::Relaxed))),
        ..ConsentRecord::default()
    });
    CustomerRecord {
        customer: customer.try_into().unwrap(),
        changes,
    }
}

async fn recorded(commands: &Commands, records: Vec<CustomerRecord>) {
    let outcomes = commands.record_customers(&context(), records).await;
    assert!(outcomes.unwrap().iter().all(Result::is_ok));
}

async fn address(commands: &Commands, text: &str) -> Address {
    commands.addresses(&[id(text)]).await.unwrap().remove(0)
}

async fn commits(deployment: &Deployment) -> u64 {
    let mut commits = 0;
    for partition in 0..deployment.log.layout().partitions() {
        commits += deployment.entry_count(partition).await;
    }
    commits
}

#[tokio::test]
async fn an_address_learns_of_consent_before_the_customer_is_acknowledged() {
    let deployment = Deployment::fresh().await;
    let commands = &deployment.commands;
    recorded(
        commands,
        vec![record("c-1", Some("Ada@x.example"), Some(true))],
    )
    .await;
    assert!(address(commands, "ada@x.example").await.is_unsubscribed());
    recorded(commands, vec![record("c-1", Some("new@x.example"), None)]).await;
    assert!(address(commands, "new@x.example").await.is_unsubscribed());
    recorded(commands, vec![record("c-1", None, Some(false))]).await;
    assert!(!address(commands, "new@x.example").await.is_unsubscribed());
    // Somebody opted out with the former address, and nobody took that back.
    assert!(address(commands, "ada@x.example").await.is_unsubscribed());
}

#[tokio::test]
async fn only_changes_of_consent_cost_a_second_append() {
    let deployment = Deployment::fresh().await;
    let commands = &deployment.commands;
    for (change, expected) in [
        (record("c-1", Some("a@x.example"), None), 1),
        (record("c-1", Some("b@x.example"), None), 1),
        (record("c-1", None, Some(true)), 2),
        (record("c-1", None, Some(true)), 0),
        (record("c-1", None, Some(false)), 2),
        (record("c-2", Some("c@x.example"), Some(true)), 2),
    ] {
        let before = commits(&deployment).await;
        recorded(commands, vec![change.clone()]).await;
        assert_eq!(commits(&deployment).await - before, expected, "{change:?}");
    }
}

#[tokio::test]
async fn customers_and_addresses_agree_after_concurrent_changes() {
    let deployment = Deployment::fresh().await;
    let other = Commands::open(deployment.reopen().await, None, Some(address_key()));
    let other = other.await.unwrap();
    for round in 0..20 {
        let customer = format!("c-{round}");
        let first = format!("first-{round}@x.example");
        let second = format!("second-{round}@x.example");
        recorded(
            &deployment.commands,
            vec![record(&customer, Some(&first), None)],
        )
        .await;
        let change = async |commands: &Commands, changes: Vec<CustomerRecord>| {
            for change in changes {
                recorded(commands, vec![change]).await;
            }
        };
        let toggles = |start: bool| {
            let toggles = (0..6).map(|n| {
                let is_out = (n % 2 == 0) == start;
                record_at(&customer, None, Some(is_out), !is_out || n > 2)
            });
            toggles.collect::<Vec<_>>()
        };
        let addresses = [&second, &first, &second];
        let moves = addresses.map(|address| record(&customer, Some(address), None));
        tokio::join!(
            change(&deployment.commands, toggles(true)),
            change(&other, toggles(false)),
            change(&other, moves.to_vec()),
        );
        let outcome = recorded_consent(&deployment, &customer).await;
        let listed = address(&other, &second).await.is_unsubscribed();
        assert_eq!(listed, outcome, "round {round}");
    }
}

#[tokio::test]
async fn a_consent_counts_for_an_address_that_the_customer_had_before() {
    let deployment = Deployment::fresh().await;
    let commands = &deployment.commands;
    let at = |address| record("c-1", Some(address), None);
    recorded(
        commands,
        vec![record("c-1", Some("a@x.example"), Some(true))],
    )
    .await;
    recorded(commands, vec![at("b@x.example")]).await;
    recorded(commands, vec![record("c-1", None, Some(false))]).await;
    recorded(commands, vec![at("a@x.example")]).await;
    assert!(address(commands, "a@x.example").await.is_unsubscribed());
    recorded(commands, vec![record("c-1", None, Some(false))]).await;
    assert!(!address(commands, "a@x.example").await.is_unsubscribed());
}

/// A process may die after it recorded a consent and before it told the address.
#[tokio::test]
async fn a_repeated_consent_tells_an_address_that_does_not_know_of_it() {
    let deployment = Deployment::fresh().await;
    let commands = &deployment.commands;
    recorded(
        commands,
        vec![record("c-1", Some("a@x.example"), Some(true))],
    )
    .await;
    let consent = record("c-1", None, Some(false));
    recorded(commands, vec![consent.clone()]).await;
    let untold = AddressCommand::Unsubscribe {
        customer: "c-1".try_into().unwrap(),
        version: 0,
    };
    let untold = vec![(id("a@x.example"), untold)];
    let told = commands.execute_on_addresses(&context(), untold).await;
    assert!(told.unwrap().iter().all(Result::is_ok));
    assert!(address(commands, "a@x.example").await.is_unsubscribed());
    recorded(commands, vec![consent]).await;
    assert!(!address(commands, "a@x.example").await.is_unsubscribed());
}

/// Returns whether the customer opted out, by their head.
async fn recorded_consent(deployment: &Deployment, customer: &str) -> bool {
    let unsubscribed = record(customer, None, Some(true));
    let outcomes = deployment
        .commands
        .record_customers(&context(), vec![unsubscribed])
        .await;
    let outcome = outcomes.unwrap().remove(0).unwrap();
    let was_unsubscribed = outcome.effect == commands::CommandEffect::Unchanged;
    if !was_unsubscribed {
        // Taken back, so that the address is as it was.
        recorded(
            &deployment.commands,
            vec![record(customer, None, Some(false))],
        )
        .await;
    }
    was_unsubscribed
}

#[tokio::test]
async fn a_log_keeps_its_address_key() {
    let deployment = Deployment::fresh().await;
    let other = "00".repeat(32).parse().unwrap();
    let refused = Commands::open(deployment.reopen().await, None, Some(other)).await;
    let Err(error) = refused else {
        panic!("another key is refused");
    };
    assert!(error.to_string().contains("PATRON_ADDRESS_KEY"), "{error}");
    let without = Commands::open(deployment.reopen().await, None, None)
        .await
        .unwrap();
    let refused = without
        .record_customers(&context(), vec![record("c-1", None, None)])
        .await;
    assert!(refused.is_err(), "it needs the key");
}
