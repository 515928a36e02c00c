//! From a request to its answer, for every kind of data in.

use std::future::Future;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use commands::{Change, CommandError, Context, Outcome};

use super::answer::{Accepted, Batch, ItemResult, word};
use crate::body::batch::{self, Items};
use crate::body::item::{ItemReader, Piece};
use crate::body::{Input, payload};
use crate::caller;
use crate::metrics;
use crate::problem::Problem;
use crate::state::Shared;

/// How many items one request may bring.
const MAX_ITEMS: usize = 10_000;

/// One kind of data in, as a client writes it.
pub(crate) trait Ingest: Input + Send {
    /// In the plural, for metrics.
    const KIND: &'static str;

    /// The field that identifies an item.
    const ID: &'static str;

    /// What `commands` takes.
    type Item: Send;

    /// The item and its id.
    ///
    /// # Errors
    /// The problem, if a bound is passed.
    fn into_item(self) -> Result<(String, Self::Item), Problem>;

    /// Carries out all items; each has its own outcome, in the order given.
    fn record(
        app: &Shared,
        context: &Context,
        items: Vec<Self::Item>,
    ) -> impl Future<Output = Result<Vec<Result<Outcome, Problem>>, CommandError>> + Send;
}

/// Takes what a request brings.
///
/// # Errors
/// The problem with the request as a whole, or with its one object.
pub(super) async fn ingest<B: Ingest>(
    app: &Shared,
    context: &Context,
    request: Request,
) -> Result<Response, Problem> {
    app.shed.check()?;
    let format = payload::format(request.headers())?;
    let body = payload::read(request, app.room.none(), app.body_limit).await?;
    // A body may take minutes to arrive, and what it says is recorded now.
    let context = &Context {
        now: caller::now(),
        ..context.clone()
    };
    match batch::split(format, payload::text(&body)?, MAX_ITEMS)? {
        Items::One(piece) => one::<B>(app, context, piece).await,
        Items::Many(pieces) => many::<B>(app, context, &pieces).await,
    }
}

async fn one<B: Ingest>(
    app: &Shared,
    context: &Context,
    piece: Piece<'_>,
) -> Result<Response, Problem> {
    let mut tally = Tally::default();
    let read = ItemReader::default().read(piece, |body: &B| body.check(app));
    let outcome = match read.and_then(B::into_item) {
        Ok((id, item)) => {
            let mut outcomes = B::record(app, context, vec![item]).await?;
            // One item has one outcome.
            let outcome = outcomes.pop().unwrap_or_else(|| Err(Problem::internal()));
            outcome.map(|outcome| (id, outcome))
        }
        Err(problem) => Err(problem),
    };
    tally.count(outcome.as_ref().ok().map(|(_, outcome)| outcome.change));
    tally.tell::<B>();
    outcome.map(|(id, outcome)| Accepted::new(id, outcome).into_response())
}

/// Takes many, each on its own.
///
/// # Errors
/// The problem with all of them.
pub(crate) async fn many<B: Ingest>(
    app: &Shared,
    context: &Context,
    pieces: &[Piece<'_>],
) -> Result<Response, Problem> {
    let mut tally = Tally::default();
    let mut results = Vec::with_capacity(pieces.len());
    let mut places = Vec::with_capacity(pieces.len());
    let mut items = Vec::with_capacity(pieces.len());
    let mut reader = ItemReader::default();
    for (index, piece) in pieces.iter().enumerate() {
        let read = reader.read(*piece, |body: &B| body.check(app));
        match read.and_then(B::into_item) {
            Ok((id, item)) => {
                places.push((index, id));
                items.push(item);
            }
            Err(problem) => {
                tally.count(None);
                results.push(rejected(index, piece.id(B::ID), problem));
            }
        }
    }
    if !items.is_empty() {
        let outcomes = B::record(app, context, items).await?;
        for ((index, id), outcome) in places.into_iter().zip(outcomes) {
            tally.count(outcome.as_ref().ok().map(|outcome| outcome.change));
            results.push(match outcome {
                Ok(outcome) => ItemResult::Accepted {
                    index,
                    accepted: Accepted::new(id, outcome),
                },
                Err(problem) => rejected(index, Some(id), problem),
            });
        }
    }
    tally.tell::<B>();
    Ok(Batch::new(results).into_response())
}

fn rejected(index: usize, id: Option<String>, problem: Problem) -> ItemResult {
    ItemResult::Rejected {
        index,
        id,
        problem: Box::new(problem.into_body(None)),
    }
}

/// Outcomes, counted before metrics are told.
#[derive(Default)]
struct Tally {
    created: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
}

impl Tally {
    /// One more; `None` for a rejected one.
    fn count(&mut self, change: Option<Change>) {
        *match change {
            Some(Change::Created) => &mut self.created,
            Some(Change::Updated) => &mut self.updated,
            Some(Change::Unchanged) => &mut self.unchanged,
            None => &mut self.rejected,
        } += 1;
    }

    fn tell<B: Ingest>(&self) {
        let counts = [
            (word(Change::Created), self.created),
            (word(Change::Updated), self.updated),
            (word(Change::Unchanged), self.unchanged),
            ("rejected", self.rejected),
        ];
        for (outcome, count) in counts {
            if count > 0 {
                metrics::ingested(B::KIND, outcome, count);
            }
        }
    }
}
