//! Handlers of `GET /api/keys` and `GET /api/keys/{key_id}`.

use axum::Json;
use axum::extract::State;
use domain::{KeyId, Role, Timestamp};
use projections::api_keys::{ApiKeyDocument, ApiKeys};
use serde::Serialize;
use utoipa::ToSchema;

use super::unknown;
use crate::http::after::AfterParam;
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::paging::{Listed, PageParams};
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::resources::shared::quarantined::{self, Quarantined, ShowsDocument};
use crate::state::AppState;

/// An API key, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(super) struct KeyResponse {
    /// The key's id. The audit trail names the key `key:` followed by this.
    #[schema(value_type = schema::KeyId)]
    key_id: KeyId,
    /// The key's name.
    #[schema(example = "The shop's server")]
    name: String,
    /// Name of the program that uses the key. All keys of a client share its idempotency
    /// keys.
    #[schema(example = "web-shop")]
    client: String,
    /// The key's role.
    #[schema(value_type = schema::Role)]
    role: Role,
    /// Prefix of the key's secret.
    #[schema(example = "patron_3f9d02c4")]
    prefix: String,
    /// Time at which the key expires; `null` if never.
    #[schema(value_type = Option<schema::Time>)]
    expires_at: Option<Timestamp>,
    /// Time at which the key was last used, to within about ten minutes.
    #[schema(value_type = Option<schema::Time>)]
    last_used_at: Option<Timestamp>,
    /// Time of the key's creation.
    #[schema(value_type = schema::Time)]
    created_at: Timestamp,
    /// The actor who created the key.
    #[schema(example = "key:bootstrap")]
    created_by: String,
    /// Time at which the key was revoked.
    #[schema(value_type = Option<schema::Time>)]
    revoked_at: Option<Timestamp>,
    /// The actor who revoked the key.
    #[schema(example = "key:bootstrap")]
    revoked_by: Option<String>,
    /// The quarantined event of this key; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

impl From<ApiKeyDocument> for KeyResponse {
    fn from(document: ApiKeyDocument) -> Self {
        Self {
            key_id: document.key_id,
            client: document.client.unwrap_or_else(|| document.name.clone()),
            name: document.name,
            role: document.role,
            prefix: document.prefix,
            expires_at: document.expires_at.map(|at| at.to_chrono().into()),
            last_used_at: document.last_used_at.map(|at| at.to_chrono().into()),
            created_at: document.created_at.to_chrono().into(),
            created_by: document.created_by,
            revoked_at: document.revoked_at.map(|at| at.to_chrono().into()),
            revoked_by: document.revoked_by,
            quarantined: None,
        }
    }
}

impl ShowsDocument for KeyResponse {
    type View = ApiKeys;

    fn document_id(&self) -> String {
        self.key_id.to_string()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}

/// Lists keys, newest first.
///
/// Revoked and expired keys are included.
#[utoipa::path(
    get,
    path = "/api/keys",
    tag = "Access",
    params(PageParams, Consistency),
    responses(
        (status = 200, description = "A page of keys", body = Listed<KeyResponse>)
    )
)]
pub(super) async fn list_keys(
    State(app): State<AppState>,
    Query(params): Query<PageParams>,
    consistency: Consistency,
) -> Result<Json<Listed<KeyResponse>>, Problem> {
    after::wait::<ApiKeys>(&app, consistency.with(params.after())).await?;
    let page = params.page();
    let found = app.store.api_keys(&page).await?;
    let mut keys = Listed::from_page(found, KeyResponse::from);
    quarantined::mark(&app, &mut keys.items).await?;
    Ok(Json(keys))
}

/// Returns a key.
#[utoipa::path(
    get,
    path = "/api/keys/{key_id}",
    tag = "Access",
    params(("key_id" = inline(schema::KeyId), Path, description = "The key's id"), AfterParam, Consistency),
    responses(
        (status = 200, description = "The key", body = KeyResponse),
        NotFound
    )
)]
pub(super) async fn get_key(
    State(app): State<AppState>,
    Path(id): Path<KeyId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Json<KeyResponse>, Problem> {
    after::wait::<ApiKeys>(&app, consistency.with(params.after())).await?;
    let found = app.store.api_key(&id).await?;
    let Some(document) = found else {
        return Err(quarantined::missing::<ApiKeys>(&app, id.as_str(), unknown(&id)).await);
    };
    let mut key = KeyResponse::from(document);
    quarantined::mark(&app, [&mut key]).await?;
    Ok(Json(key))
}
