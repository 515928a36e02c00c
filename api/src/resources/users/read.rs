//! Handlers of `GET /api/users` and `GET /api/users/{user_id}`.

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use domain::{SessionId, Timestamp, UserId, UserRole};
use projections::users::{GivenRole, UserDocument, Users};
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

/// A user.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserResponse {
    /// The user's id. The audit trail names the user `user:` followed by this.
    #[schema(value_type = schema::UserId)]
    user_id: UserId,
    /// The user's email address, from the provider at the last sign-in.
    #[schema(example = "jo@example.com")]
    email: String,
    /// The user's name.
    #[schema(example = "Jo Example")]
    name: Option<String>,
    /// The identity provider.
    #[schema(example = "https://accounts.google.com")]
    issuer: String,
    /// The user's role; `none` means locked out.
    #[schema(value_type = schema::UserRole)]
    role: UserRole,
    /// The role that an admin assigned. Without one, the configuration
    /// determines the role at each sign-in.
    given: Option<GivenResponse>,
    /// Time of the user's first sign-in.
    #[schema(value_type = schema::Time)]
    first_signed_in_at: Timestamp,
    /// Time of the user's last sign-in.
    #[schema(value_type = schema::Time)]
    last_signed_in_at: Timestamp,
    /// The user's open sessions.
    sessions: Vec<SessionResponse>,
    /// The quarantined event of this user; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// A role that an admin assigned.
#[derive(Serialize, ToSchema)]
#[schema(as = GivenRole)]
struct GivenResponse {
    /// The role.
    #[schema(value_type = schema::UserRole)]
    role: UserRole,
    /// Time at which the role was assigned.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
    /// The actor who assigned the role.
    #[schema(example = "key:bootstrap")]
    by: String,
}

/// An open session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionResponse {
    /// The session's id.
    #[schema(value_type = schema::SessionId)]
    session_id: SessionId,
    /// Time at which the session began. It expires after twelve hours.
    #[schema(value_type = schema::Time)]
    began_at: Timestamp,
}

impl UserResponse {
    fn new(document: UserDocument, now: Timestamp) -> Self {
        let sessions = document.sessions();
        let open = sessions.iter().filter(|(id, _)| sessions.is_open(id, now));
        let session = |(id, began_at): (&SessionId, Timestamp)| SessionResponse {
            session_id: id.clone(),
            began_at,
        };
        Self {
            sessions: open.map(session).collect(),
            user_id: document.user_id,
            email: document.email,
            name: document.name,
            issuer: document.issuer,
            role: document.role,
            given: document.given.map(GivenResponse::from),
            first_signed_in_at: document.created_at.to_chrono().into(),
            last_signed_in_at: document.last_signed_in_at.to_chrono().into(),
            quarantined: None,
        }
    }
}

impl ShowsDocument for UserResponse {
    type View = Users;

    fn document_id(&self) -> String {
        self.user_id.to_string()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}

impl From<GivenRole> for GivenResponse {
    fn from(given: GivenRole) -> Self {
        Self {
            role: given.role,
            at: given.at.to_chrono().into(),
            by: given.by,
        }
    }
}

/// Lists all users who have ever signed in, newest first.
#[utoipa::path(
    get,
    path = "/api/users",
    tag = "Access",
    params(PageParams, Consistency),
    responses(
        (status = 200, description = "A page of users", body = Listed<UserResponse>)
    )
)]
pub(super) async fn list_users(
    State(app): State<AppState>,
    Query(params): Query<PageParams>,
    consistency: Consistency,
) -> Result<Json<Listed<UserResponse>>, Problem> {
    after::wait::<Users>(&app, consistency.with(params.after())).await?;
    let page = params.page();
    let found = app.store.users(&page).await?;
    let now = Timestamp::from(Utc::now());
    let respond = |document| UserResponse::new(document, now);
    let mut users = Listed::from_page(found, respond);
    quarantined::mark(&app, &mut users.items).await?;
    Ok(Json(users))
}

/// Returns a user.
#[utoipa::path(
    get,
    path = "/api/users/{user_id}",
    tag = "Access",
    params(("user_id" = inline(schema::UserId), Path, description = "The user's id"), AfterParam, Consistency),
    responses(
        (status = 200, description = "The user", body = UserResponse),
        NotFound
    )
)]
pub(super) async fn get_user(
    State(app): State<AppState>,
    Path(id): Path<UserId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Json<UserResponse>, Problem> {
    after::wait::<Users>(&app, consistency.with(params.after())).await?;
    let found = app.store.user(&id).await?;
    let Some(document) = found else {
        return Err(quarantined::missing::<Users>(&app, id.as_str(), unknown(&id)).await);
    };
    let now = Timestamp::from(Utc::now());
    let mut user = UserResponse::new(document, now);
    quarantined::mark(&app, [&mut user]).await?;
    Ok(Json(user))
}
