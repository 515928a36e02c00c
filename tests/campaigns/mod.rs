//! Campaigns from launch to end, with real workers and the simulated vendor.

mod addresses;
mod batches;
mod cdnow;
mod memory;
mod over_http;
mod pause_and_cancel;
mod schedule;
mod sending;
mod suppressions;
mod texts;
mod undetermined;
mod unsubscribed;
mod vendor_outages;

use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;
use commands::{Commands, Context, CustomerRecord, new_id};
use domain::{
    Campaign, CampaignContent, CampaignId, CampaignStatus, Change, CustomerChanges, CustomerId,
    Launch, MessageCommand, MessageId, MessageStatus, Subject, Timestamp,
};
use projections::{
    LaunchedCampaign, LongRead, ReconcileError, Reconciliation, Store, StoreOptions, reconcile,
};
use serde_json::Value;

use crate::support::app::Settings;
use crate::support::engines::engines;
use crate::support::process::Process;
use crate::support::shop::{self, receipt, text};
use crate::support::vendor::Vendor;
use crate::support::wait::until;

/// Rules that match every customer.
const EVERYBODY: &str = "order_count >= 0";

/// Deployment with customers, a vendor, and any number of `patron work` processes.
struct Shop {
    commands: Commands,
    store: Store,
    vendor: Vendor,
    workers: Vec<Process>,
    settings: Settings,
    customers: Vec<CustomerId>,
}

/// Context of a request that arrives now.
fn context() -> Context {
    Context {
        actor: "key:test".to_owned(),
        request: Some("req-launch".to_owned()),
        address: None,
        now: now(),
    }
}

fn now() -> Timestamp {
    Timestamp::from(Utc::now())
}

fn millis_from_now(millis: i64) -> Timestamp {
    Timestamp::from_millis(now().millis() + millis).unwrap()
}

/// Customer number `n`, with a name and an email address.
fn reachable_customer(n: usize) -> CustomerRecord {
    let mut changes = CustomerChanges::default();
    changes.profile.name = Change::Set(text(&format!("Customer {n}")));
    let email = format!("c{n}@example.com");
    changes.profile.email = Change::Set(email.try_into().unwrap());
    CustomerRecord {
        customer: format!("c-{n:04}").try_into().unwrap(),
        changes,
    }
}

impl Shop {
    /// Starts a shop with this many reachable customers on the shared Redis, without a worker.
    async fn with_customers(customers: usize) -> Self {
        Self::on_redis(&engines().redis_url, customers).await
    }

    /// Starts a shop as [`with_customers`](Self::with_customers) does, on this Redis.
    async fn on_redis(redis_url: &str, customers: usize) -> Self {
        let mongodb_uri = &engines().mongodb_uri;
        let settings = Settings::fresh(redis_url, mongodb_uri);
        let options = StoreOptions {
            uri: mongodb_uri.clone(),
            database: settings.name.clone(),
        };
        let mut shop = Self {
            commands: settings.commands().await,
            store: Store::open(&options).await.unwrap(),
            vendor: Vendor::start().await,
            workers: Vec::new(),
            settings,
            customers: Vec::new(),
        };
        shop.record((0..customers).map(reachable_customer).collect())
            .await;
        shop
    }

    /// Records new or changed customers.
    async fn record(&mut self, items: Vec<CustomerRecord>) {
        let ids = items.iter().map(|item| item.customer.clone());
        self.customers.extend(ids);
        self.customers.sort();
        self.customers.dedup();
        let context = context();
        let recorded = self.commands.record_customers(&context, items);
        assert!(recorded.await.unwrap().iter().all(Result::is_ok));
    }

    /// Starts a worker with short backoffs and these extra options.
    fn add_worker<const N: usize>(&mut self, options: [&str; N]) {
        let url = self.vendor.url.clone();
        self.add_worker_for(&url, options);
    }

    /// Starts a worker as [`add_worker`](Self::add_worker) does, for the vendor at this URL.
    fn add_worker_for<const N: usize>(&mut self, url: &str, options: [&str; N]) {
        let mut command = self.settings.patron(["work"]);
        command
            .args(["--vendor-url", url])
            .env("PATRON_CALLBACK_URL", "http://127.0.0.1:9")
            .args(["--delivery-first-backoff", "50ms"])
            .args(["--delivery-longest-backoff", "500ms"])
            .args(options);
        let worker = Process::start(command);
        worker.wait_for_line("working as");
        self.workers.push(worker);
    }

    /// Returns the log of all workers.
    fn worker_logs(&self) -> String {
        self.workers.iter().map(Process::stderr).collect()
    }

    async fn create(&self, content: CampaignContent) -> CampaignId {
        let id: CampaignId = new_id(None);
        let context = context();
        let created = self.commands.create_campaign(&context, id.clone(), content);
        created.await.unwrap().unwrap();
        id
    }

    /// Creates and launches a campaign to every customer, with this rate per second.
    async fn launch_to_everybody(&self, rate: Option<u32>) -> CampaignId {
        let content = CampaignContent {
            messages_per_second: rate,
            ..shop::campaign("Spring", EVERYBODY)
        };
        let id = self.create(content).await;
        self.launch(&id).await;
        id
    }

    async fn launch(&self, id: &CampaignId) {
        let context = context();
        let launched = self.commands.launch_campaign(&context, id.clone(), None);
        launched.await.unwrap().unwrap();
    }

    async fn head(&self, id: &CampaignId) -> Campaign {
        self.commands.campaign(id).await.unwrap().unwrap()
    }

    async fn launch_of(&self, id: &CampaignId) -> Launch {
        self.commands.campaign_launch(id).await.unwrap().unwrap()
    }

    async fn reconcile(&self, id: &CampaignId) -> Reconciliation {
        let head = self.head(id).await;
        let content = self.commands.campaign_content(id).await.unwrap();
        let (launch, template) = (self.launch_of(id).await, content.unwrap().template);
        let mut launched = LaunchedCampaign::of(id.clone(), &head, launch, template);
        let (log, reading) = (self.commands.log(), LongRead::default());
        let head = async { Ok::<_, ReconcileError>(Some(self.head(id).await)) };
        let reconciled = reconcile(&self.store, log, &mut launched, &reading, head);
        reconciled.await.unwrap()
    }

    async fn until_campaign(&self, id: &CampaignId, status: CampaignStatus) {
        let what = format!("the campaign's status is {}", status.name());
        until(&what, async || self.head(id).await.status() == Some(status)).await;
    }

    fn message_ids(&self, campaign: &CampaignId) -> Vec<MessageId> {
        let id = |customer: &CustomerId| MessageId {
            campaign: campaign.clone(),
            customer: customer.clone(),
        };
        self.customers.iter().map(id).collect()
    }

    /// Counts the campaign's messages by status, from their heads.
    async fn status_counts(&self, campaign: &CampaignId) -> BTreeMap<MessageStatus, usize> {
        let messages = self.commands.messages(&self.message_ids(campaign)).await;
        let mut counts = BTreeMap::new();
        for status in messages
            .unwrap()
            .iter()
            .filter_map(|message| message.status())
        {
            *counts.entry(status).or_default() += 1;
        }
        counts
    }

    /// Waits until every customer's message has this status.
    async fn until_all(&self, campaign: &CampaignId, status: MessageStatus) {
        let all = BTreeMap::from([(status, self.customers.len())]);
        let what = format!("every message is {}", status.name());
        until(&what, async || self.status_counts(campaign).await == all).await;
    }

    /// Records a receipt for every message: delivered.
    async fn record_receipts(&self, campaign: &CampaignId) {
        self.record_receipts_for(self.message_ids(campaign)).await;
    }

    /// Records a receipt for each of these messages: delivered.
    async fn record_receipts_for(&self, messages: Vec<MessageId>) {
        let mut receipts = Vec::new();
        for id in messages {
            let receipt = receipt(&self.vendor_message_id(&id).await, None, now());
            receipts.push((id, MessageCommand::RecordReceipt(receipt)));
        }
        let context = context();
        let recorded = self.commands.execute_on_messages(&context, receipts);
        assert!(recorded.await.unwrap().iter().all(Result::is_ok));
    }

    /// Returns the id that the vendor gave a message, from the log.
    async fn vendor_message_id(&self, id: &MessageId) -> String {
        let subject = Subject::Message(id.customer.clone(), id.campaign.clone());
        let log = self.commands.log();
        let key = log.layout().key(subject.to_string(), subject.route());
        let history = log.history(&key).await.unwrap();
        let sent = history.iter().find(|entry| &*entry.tag == "message_sent.1");
        let data: Value = serde_json::from_str(&sent.unwrap().data).unwrap();
        data["vendor_message_id"].as_str().unwrap().to_owned()
    }

    /// Returns how many of a campaign's messages the vendor has.
    async fn sent_count(&self, campaign: &CampaignId) -> usize {
        let sent = self.vendor.sent().await;
        let ids = self.message_ids(campaign).into_iter();
        ids.filter(|id| sent.contains_key(&id.to_string())).count()
    }

    /// Waits until the vendor has at least this many of a campaign's messages.
    async fn until_sent(&self, campaign: &CampaignId, count: usize) {
        let what = format!("{count} messages are sent");
        until(&what, async || self.sent_count(campaign).await >= count).await;
    }

    /// Asserts that the vendor has one message of each campaign for each customer, and no other.
    async fn assert_one_message_each(&self, campaigns: &[&CampaignId]) {
        let sent = self.vendor.sent().await;
        let ids = campaigns.iter().flat_map(|id| self.message_ids(id));
        let expected: BTreeSet<String> = ids.map(|id| id.to_string()).collect();
        assert!(sent.keys().eq(&expected), "{sent:?}");
    }
}
