//! `GET /api/users`, `GET /api/users/{user_id}`

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use domain::{SessionId, Timestamp, UserId, UserRole};
use projections::users::{GivenRole, UserDocument, Users};
use serde::Serialize;
use utoipa::ToSchema;

use super::unknown;
use crate::after::{self, AfterParam};
use crate::consistency::Consistency;
use crate::extract::{Path, Query};
use crate::openapi::{OneProblems, ReadProblems};
use crate::paging::{Listed, PageParams};
use crate::problem::Problem;
use crate::quarantined::{self, Quarantined, ShowsDocument};
use crate::schema;
use crate::state::AppState;

/// A user.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserResponse {
    /// Patron's name for them. The audit trail has what they did under `user:`
    /// and this.
    #[schema(value_type = schema::UserId)]
    user_id: UserId,
    /// Their address, as the provider said at the last sign-in.
    #[schema(example = "jo@example.com")]
    email: String,
    /// What they are called.
    #[schema(example = "Jo Example")]
    name: Option<String>,
    /// The provider.
    #[schema(example = "https://accounts.google.com")]
    issuer: String,
    /// What they may do; `none` is locked out.
    #[schema(value_type = schema::UserRole)]
    role: UserRole,
    /// What an admin gave them. Without it the configuration says what they
    /// may do, at each sign-in.
    given: Option<GivenResponse>,
    /// When they first signed in.
    #[schema(value_type = schema::Time)]
    first_signed_in_at: Timestamp,
    /// When they last signed in.
    #[schema(value_type = schema::Time)]
    last_signed_in_at: Timestamp,
    /// Those that are open.
    sessions: Vec<SessionResponse>,
    /// The event that holds the user back; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// A role that an admin gave.
#[derive(Serialize, ToSchema)]
#[schema(as = GivenRole)]
struct GivenResponse {
    /// Which.
    #[schema(value_type = schema::UserRole)]
    role: UserRole,
    /// When.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
    /// On whose behalf.
    #[schema(example = "key:bootstrap")]
    by: String,
}

/// A session that is open.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionResponse {
    /// Which.
    #[schema(value_type = schema::SessionId)]
    session_id: SessionId,
    /// When it began; it ends by itself twelve hours later.
    #[schema(value_type = schema::Time)]
    began_at: Timestamp,
}

impl UserResponse {
    fn at(now: Timestamp, document: UserDocument) -> Self {
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

/// Everybody who ever signed in, the newest first.
#[utoipa::path(
    get,
    path = "/api/users",
    tag = "access",
    params(PageParams, Consistency),
    responses(
        (status = 200, description = "A page of them", body = Listed<UserResponse>),
        ReadProblems
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
    let respond = |document| UserResponse::at(now, document);
    let mut users = Listed::from_page(found, respond);
    quarantined::mark(&app, &mut users.items).await?;
    Ok(Json(users))
}

/// One user.
#[utoipa::path(
    get,
    path = "/api/users/{user_id}",
    tag = "access",
    params(("user_id" = inline(schema::UserId), Path, description = "The user's id"), AfterParam, Consistency),
    responses(
        (status = 200, description = "The user", body = UserResponse),
        OneProblems
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
    let mut user = UserResponse::at(now, document);
    quarantined::mark(&app, [&mut user]).await?;
    Ok(Json(user))
}
