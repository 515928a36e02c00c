//! Imports: files that people upload, and their runs.
//!
//! The process that received a file has it on its disk, and is the only one that can
//! preview it, run it, and show its refused rows ([`folder`], [`partial`], [`stored`],
//! [`files`]). Every process can show
//! every import: its state is the view `imports`, its progress a record that the process
//! with the file keeps ([`answer`], [`records`]).
//!
//! [`upload`] receives a file, [`presets`] lists the exports that are known, [`columns`]
//! reads the header of a file, [`preview`] shows what a run would do ([`reasons`]), [`start`]
//! starts a run, [`transitions`] stops it and deletes imports, [`run`] is a run: it sends the rows through
//! [`sink`], the path of `POST /api/data/*`. [`keep`] is the background task: it takes
//! over the files of an earlier process, continues interrupted runs, and removes what is
//! no longer needed. [`registry`] holds what this process does at the moment.

mod answer;
mod body;
mod columns;
mod detect;
mod detected;
mod files;
mod find;
pub(crate) mod folder;
mod follow;
pub(crate) mod keep;
mod partial;
mod presets;
mod preview;
mod read;
mod reasons;
mod receive;
mod records;
mod refused;
pub(crate) mod registry;
mod run;
mod sink;
mod start;
mod stored;
mod transition;
mod transitions;
mod upload;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use upload::PATH as UPLOAD_PATH;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read::list_imports, upload::create_import))
        .routes(routes!(read::get_import, transitions::delete_import))
        .routes(routes!(presets::list_import_presets))
        .routes(routes!(columns::read_import_columns))
        .routes(routes!(preview::preview_import))
        .routes(routes!(start::run_import))
        .routes(routes!(transitions::stop_import))
        .routes(routes!(follow::follow_import))
        .routes(routes!(refused::get_refused_rows))
}
