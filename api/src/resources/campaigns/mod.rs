//! Campaigns: one message to each customer of an audience.
//!
//! [`body`] has the request bodies, [`answer`] the response bodies. [`create`],
//! [`drafts`], [`transitions`], and [`retry`] write; [`read`] reads. [`preview`] renders a message
//! before the launch. [`logs`] and [`table`] serve the communication log,
//! [`reconcile`] and [`recipient`] check and explain it, with [`reachable`] for what
//! addresses know, and [`progress`] streams a campaign's progress. [`texts`] renders the texts of messages.

mod answer;
mod audience;
mod body;
mod create;
mod drafts;
mod find;
mod formula;
mod logs;
pub(crate) mod message;
mod preview;
mod progress;
pub(crate) mod reachable;
mod read;
mod recipient;
mod reconcile;
mod retry;
pub(crate) mod table;
mod texts;
mod transitions;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::find::{missing, not_launched};
pub(crate) use self::formula::escape_formulas;
pub use self::reconcile::reconciliation_document;
pub(crate) use self::texts::{ShownEvent, shown};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read::list_campaigns, create::create_campaign))
        .routes(routes!(
            read::get_campaign,
            drafts::update_campaign,
            drafts::delete_campaign
        ))
        .routes(routes!(drafts::clone_campaign))
        .routes(routes!(preview::preview_message))
        .routes(routes!(transitions::launch_campaign))
        .routes(routes!(transitions::pause_campaign))
        .routes(routes!(transitions::resume_campaign))
        .routes(routes!(transitions::cancel_campaign))
        .routes(routes!(retry::retry_campaign))
        .routes(routes!(logs::get_logs))
        .routes(routes!(recipient::get_recipient))
        .routes(routes!(reconcile::reconcile_campaign))
        .routes(routes!(progress::follow_progress))
}
