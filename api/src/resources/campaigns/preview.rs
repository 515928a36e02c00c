//! Handler of `POST /api/campaigns/preview`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use domain::rules::Rules;
use domain::{
    AddressId, Audience, Channel, Currency, CustomerId, Renderer, SegmentError, SegmentId,
    Suppression, Timestamp,
};
use projections::PageRequest;
use projections::customers::{CustomerDocument, Customers};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::audience::AudienceSchema;
use super::body::{MessageBody, audience};
use super::create::bad_segment;
use super::message::SuppressionResponse;
use super::reachable::suppression_at;
use crate::http::after::AfterParam;
use crate::http::body::{BodyRules, Input, JsonBody};
use crate::http::extract::Query;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::segments::Sample;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::resources::shared::quarantined::{self, Quarantined, ShowsDocument};
use crate::resources::shared::rules::RulesSchema;
use crate::state::{AppContext, AppState};

/// A message to preview, and its audience.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a message")]
#[schema(as = CampaignPreviewIn, example = json!({
    "message": {"template": "Hi {{ name | default('there') }}, we miss you!"},
    "rules": "days_since_last_order > 90"
}))]
pub(super) struct CampaignPreviewBody {
    /// The message to preview.
    message: MessageBody,
    /// The segment that the message is for. Either this or `rules` is required.
    #[serde(default)]
    #[schema(value_type = Option<schema::SegmentId>)]
    segment_id: Option<SegmentId>,
    /// Rules that select the audience instead of a segment.
    #[serde(default)]
    #[schema(value_type = Option<RulesSchema>)]
    rules: Option<Value>,
    /// Number of customers to render the message for.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 50, default = 5)]
    sample: Option<Sample>,
}

impl Input for CampaignPreviewBody {
    fn check(&self, _: &BodyRules) -> Result<(), Problem> {
        audience(self.segment_id.clone(), self.rules.as_ref()).map(drop)
    }
}

/// Schema of [`CampaignPreviewBody`].
pub(super) type CampaignPreviewSchema = AudienceSchema<CampaignPreviewBody>;

/// Previews of a message for a sample of its audience.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignPreview)]
pub(super) struct CampaignPreviewResponse {
    /// One preview per customer.
    messages: Vec<RenderedMessage>,
}

/// The message a customer would get, or why they would get none.
#[derive(Serialize, ToSchema)]
struct RenderedMessage {
    /// The customer.
    #[schema(value_type = schema::Id)]
    customer_id: CustomerId,
    /// The customer's name.
    #[schema(example = "Ada Example")]
    name: Option<String>,
    /// The channel; `null` if the customer has no address.
    #[schema(value_type = Option<schema::Channel>)]
    channel: Option<Channel>,
    /// The address.
    #[schema(example = "ada@example.com")]
    to: Option<String>,
    /// The text of the message.
    #[schema(example = "Hi Ada Example, we miss you!")]
    text: Option<String>,
    /// Reason why the customer would get no message: `unsubscribed`, `no_address`,
    /// `suppression_list`, `template`, or `duplicate_address`, if an earlier customer of
    /// the sample has the same address.
    #[schema(example = "suppression_list")]
    suppression: Option<String>,
    /// Details of the reason: why the address is on the suppression list, or the other
    /// customer with the address.
    #[schema(example = "hard_bounce")]
    suppression_detail: Option<String>,
    /// Reason why the template cannot be rendered for this customer.
    #[schema(example = "undefined value")]
    problem: Option<String>,
    /// The quarantined event of this customer; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// Previews a message for a sample of its audience.
#[utoipa::path(
    post,
    path = "/api/campaigns/preview",
    tag = "Campaigns",
    params(AfterParam, Consistency),
    request_body = CampaignPreviewSchema,
    responses(
        (status = 200, description = "The rendered messages", body = CampaignPreviewResponse)
    )
)]
pub(super) async fn preview_message(
    State(app): State<AppState>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
    JsonBody(body): JsonBody<CampaignPreviewBody>,
) -> Result<Json<CampaignPreviewResponse>, Problem> {
    let rules = match audience(body.segment_id, body.rules.as_ref())? {
        Audience::Rules(rules) => rules,
        Audience::SegmentId(segment) => rules_of(&app, &segment).await?,
    };
    let renderer = Renderer::new(&body.message.template.0);
    let renderer = renderer.map_err(|error| {
        tracing::error!(%error, "a template that was checked does not compile");
        Problem::internal()
    })?;
    after::wait::<Customers>(&app, consistency.with(params.after())).await?;
    let _permit = app.previews.wait().await?;
    let sample = match body.sample.unwrap_or_default().size() {
        0 => Vec::new(),
        limit => {
            let (now, cursor) = (Timestamp::from(Utc::now()), None);
            let page = PageRequest { limit, cursor };
            app.store.members(&rules, now, &page).await?.items
        }
    };
    let messages = sample.into_iter().filter_map(|(id, document)| {
        let id = CustomerId::try_from(id).ok()?;
        let currency = app.commands.currency();
        Some(RenderedMessage::new(&renderer, currency, id, document))
    });
    let mut messages: Vec<_> = messages.collect();
    check_addresses(&app, &mut messages).await?;
    quarantined::mark(&app, &mut messages).await?;
    Ok(Json(CampaignPreviewResponse { messages }))
}

/// Suppresses messages to addresses that are unsubscribed or on the suppression list,
/// and all but the first to one address.
async fn check_addresses(
    app: &AppContext,
    messages: &mut [RenderedMessage],
) -> Result<(), Problem> {
    let key = app.commands.address_key()?;
    let address = |message: &RenderedMessage| {
        let to = message.to.as_deref()?;
        Some(key.recipient(message.channel?, to))
    };
    let ids: Vec<Option<AddressId>> = messages.iter().map(address).collect();
    let known: Vec<AddressId> = ids.iter().copied().flatten().collect();
    let mut heads = app.commands.addresses(&known).await?.into_iter();
    let mut first: HashMap<AddressId, CustomerId> = HashMap::new();
    for (message, id) in messages.iter_mut().zip(ids) {
        let Some(id) = id else {
            continue;
        };
        let head = heads.next().unwrap_or_default();
        let customer = &message.customer_id;
        if message.suppression.as_deref() == Some("unsubscribed") {
            continue;
        }
        // The reasons of an address precede that of the template.
        let suppression = suppression_at(app, customer, id, &head).await?;
        let suppression = suppression.or_else(|| match first.entry(id) {
            _ if message.suppression.is_some() => None,
            Entry::Vacant(place) => {
                place.insert(customer.clone());
                None
            }
            Entry::Occupied(winner) => {
                let customer_id = winner.get().clone();
                let duplicate = Suppression::DuplicateAddress { customer_id };
                Some(SuppressionResponse::from(&duplicate))
            }
        });
        if let Some(SuppressionResponse { reason, detail }) = suppression {
            message.suppression = Some(reason);
            message.suppression_detail = detail;
        }
    }
    Ok(())
}

/// Returns a segment's current rules from its head.
async fn rules_of(app: &AppContext, segment: &SegmentId) -> Result<Rules, Problem> {
    let found = app.commands.segment(segment).await?;
    let found = found.ok_or_else(|| bad_segment(&SegmentError::NotFound))?;
    if found.is_archived() {
        return Err(bad_segment(&SegmentError::Archived));
    }
    let content = found.content();
    let content = content.ok_or_else(|| bad_segment(&SegmentError::NotFound))?;
    Ok(content.rules.clone())
}

impl RenderedMessage {
    fn new(
        renderer: &Renderer,
        currency: Currency,
        customer_id: CustomerId,
        document: CustomerDocument,
    ) -> Self {
        let values = renderer.values(&customer_id, &document.facts(), currency);
        let (text, problem) = match renderer.render(&values) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let (channel, to) = match (document.email, document.phone) {
            (Some(email), _) => (Some(Channel::Email), Some(email)),
            (None, Some(phone)) => (Some(Channel::Phone), Some(phone)),
            (None, None) => (None, None),
        };
        let suppression = match (document.unsubscribed, &to, &problem) {
            (true, _, _) => Some("unsubscribed"),
            (false, None, _) => Some("no_address"),
            (false, Some(_), Some(_)) => Some("template"),
            (false, Some(_), None) => None,
        };
        Self {
            customer_id,
            name: document.name,
            channel,
            to,
            text,
            suppression: suppression.map(str::to_owned),
            suppression_detail: None,
            problem,
            quarantined: None,
        }
    }
}

impl ShowsDocument for RenderedMessage {
    type View = Customers;

    fn document_id(&self) -> String {
        self.customer_id.to_string()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}
