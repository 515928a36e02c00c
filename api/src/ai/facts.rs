//! What the store says about itself, kept for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use assist::{Facts, Measure};
use domain::{Currency, Name};
use projections::customers::StoreFacts;
use tokio::sync::Mutex;

use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;

/// How long who asks waits for them.
const PATIENCE: Duration = Duration::from_secs(15);

/// Finding them out takes at most one part in so many of MongoDB's time, while
/// they are kept between these bounds.
const SHARE: u32 = 100;
const AT_LEAST: Duration = Duration::from_secs(1);
const AT_MOST: Duration = Duration::from_secs(600);

/// The facts that were found out last, if ever.
#[derive(Default)]
pub(super) struct KeptFacts(Arc<Mutex<Option<Kept>>>);

struct Kept {
    facts: Arc<Facts>,
    until: Instant,
}

/// What the store says about itself, up to ten minutes old.
///
/// # Errors
/// 503 while MongoDB does not answer, or takes longer than anybody waits.
pub(super) async fn facts(app: &AppState) -> Result<Arc<Facts>, Problem> {
    // Whoever is first finds them out for all, and goes on where it goes away.
    let (kept, asked) = (app.assistant.facts.0.clone(), app.clone());
    let finding = tokio::spawn(async move {
        let mut kept = kept.lock_owned().await;
        match &*kept {
            Some(known) if Instant::now() < known.until => Ok(known.facts.clone()),
            _ => {
                let (facts, took) = find_out(&asked).await?;
                let until = Instant::now() + (took * SHARE).clamp(AT_LEAST, AT_MOST);
                *kept = Some(Kept {
                    facts: facts.clone(),
                    until,
                });
                Ok(facts)
            }
        }
    });
    match tokio::time::timeout(PATIENCE, finding).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => Err(Problem::internal()),
        Err(_) => {
            let detail = "the store is still being looked at; send the request again";
            Err(Problem::new(ProblemKind::Busy, detail))
        }
    }
}

async fn find_out(app: &AppState) -> Result<(Arc<Facts>, Duration), Problem> {
    let started = Instant::now();
    let found = app.store.store_facts().await?;
    let facts = facts_of(app.commands.currency(), found);
    Ok((Arc::new(facts), started.elapsed()))
}

fn facts_of(currency: Currency, found: StoreFacts) -> Facts {
    let deciles = |measure: Measure| {
        let deciles = found.deciles.get(measure.field())?;
        Some((measure, *deciles))
    };
    // All were names when they were recorded.
    let named = |(name, count)| Some((Name::try_from(name).ok()?, count));
    Facts {
        currency,
        quantiles: Measure::ALL.into_iter().filter_map(deciles).collect(),
        cities: found.cities,
        countries: found.countries,
        tags: found.tags,
        activities: found.activities.into_iter().filter_map(named).collect(),
    }
}
