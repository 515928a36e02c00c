//! Campaigns: one message to each customer of an audience.
//!
//! [`body`] has the request bodies, [`answer`] the response bodies. [`create`],
//! [`steer`], and [`retry`] write; [`read`] reads. [`preview`] renders a message
//! before the launch. [`logs`] and [`table`] serve the communication log,
//! [`reconcile`] and [`recipient`] check and explain it, and [`progress`]
//! streams a campaign's progress. [`texts`] renders the texts of messages.

mod answer;
mod body;
mod create;
mod find;
mod logs;
mod message;
mod preview;
mod progress;
mod read;
mod recipient;
mod reconcile;
mod retry;
mod steer;
mod table;
mod texts;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::find::{missing, not_launched};
pub use self::reconcile::reconciliation_document;
pub(crate) use self::texts::{ShownEvent, shown};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read::list_campaigns, create::create_campaign))
        .routes(routes!(read::get_campaign))
        .routes(routes!(preview::preview_message))
        .routes(routes!(steer::launch_campaign))
        .routes(routes!(steer::pause_campaign))
        .routes(routes!(steer::resume_campaign))
        .routes(routes!(steer::cancel_campaign))
        .routes(routes!(retry::retry_campaign))
        .routes(routes!(logs::get_logs))
        .routes(routes!(recipient::get_recipient))
        .routes(routes!(reconcile::reconcile_campaign))
        .routes(routes!(progress::follow_progress))
}
