//! Handler of `POST /api/ai/campaigns/{id}/tags`.

use assist::{Tag, builtin};
use axum::Json;
use axum::extract::State;
use domain::rules::Rules;
use domain::{AssistTask, CampaignId};
use projections::campaigns::CampaignDocument;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::{AnsweredBy, Call};
use super::caller::AssistCaller;
use super::{campaign, rules_of};
use crate::http::after::AfterParam;
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::shared::consistency::{Consistency, Freshness};
use crate::state::{AppContext, AppState};

/// Suggested tags of a campaign.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignTags)]
pub(super) struct TagsResponse {
    /// Tags in the order of the vocabulary; often there are none.
    #[schema(value_type = Vec<schema::Tag>)]
    tags: Vec<Tag>,
    #[serde(flatten)]
    by: AnsweredBy,
}

/// Suggests tags for a campaign from a fixed vocabulary.
///
/// Nothing is saved: the campaign's own tags do not change.
#[utoipa::path(
    post,
    path = "/api/ai/campaigns/{id}/tags",
    tag = "AI assistance",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        AfterParam,
        Consistency
    ),
    responses(
        (status = 200, description = "The tags", body = TagsResponse),
        NotFound
    )
)]
pub(super) async fn tag_campaign(
    State(app): State<AppState>,
    AssistCaller(context): AssistCaller,
    Path(id): Path<CampaignId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Json<TagsResponse>, Problem> {
    let call = Call::begin(&app, context, AssistTask::Tags);
    let mut call = call.with_subject(id.as_str());
    let tagged = tag(&app, &mut call, &id, consistency.with(params.after())).await;
    call.end(tagged).await.map(Json)
}

async fn tag(
    app: &AppState,
    call: &mut Call,
    id: &CampaignId,
    freshness: Freshness<'_>,
) -> Result<TagsResponse, Problem> {
    let _place = app.assistant.places.wait().await?;
    let document = campaign(app, id, freshness).await?;
    let rules = rules(app, &document, freshness).await?;
    let (name, template) = (document.name.as_str(), &document.template);
    let asked =
        call.ask_model(async |model, usage| model.tags(name, template, &rules, usage).await);
    let tags = match asked.await {
        Some(tags) => tags,
        None => builtin::tags(name, template, &rules),
    };
    let names: Vec<&str> = tags.iter().map(|tag| tag.name()).collect();
    call.set_answer(&names.join(", "));
    let by = call.answered_by();
    Ok(TagsResponse { tags, by })
}

/// Returns the rules of a campaign's audience. Before the launch of a campaign
/// for a segment, these are the segment's current rules.
async fn rules(
    app: &AppContext,
    document: &CampaignDocument,
    freshness: Freshness<'_>,
) -> Result<Rules, Problem> {
    match (&document.rules, &document.segment_id) {
        (Some(rules), _) => Ok(rules.clone()),
        (None, Some(segment)) => rules_of(app, segment, freshness).await,
        (None, None) => {
            tracing::error!(campaign = %document.campaign_id, "a campaign has no audience");
            Err(Problem::internal())
        }
    }
}
