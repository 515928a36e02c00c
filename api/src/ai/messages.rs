//! `POST /api/ai/messages`

use assist::builtin::{self, Variant};
use assist::{Facts, Tone, explain, explain_to_strangers};
use axum::Json;
use axum::extract::State;
use domain::rules::Rules;
use domain::{AssistTask, SegmentId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::AnsweredBy;
use super::body::Prompt;
use super::call::Call;
use super::caller::Asker;
use super::facts::facts;
use super::rules_of;
use crate::after::{AfterParam, Freshness};
use crate::body::{Input, JsonBody};
use crate::consistency::Consistency;
use crate::extract::Query;
use crate::openapi::GiveProblems;
use crate::problem::Problem;
use crate::schema;
use crate::state::{AppState, turn};

/// What a message is to achieve.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with an objective")]
#[schema(as = MessagesIn)]
pub(super) struct MessagesBody {
    /// In plain words.
    #[schema(value_type = schema::Prompt, example = "bring back lapsed customers with 20% off")]
    objective: Prompt,
    /// Whom it is for.
    #[serde(default)]
    #[schema(value_type = Option<schema::SegmentId>)]
    segment_id: Option<SegmentId>,
    /// How the first of them speaks.
    #[serde(default)]
    #[schema(value_type = Option<schema::Tone>)]
    tone: Option<Tone>,
}

impl Input for MessagesBody {}

/// Three ways to say it.
#[derive(Serialize, ToSchema)]
#[schema(as = Messages)]
pub(super) struct MessagesResponse {
    /// Each in a tone of its own, the one that was asked for first.
    #[schema(min_items = 3, max_items = 3)]
    variants: Vec<VariantResponse>,
    #[serde(flatten)]
    by: AnsweredBy,
}

/// One way to say it.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageVariant)]
pub(super) struct VariantResponse {
    /// How it speaks.
    #[schema(value_type = schema::Tone)]
    tone: Tone,
    /// A template that a campaign takes, at most 320 characters long.
    #[schema(example = "Hi {{ name | default('there') }}, we miss you!")]
    template: String,
}

/// Writes three messages for an objective.
#[utoipa::path(
    post,
    path = "/api/ai/messages",
    tag = "ai",
    params(AfterParam, Consistency),
    request_body = MessagesBody,
    responses(
        (status = 200, description = "The messages", body = MessagesResponse),
        GiveProblems
    )
)]
pub(super) async fn write_messages(
    State(app): State<AppState>,
    Asker(context): Asker,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
    JsonBody(body): JsonBody<MessagesBody>,
) -> Result<Json<MessagesResponse>, Problem> {
    let call = Call::begin(&app, context, AssistTask::Messages);
    let mut call = call.prompted(body.objective.as_str());
    if let Some(segment) = &body.segment_id {
        call = call.about(segment.as_str());
    }
    let freshness = consistency.with(params.after());
    let written = write(&app, &mut call, &body, freshness).await;
    call.end(written).await.map(Json)
}

async fn write(
    app: &AppState,
    call: &mut Call,
    body: &MessagesBody,
    freshness: Freshness<'_>,
) -> Result<MessagesResponse, Problem> {
    let _place = turn(&app.assistant.places).await?;
    let (objective, tone) = (body.objective.as_str(), body.tone);
    let audience = match &body.segment_id {
        Some(segment) => Some((rules_of(app, segment, freshness).await?, facts(app).await?)),
        None => None,
    };
    let told = |tell: fn(&Rules, &Facts) -> Option<String>| {
        let (rules, facts) = audience.as_ref()?;
        tell(rules, facts)
    };
    let to_model = told(explain_to_strangers);
    let asked = call.ask(async |model, usage| {
        let messages = model.messages(objective, tone, to_model.as_deref(), usage);
        messages.await
    });
    let variants = match asked.await {
        Some(variants) => variants,
        None => {
            let audience = told(|rules, facts| Some(explain(rules, facts)));
            plain(objective, tone, audience.as_deref())?
        }
    };
    let variants: Vec<_> = variants.into_iter().map(VariantResponse::from).collect();
    let texts: Vec<&str> = variants.iter().map(|v| v.template.as_str()).collect();
    call.told(&texts.join("\n"));
    let by = call.by();
    Ok(MessagesResponse { variants, by })
}

/// Those that need no model.
fn plain(
    objective: &str,
    tone: Option<Tone>,
    audience: Option<&str>,
) -> Result<[Variant; 3], Problem> {
    builtin::messages(objective, tone, audience).map_err(|error| {
        tracing::error!(%error, "a message of our own is no template");
        Problem::internal()
    })
}

impl From<Variant> for VariantResponse {
    fn from(variant: Variant) -> Self {
        Self {
            tone: variant.tone,
            template: variant.template.to_string(),
        }
    }
}
