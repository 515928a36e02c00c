//! `/api/campaigns`: one message to each customer of an audience.
//!
//! The tests do the work of a campaign's workers through commands. They start a worker only
//! afterward, since it would do the same work.

mod bodies;
mod drafts;
mod idempotency;
mod lifecycle;
mod logs;
mod preview;
mod progress;
mod recipients;
mod reconcile;
mod reconcile_command;
mod retry;
mod shop_ids;
mod trimmed;

use chrono::{DateTime, Utc};
use commands::{Commands, Context};
use domain::{
    AudienceSize, CampaignCommand, CampaignId, Channel, Handover, Message, MessageCommand,
    MessageId, Suppression, Timestamp,
};
use projections::{Store, StoreOptions};
use serde_json::{Value, json};

use super::with;
use crate::support::app::App;
use crate::support::client::Answer;
use crate::support::shop::{context, minute, receipt, rendered_content, text};

const PATH: &str = "/api/campaigns";

/// Returns the body of a campaign with this name to all customers with the tag `vip`.
fn named(name: &str) -> Value {
    json!({
        "name": name,
        "rules": "tags contains \"vip\"",
        "message": {"template": "Hi {{ name }}!"},
    })
}

/// Creates a campaign and returns its id.
async fn create(app: &App, body: Value) -> String {
    id_of(&post_campaign(app, body).await)
}

/// Creates a campaign and returns the response.
async fn post_campaign(app: &App, body: Value) -> Answer {
    let created = app.client.post(PATH, body).await;
    assert_eq!(created.status, 201, "{created:?}");
    created
}

fn id_of(created: &Answer) -> String {
    created.body["campaign_id"].as_str().unwrap().to_owned()
}

/// Returns the path of a campaign's reconciliation.
pub(super) fn reconcile_path(id: &str) -> String {
    format!("{PATH}/{id}/reconcile")
}

/// Creates and launches a campaign, and returns its id.
pub(super) async fn create_launched(app: &App) -> String {
    create(app, with(named("Out"), json!({"launch": true}))).await
}

/// Sends a command to a campaign: `launch`, `pause`, `resume`, `cancel`, or `retry`.
async fn post_command(app: &App, id: &str, verb: &str) -> Answer {
    app.client
        .post(&format!("{PATH}/{id}/{verb}"), json!({}))
        .await
}

/// Waits until the views have caught up, and reads a campaign.
async fn read_caught_up(app: &App, id: &str) -> Value {
    app.client.wait_until_caught_up().await;
    app.client.read(&format!("{PATH}/{id}")).await
}

/// Records customers `c-0`, `c-1`, … with these names, an email address, and the tag `vip`.
async fn record_vips(app: &App, names: &[&str]) {
    let customer = |(index, name): (usize, &&str)| {
        json!({
            "customer_id": format!("c-{index}"),
            "name": name,
            "email": format!("c-{index}@example.com"),
            "tags": ["vip"],
        })
    };
    let customers: Vec<Value> = names.iter().enumerate().map(customer).collect();
    if customers.is_empty() {
        return;
    }
    app.client
        .post_accepted("/api/data/customers", customers.into())
        .await;
}

/// Stand-in for the workers of one campaign.
pub(super) struct CampaignDriver {
    commands: Commands,
    campaign: CampaignId,
}

impl CampaignDriver {
    /// Drives a campaign that was launched.
    async fn new(app: &App, campaign: &str) -> Self {
        Self {
            commands: app.settings().commands().await,
            campaign: campaign.try_into().unwrap(),
        }
    }

    /// Launches a campaign to customers with these names, and queues all messages. Also returns the
    /// id of the campaign.
    pub(super) async fn start(app: &App, names: &[&str]) -> (Self, String) {
        record_vips(app, names).await;
        let id = create(app, with(named("Out"), json!({"launch": true}))).await;
        let driver = Self::new(app, &id).await;
        for (index, name) in names.iter().enumerate() {
            driver.queue(&format!("c-{index}"), name).await;
        }
        driver.resolve(names.len() as u64, 0).await;
        (driver, id)
    }

    fn message_id(&self, customer: &str) -> MessageId {
        MessageId {
            campaign: self.campaign.clone(),
            customer: customer.try_into().unwrap(),
        }
    }

    async fn apply(&self, customer: &str, command: MessageCommand) {
        let commands = vec![(self.message_id(customer), command)];
        let outcomes = self
            .commands
            .execute_on_messages(&worker(), commands)
            .await
            .unwrap();
        outcomes.into_iter().for_each(|outcome| {
            outcome.unwrap();
        });
    }

    async fn queue(&self, customer: &str, name: &str) {
        let (to, values) = (format!("{customer}@example.com"), json!({"name": name}));
        let content = rendered_content(Channel::Email, &to, "Hi {{ name }}!", values);
        self.apply(customer, MessageCommand::Queue(content)).await;
    }

    async fn suppress(&self, customer: &str, reason: Suppression) {
        self.apply(customer, MessageCommand::Suppress(reason)).await;
    }

    /// Suppresses a message at the current time. Other commands are dated to the past.
    async fn suppress_now(&self, customer: &str, reason: Suppression) {
        let command = (self.message_id(customer), MessageCommand::Suppress(reason));
        let context = Context {
            now: Timestamp::from(Utc::now()),
            ..worker()
        };
        let done = self.commands.execute_on_messages(&context, vec![command]);
        assert!(done.await.unwrap().iter().all(Result::is_ok));
    }

    pub(super) async fn record_sent(&self, customer: &str) {
        let vendor_id = text(&format!("vm_{customer}"));
        self.apply(customer, MessageCommand::RecordSent(vendor_id.into()))
            .await;
    }

    /// Records the handover to the vendor, with what the sender knew at that time.
    async fn record_sent_at(&self, customer: &str, began_at: DateTime<Utc>, customer_seen: u64) {
        let handover = Handover {
            vendor_message_id: text(&format!("vm_{customer}")),
            began_at: Some(Timestamp::from(began_at)),
            customer_seen: Some(customer_seen),
        };
        self.apply(customer, MessageCommand::RecordSent(handover))
            .await;
    }

    async fn give_up(&self, customer: &str) {
        self.apply(customer, MessageCommand::GiveUp(text("answered 500")))
            .await;
    }

    async fn record_receipt(&self, customer: &str, arrived: bool) {
        let failure = (!arrived).then_some("mailbox_full");
        let receipt = receipt(&format!("vm_{customer}"), failure, minute(7));
        self.apply(customer, MessageCommand::RecordReceipt(receipt))
            .await;
    }

    /// Records that every recipient has a message.
    async fn resolve(&self, queued: u64, suppressed: u64) {
        let size = AudienceSize {
            planned: queued + suppressed,
            queued,
            suppressed,
            undetermined: 0,
        };
        self.record_audience(size).await;
    }

    async fn record_audience(&self, size: AudienceSize) {
        let (context, campaign) = (worker(), self.campaign.clone());
        let recorded = self.commands.execute_on_campaign(
            &context,
            campaign,
            CampaignCommand::RecordAudience(size, Vec::new()),
        );
        recorded.await.unwrap().unwrap();
    }

    async fn complete(&self) {
        let (context, campaign) = (worker(), self.campaign.clone());
        let completed =
            self.commands
                .execute_on_campaign(&context, campaign, CampaignCommand::Complete);
        completed.await.unwrap().unwrap();
    }

    /// Returns the state of a message, read from its head.
    async fn head(&self, customer: &str) -> Message {
        let found = self.commands.messages(&[self.message_id(customer)]).await;
        found.unwrap().swap_remove(0)
    }
}

fn worker() -> Context {
    Context {
        actor: "worker:test".to_owned(),
        ..context()
    }
}

/// Opens the database of the views, to inspect or damage it directly.
pub(super) async fn store(app: &App) -> Store {
    let settings = app.settings();
    let options = StoreOptions {
        uri: settings.mongodb_uri.clone(),
        database: settings.name.clone(),
    };
    Store::open(&options).await.unwrap()
}
