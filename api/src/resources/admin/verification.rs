//! `POST /api/admin/verify`, and the checks that it shares with `patron verify`.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use commands::verify_heads;
use eventlog::{Log, LogError, Position, Positions};
use projections::{
    AnyView, DocumentsReport, JobKind, LongRead, ProjectError, Store, VERIFIED_SAMPLE, VIEWS,
    verify_sample,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::body::{BodyRules, Input, OptionalJsonBody};
use crate::http::deadline::Deadline;
use crate::http::position::PositionText;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::resources::jobs::{JobResponse, LongRequest, respond};
use crate::state::{AppContext, AppState};

/// Maximum number of a view's documents that a client may have folded again.
const MAX_SAMPLE: u64 = 10_000;

/// Maximum number of findings of one kind that a report has of one check.
const MAX_FINDINGS: usize = 50;

/// Maximum length of a finding's description in characters. The description of a head has
/// the head's state.
const MAX_DETAIL: usize = 500;

/// Name of the check of the heads, among the names of views.
const HEADS: &str = "heads";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(start_verification))
}

/// Options of a verification.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with options")]
#[schema(as = VerificationIn, example = json!({"sample": 400}))]
struct VerificationBody {
    /// Approximate number of documents of each view that are folded again from the log.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10_000, default = 400)]
    sample: Option<u64>,
}

impl Input for VerificationBody {
    fn check(&self, _: &BodyRules) -> Result<(), Problem> {
        match self.sample {
            Some(sample) if !(1..=MAX_SAMPLE).contains(&sample) => {
                let reason = format!("must be 1 to {MAX_SAMPLE}, not {sample}");
                let kind = ProblemKind::InvalidField;
                Err(Problem::field(kind, "/sample", reason))
            }
            _ => Ok(()),
        }
    }
}

/// Result of the comparison of heads and views with the log.
#[derive(Serialize, ToSchema)]
#[schema(as = Verification)]
pub(crate) struct VerificationResponse {
    /// `true` if everything agrees with the log: there are no findings.
    #[schema(example = true)]
    clean: bool,
    /// Result for the heads.
    heads: HeadsResponse,
    /// Result for each view.
    views: Vec<ViewResponse>,
    /// Findings, at most 50 of each kind for the heads and for each view.
    findings: Vec<Finding>,
    /// Total number of findings.
    #[schema(example = 0)]
    findings_found: u64,
}

/// Result of the comparison of all heads with the log.
#[derive(Serialize, ToSchema)]
#[schema(as = VerifiedHeads)]
struct HeadsResponse {
    /// Number of events read.
    #[schema(example = 69_659)]
    events: u64,
    /// Number of heads folded again.
    #[schema(example = 93_229)]
    heads: u64,
    /// Number of differences.
    #[schema(example = 0)]
    differences: u64,
    /// Number of events that cannot be read. Their heads are not compared, and views have
    /// them in quarantine.
    #[schema(example = 0)]
    unreadable: u64,
    /// First event that is kept of each partition whose earlier events were trimmed.
    #[schema(value_type = Vec<schema::Position>)]
    trimmed: Vec<PositionText>,
}

/// Result of the comparison of a view with the log.
#[derive(Serialize, ToSchema)]
#[schema(as = VerifiedView)]
struct ViewResponse {
    /// Name of the view.
    #[schema(value_type = schema::View)]
    name: &'static str,
    /// Generation that was verified, the one that serves reads.
    #[schema(example = 1)]
    generation: i32,
    /// `false` if the view cannot be verified; a finding has the reason.
    #[schema(example = true)]
    verified: bool,
    /// Number of events read.
    #[schema(example = 69_659)]
    events: u64,
    /// Number of documents that the log yields. All are counted.
    #[schema(example = 23_570)]
    documents: u64,
    /// Number of documents that were folded again and compared byte for byte.
    #[schema(example = 404)]
    compared: u64,
    /// Number of differences.
    #[schema(example = 0)]
    differences: u64,
    /// Number of events in quarantine, which are not compared.
    #[schema(example = 0)]
    quarantined: u64,
}

/// Something that does not agree with the log.
#[derive(Serialize, ToSchema)]
#[schema(as = VerificationFinding)]
struct Finding {
    /// `heads`, or the name of the view.
    #[schema(example = "customers")]
    check: &'static str,
    /// Kind of the finding.
    kind: FindingKind,
    /// Description of the finding.
    #[schema(example = "c-3 differs from the fold of its 6 events")]
    detail: String,
}

/// Kind of a finding.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = VerificationFindingKind)]
#[serde(rename_all = "lowercase")]
enum FindingKind {
    /// A head or a document differs from its events, or the log is damaged.
    Difference,
    /// The view cannot be verified.
    Unverifiable,
    /// The view is stalled.
    Stalled,
}

/// Compares all heads and a sample of all views with the log, as a job.
///
/// The result is the job's, after it has ended. A verification reads the whole log once
/// for the heads and once for each view. A process runs one at a time: a request during
/// that time is answered with the job that is running.
#[utoipa::path(
    post,
    path = "/api/admin/verify",
    tag = "Operations",
    request_body = VerificationBody,
    responses(
        (status = 202, description = "Runs as a job", body = JobResponse,
            headers(("Location" = inline(schema::Path), description = "The job's path")))
    )
)]
async fn start_verification(
    State(app): State<AppState>,
    Caller(context): Caller,
    Extension(deadline): Extension<Deadline>,
    OptionalJsonBody(body): OptionalJsonBody<VerificationBody>,
) -> Result<Response, Problem> {
    let request = LongRequest {
        kind: JobKind::Verification,
        // The same for all, so that a process runs one at a time.
        subject: String::new(),
        after: Positions::default(),
        respond_async: true,
        deadline,
    };
    let sample = body.sample.unwrap_or(VERIFIED_SAMPLE);
    let verified = app.clone();
    respond(&app, &context, request, |read| async move {
        verify(&verified, sample, &read).await
    })
    .await
}

async fn verify(
    app: &AppContext,
    sample: u64,
    read: &LongRead,
) -> Result<VerificationResponse, Problem> {
    let (log, store) = (app.commands.log(), &app.store);
    let ends = log.ends().await?;
    let events: u64 = ends.iter().map(|end| end.number).sum();
    read.expect(events * (1 + VIEWS.len() as u64));
    let mut findings = Findings::default();
    let heads = verify_partitions(log, read).await?;
    findings.add(HEADS, FindingKind::Difference, &heads.differences);
    let mut views = Vec::with_capacity(VIEWS.len());
    for view in VIEWS {
        let verified = verify_one_view(store, log, view, sample, read).await?;
        views.push(ViewResponse::new(verified, &mut findings)?);
    }
    Ok(VerificationResponse {
        clean: findings.found == 0,
        heads: HeadsResponse::from(heads),
        views,
        findings: findings.shown,
        findings_found: findings.found,
    })
}

/// Result of the comparison of all heads with the log.
#[derive(Debug, Default)]
pub struct VerifiedHeads {
    /// Number of events read.
    pub events: u64,
    /// Number of heads compared.
    pub heads: u64,
    /// First event that is kept of each partition whose earlier events were trimmed.
    pub trimmed: Vec<Position>,
    /// Differences between heads and events, and damage of the log.
    pub differences: Vec<String>,
    /// Events that cannot be read.
    pub unreadable: Vec<String>,
}

/// Compares all heads with the log, partition by partition.
///
/// # Errors
/// [`LogError`] if Redis does not answer.
pub async fn verify_partitions(log: &Log, read: &LongRead) -> Result<VerifiedHeads, LogError> {
    let mut verified = VerifiedHeads::default();
    for partition in log.partitions() {
        let turn = read.turn().await;
        let report = verify_heads(log, partition).await?;
        drop(turn);
        read.count(report.events);
        verified.events += report.events;
        verified.heads += report.heads;
        if report.floor > 1 {
            let number = report.floor;
            verified.trimmed.push(Position { partition, number });
        }
        let texts = report.differences.iter().map(ToString::to_string);
        verified.differences.extend(texts);
        let texts = report.unreadable.iter().map(ToString::to_string);
        verified.unreadable.extend(texts);
    }
    Ok(verified)
}

/// Result of the comparison of a view with the log.
#[derive(Debug)]
pub struct VerifiedView {
    /// Name of the view.
    pub name: &'static str,
    /// Generation that was verified.
    pub generation: i32,
    /// The report, or the reason why there is none.
    pub report: Result<DocumentsReport, ProjectError>,
    /// Reason of each partition in which the view is stalled.
    pub stalled: Vec<String>,
}

/// Compares the serving generation of a view with the log. About `sample` of its documents
/// are folded again.
///
/// # Errors
/// [`ProjectError`] if MongoDB does not answer. A view that cannot be verified is no error.
pub async fn verify_one_view(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
    sample: u64,
    read: &LongRead,
) -> Result<VerifiedView, ProjectError> {
    let name = view.name();
    let generation = store.generations().active(name).await?;
    let report = match generation {
        // No generation serves yet, so there is nothing to compare.
        0 => Err(ProjectError::Stalled(
            "it is being built for the first time".to_owned(),
        )),
        _ => verify_sample(store, log, view, generation, sample, read).await,
    };
    let stopped = store.stopped().await?.into_iter();
    let stalled = stopped.filter(|(stopped, _)| *stopped == name);
    Ok(VerifiedView {
        name,
        generation,
        report,
        stalled: stalled.map(|(_, reason)| reason).collect(),
    })
}

/// Findings of all checks, as many as a report shows, and the number of all.
#[derive(Default)]
struct Findings {
    shown: Vec<Finding>,
    found: u64,
}

impl Findings {
    fn add(&mut self, check: &'static str, kind: FindingKind, details: &[String]) {
        self.found += details.len() as u64;
        let shown = details.iter().take(MAX_FINDINGS);
        self.shown.extend(shown.map(|detail| Finding {
            check,
            kind,
            detail: shortened(detail),
        }));
    }
}

fn shortened(detail: &str) -> String {
    match detail.char_indices().nth(MAX_DETAIL) {
        Some((end, _)) => format!("{}…", &detail[..end]),
        None => detail.to_owned(),
    }
}

impl From<VerifiedHeads> for HeadsResponse {
    fn from(heads: VerifiedHeads) -> Self {
        Self {
            events: heads.events,
            heads: heads.heads,
            differences: heads.differences.len() as u64,
            unreadable: heads.unreadable.len() as u64,
            trimmed: heads.trimmed.into_iter().map(PositionText).collect(),
        }
    }
}

impl ViewResponse {
    /// Builds the result of a view and adds its findings.
    ///
    /// # Errors
    /// The problem, if an engine did not answer.
    fn new(view: VerifiedView, findings: &mut Findings) -> Result<Self, Problem> {
        let name = view.name;
        let (verified, report) = match view.report {
            Ok(report) => (true, report),
            Err(error) if error.is_stop() => {
                let reason = [error.to_string()];
                findings.add(name, FindingKind::Unverifiable, &reason);
                (false, DocumentsReport::default())
            }
            Err(error) => return Err(error.into()),
        };
        findings.add(name, FindingKind::Difference, &report.differences);
        findings.add(name, FindingKind::Stalled, &view.stalled);
        Ok(Self {
            name,
            generation: view.generation,
            verified,
            events: report.events,
            documents: report.documents,
            compared: report.compared,
            differences: report.differences.len() as u64,
            quarantined: report.withheld.len() as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_bounded_and_counts_everything() {
        let mut findings = Findings::default();
        let details = vec!["ä".repeat(MAX_DETAIL + 1); MAX_FINDINGS + 1];
        findings.add(HEADS, FindingKind::Difference, &details);
        assert_eq!(findings.found, MAX_FINDINGS as u64 + 1);
        assert_eq!(findings.shown.len(), MAX_FINDINGS);
        let shown = &findings.shown[0].detail;
        assert_eq!(shown.chars().count(), MAX_DETAIL + 1);
        assert!(shown.ends_with('…'));
        assert_eq!(shortened("short"), "short");
    }
}
