//! `POST /api/ai/segment-rules`

use std::sync::Arc;

use assist::Facts;
use assist::builtin::{self, NotUnderstood, Understood};
use assist::model::{ModelError, NoRules};
use axum::Json;
use axum::extract::State;
use chrono::Utc;
use domain::{AssistTask, Timestamp};
use projections::customers::Customers;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::AnsweredBy;
use super::body::Prompt;
use super::call::Call;
use super::caller::Asker;
use super::facts::facts;
use crate::after::{self, AfterParam, Freshness};
use crate::body::{Input, JsonBody};
use crate::consistency::Consistency;
use crate::extract::Query;
use crate::openapi::PreviewProblems;
use crate::problem::{FieldError, Problem, ProblemKind};
use crate::rules::GroupSchema;
use crate::schema;
use crate::state::{AppState, turn};

/// Who is meant, in plain words.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a prompt")]
#[schema(as = SegmentRulesIn)]
pub(super) struct RulesBody {
    /// Which customers.
    #[schema(value_type = schema::Prompt, example = "high spenders who visited twice but haven't bought in 3 months")]
    prompt: Prompt,
}

impl Input for RulesBody {}

/// Who is meant, as rules.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentRules)]
pub(super) struct RulesResponse {
    /// As a segment takes them.
    #[schema(value_type = GroupSchema)]
    rules: Value,
    /// The same as a text.
    #[schema(example = "total_spend >= 840000 AND visits = 2")]
    text: String,
    /// The rules in one sentence, made from the rules alone.
    #[schema(
        example = "customers who spent at least $8,400.00 in all (the store's top fifth), and visited exactly 2 times"
    )]
    explanation: String,
    #[serde(flatten)]
    by: AnsweredBy,
    /// How many customers match.
    #[schema(example = 5_258)]
    count: u64,
    /// The instant that relative dates were worked out for.
    #[schema(value_type = schema::Time)]
    as_of: Timestamp,
}

/// Makes rules of a request in plain words, and counts whom they mean.
///
/// Nothing is saved. What is not understood is quoted, never guessed.
#[utoipa::path(
    post,
    path = "/api/ai/segment-rules",
    tag = "ai",
    params(AfterParam, Consistency),
    request_body = RulesBody,
    responses(
        (status = 200, description = "The rules", body = RulesResponse),
        PreviewProblems
    )
)]
pub(super) async fn find_rules(
    State(app): State<AppState>,
    Asker(context): Asker,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
    JsonBody(body): JsonBody<RulesBody>,
) -> Result<Json<RulesResponse>, Problem> {
    let call = Call::begin(&app, context, AssistTask::SegmentRules);
    let mut call = call.prompted(body.prompt.as_str());
    let freshness = consistency.with(params.after());
    let found = find(&app, &mut call, &body.prompt, freshness).await;
    call.end(found).await.map(Json)
}

async fn find(
    app: &AppState,
    call: &mut Call,
    prompt: &Prompt,
    freshness: Freshness<'_>,
) -> Result<RulesResponse, Problem> {
    let _place = turn(&app.assistant.places).await?;
    after::wait::<Customers>(app, freshness).await?;
    let facts = facts(app).await?;
    let understood = match by_model(call, prompt, &facts).await {
        Some(read) => read.map_err(|reason| not_understood(&reason)),
        None => read(prompt, &facts)
            .await?
            .map_err(|reason| unread(call, &reason)),
    }?;
    let now = Timestamp::from(Utc::now());
    let text = understood.rules.to_string();
    let count = {
        let _turn = turn(&app.previews).await?;
        app.store.count_members(&understood.rules, now).await?
    };
    call.told(&text);
    Ok(RulesResponse {
        rules: understood.rules.to_json(),
        text,
        explanation: understood.explanation,
        by: call.by(),
        count,
        as_of: now,
    })
}

/// What the model makes of it. Rules that are still wrong after a second
/// attempt are the request's fault as far as anybody can tell.
async fn by_model(
    call: &mut Call,
    prompt: &Prompt,
    facts: &Facts,
) -> Option<Result<Understood, NotUnderstood>> {
    let asked =
        call.ask(
            async |model, usage| match model.rules(prompt.as_str(), facts, usage).await {
                Ok(understood) => Ok(Ok(understood)),
                Err(NoRules::NotUnderstood(reason)) => Ok(Err(reason)),
                Err(NoRules::Model(ModelError::Invalid(reason))) => Ok(Err(NotUnderstood {
                    words: Vec::new(),
                    reason: format!("the model made no valid rules of it: {reason}"),
                })),
                Err(NoRules::Model(error)) => Err(error),
            },
        );
    asked.await
}

/// What Patron makes of it; long requests take a while.
async fn read(
    prompt: &Prompt,
    facts: &Arc<Facts>,
) -> Result<Result<Understood, NotUnderstood>, Problem> {
    let (prompt, facts) = (prompt.clone(), facts.clone());
    let reading = tokio::task::spawn_blocking(move || builtin::rules(prompt.as_str(), &facts));
    reading.await.map_err(|_| Problem::internal())
}

/// The problem with what Patron does not understand, where a model might have.
fn unread(call: &Call, reason: &NotUnderstood) -> Problem {
    let Some(trouble) = call.trouble() else {
        return not_understood(reason);
    };
    let words = quoted(reason);
    let detail = format!("{trouble}, and without it {words}: {reason}");
    Problem::new(ProblemKind::ModelUnavailable, detail)
}

fn not_understood(reason: &NotUnderstood) -> Problem {
    if reason.words.is_empty() {
        let reason = reason.to_string();
        return Problem::field(ProblemKind::NotUnderstood, "/prompt", reason);
    }
    let field = |words: &String| FieldError {
        pointer: "/prompt".to_owned(),
        detail: format!("{words:?}: {reason}"),
    };
    let errors = reason.words.iter().map(field).collect();
    Problem::fields(ProblemKind::NotUnderstood, errors)
}

fn quoted(reason: &NotUnderstood) -> String {
    let words = reason.words.iter().map(|words| format!("{words:?}"));
    match reason.words.is_empty() {
        true => "the request is not understood".to_owned(),
        false => format!("{} is not understood", words.collect::<Vec<_>>().join(", ")),
    }
}
