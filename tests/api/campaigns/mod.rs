//! `/api/campaigns`: one message to each customer of an audience.
//!
//! What a campaign's workers do is done here through commands, before a worker
//! is there that could do it too.

mod bodies;
mod idempotency;
mod life;
mod logs;
mod preview;
mod progress;
mod recipients;
mod reconcile;
mod reconcile_command;
mod retry;
mod trimmed;

use chrono::{DateTime, Utc};
use commands::{Commands, Context};
use domain::{
    AudienceSize, CampaignCommand, CampaignId, Channel, Handover, Message, MessageCommand,
    MessageId, Receipt, Suppression, Timestamp,
};
use projections::{Store, StoreOptions};
use serde_json::{Value, json};

use super::with;
use crate::support::app::App;
use crate::support::client::Answer;
use crate::support::shop::{context, minute, rendered, text};

const PATH: &str = "/api/campaigns";

/// A campaign of this name for all who are vip.
fn named(name: &str) -> Value {
    json!({
        "name": name,
        "rules": "tags contains \"vip\"",
        "message": {"template": "Hi {{ name }}!"},
    })
}

/// Creates a campaign; its id.
async fn create(app: &App, body: Value) -> String {
    id_of(&created(app, body).await)
}

async fn created(app: &App, body: Value) -> Answer {
    let created = app.client.post(PATH, body).await;
    assert_eq!(created.status, 201, "{created:?}");
    created
}

fn id_of(created: &Answer) -> String {
    created.body["campaign_id"].as_str().unwrap().to_owned()
}

/// Where a campaign is accounted for.
pub(super) fn reconciliation(id: &str) -> String {
    format!("{PATH}/{id}/reconcile")
}

/// A campaign that was launched for nobody in particular; its id.
pub(super) async fn launched(app: &App) -> String {
    create(app, with(named("Out"), json!({"launch": true}))).await
}

async fn steer(app: &App, id: &str, verb: &str) -> Answer {
    app.client
        .post(&format!("{PATH}/{id}/{verb}"), json!({}))
        .await
}

/// A campaign as the views have it once they have everything.
async fn shown(app: &App, id: &str) -> Value {
    app.client.caught_up().await;
    app.client.read(&format!("{PATH}/{id}")).await
}

/// Vip customers `c-0`, `c-1` … of these names, with e-mail addresses.
async fn vips(app: &App, names: &[&str]) {
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
        .accept("/api/data/customers", customers.into())
        .await;
}

/// The work of a campaign's workers, by hand.
pub(super) struct Work {
    commands: Commands,
    campaign: CampaignId,
}

impl Work {
    /// On a campaign that was launched.
    async fn on(app: &App, campaign: &str) -> Self {
        Self {
            commands: app.settings().commands().await,
            campaign: campaign.try_into().unwrap(),
        }
    }

    /// A campaign launched for vips of these names, with all their messages
    /// queued; its id.
    pub(super) async fn started(app: &App, names: &[&str]) -> (Self, String) {
        vips(app, names).await;
        let id = create(app, with(named("Out"), json!({"launch": true}))).await;
        let work = Self::on(app, &id).await;
        for (index, name) in names.iter().enumerate() {
            work.queue(&format!("c-{index}"), name).await;
        }
        work.resolve(names.len() as u64, 0).await;
        (work, id)
    }

    fn message(&self, customer: &str) -> MessageId {
        MessageId {
            campaign: self.campaign.clone(),
            customer: customer.try_into().unwrap(),
        }
    }

    async fn tell(&self, customer: &str, command: MessageCommand) {
        let commands = vec![(self.message(customer), command)];
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
        let content = rendered(Channel::Email, &to, "Hi {{ name }}!", values);
        self.tell(customer, MessageCommand::Queue(content)).await;
    }

    async fn suppress(&self, customer: &str, why: Suppression) {
        self.tell(customer, MessageCommand::Suppress(why)).await;
    }

    pub(super) async fn send(&self, customer: &str) {
        let vendor_id = text(&format!("vm_{customer}"));
        self.tell(customer, MessageCommand::RecordSent(vendor_id.into()))
            .await;
    }

    /// The vendor took it; this is what its sender knew.
    async fn hand_over(&self, customer: &str, began_at: DateTime<Utc>, customer_seen: u64) {
        let handover = Handover {
            vendor_message_id: text(&format!("vm_{customer}")),
            began_at: Some(Timestamp::from(began_at)),
            customer_seen: Some(customer_seen),
        };
        self.tell(customer, MessageCommand::RecordSent(handover))
            .await;
    }

    async fn give_up(&self, customer: &str) {
        self.tell(customer, MessageCommand::GiveUp(text("answered 500")))
            .await;
    }

    async fn receive(&self, customer: &str, arrived: bool) {
        let receipt = Receipt {
            vendor_message_id: text(&format!("vm_{customer}")),
            arrived,
            reason: (!arrived).then(|| text("mailbox_full")),
            occurred_at: minute(7),
        };
        self.tell(customer, MessageCommand::RecordReceipt(receipt))
            .await;
    }

    /// Everybody meant has a message.
    async fn resolve(&self, queued: u64, suppressed: u64) {
        let size = AudienceSize {
            planned: queued + suppressed,
            queued,
            suppressed,
            undetermined: 0,
        };
        self.record(size).await;
    }

    async fn record(&self, size: AudienceSize) {
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

    /// A message as its head has it.
    async fn head(&self, customer: &str) -> Message {
        let found = self.commands.messages(&[self.message(customer)]).await;
        found.unwrap().swap_remove(0)
    }
}

fn worker() -> Context {
    Context {
        actor: "worker:test".to_owned(),
        ..context()
    }
}

/// The views' database, for a look and a touch behind everybody's back.
pub(super) async fn store(app: &App) -> Store {
    let settings = app.settings();
    let options = StoreOptions {
        uri: settings.mongodb_uri.clone(),
        database: settings.name.clone(),
    };
    Store::open(&options).await.unwrap()
}
