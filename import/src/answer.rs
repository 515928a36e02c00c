//! The API's responses to a batch.

use anyhow::{Context, ensure};
use importer::{Reason, RecordOutcome};
use serde::Deserialize;

/// Problem document (RFC 9457).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ProblemDocument {
    status: u16,
    title: Option<String>,
    detail: Option<String>,
    errors: Vec<FieldError>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct FieldError {
    pointer: Option<String>,
    detail: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<ItemResult>,
}

#[derive(Deserialize)]
struct ItemResult {
    index: usize,
    #[serde(flatten)]
    content: ResultContent,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ResultContent {
    Problem {
        problem: ProblemDocument,
    },
    Outcome {
        outcome: ApiOutcome,
        #[serde(default)]
        warnings: Vec<ApiWarning>,
    },
}

#[derive(Deserialize)]
struct ApiWarning {
    code: String,
}

/// Code of the warning about a customer who opted out and stays unsubscribed.
const STILL_UNSUBSCRIBED: &str = "still_unsubscribed";

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ApiOutcome {
    Created,
    Updated,
    Unchanged,
    Stale,
    Moved,
}

impl From<ApiOutcome> for RecordOutcome {
    fn from(outcome: ApiOutcome) -> Self {
        match outcome {
            ApiOutcome::Created => Self::Created,
            ApiOutcome::Updated => Self::Updated,
            ApiOutcome::Unchanged => Self::Unchanged,
            ApiOutcome::Stale => Self::Stale,
            ApiOutcome::Moved => Self::Moved,
        }
    }
}

/// Outcomes of a batch's items, collected over all attempts to send it.
pub(super) struct BatchOutcomes(Vec<Option<RecordOutcome>>);

impl BatchOutcomes {
    pub(super) fn new(items: usize) -> Self {
        Self(vec![None; items])
    }

    /// Merges the results of one attempt. Returns a problem if an item has to be sent again.
    ///
    /// # Errors
    /// Returns an error if the response does not have the form of the API's, or lacks a result.
    pub(super) fn merge(&mut self, answer: &[u8]) -> anyhow::Result<Option<ProblemDocument>> {
        let answer: Answer =
            serde_json::from_slice(answer).context("the response is not one of the API")?;
        ensure!(
            answer.results.len() == self.0.len(),
            "the response has {} results for {} items",
            answer.results.len(),
            self.0.len()
        );
        let mut temporary = None;
        for result in answer.results {
            let index = result.index;
            let outcome = self
                .0
                .get_mut(index)
                .context("the response has an index that is too large")?;
            let new = match result.content {
                ResultContent::Problem { problem } if is_temporary(problem.status) => {
                    temporary = temporary.or(Some(problem));
                    continue;
                }
                ResultContent::Problem { problem } => RecordOutcome::Refused(Reason {
                    text: problem.sentence(),
                    pointer: problem.errors.into_iter().find_map(|error| error.pointer),
                }),
                ResultContent::Outcome { outcome, warnings } => {
                    let mut codes = warnings.iter().map(|warning| warning.code.as_str());
                    match codes.any(|code| code == STILL_UNSUBSCRIBED) {
                        true => RecordOutcome::StillUnsubscribed(Box::new(outcome.into())),
                        false => outcome.into(),
                    }
                }
            };
            // The first outcome of an item counts: after a retry, an item that the first attempt
            // created is reported as unchanged.
            outcome.get_or_insert(new);
        }
        ensure!(
            temporary.is_some() || self.0.iter().all(Option::is_some),
            "an item has no result"
        );
        Ok(temporary.filter(|_| self.0.iter().any(Option::is_none)))
    }

    /// Returns the outcomes in the order of the items. Must be called only after
    /// [`BatchOutcomes::merge`] returned no problem.
    pub(super) fn into_vec(self) -> Vec<RecordOutcome> {
        self.0.into_iter().flatten().collect()
    }
}

impl ProblemDocument {
    /// Parses the body of a refused request. A body that is not a problem becomes the detail,
    /// shortened to 200 characters.
    pub(super) fn from_response(status: u16, body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| Self {
            status,
            detail: Some(
                String::from_utf8_lossy(body)
                    .trim()
                    .chars()
                    .take(200)
                    .collect(),
            ),
            ..Self::default()
        })
    }

    /// Returns the title and the errors of all fields, or the detail if no field has an error, as
    /// one sentence.
    pub(super) fn sentence(&self) -> String {
        // The errors of fields come first, because an item's detail may name its line in the
        // request, which is not its line in the file.
        let field = |error: &FieldError| match (&error.pointer, &error.detail) {
            (Some(pointer), Some(detail)) => Some(format!("{}: {detail}", name_of(pointer))),
            (one, other) => one.clone().or_else(|| other.clone()),
        };
        let fields: Vec<_> = self.errors.iter().filter_map(field).collect();
        let reasons = match fields.is_empty() {
            true => self.detail.iter().cloned().collect(),
            false => fields,
        };
        let parts = self.title.iter().cloned().chain(reasons);
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        if parts.is_empty() {
            "no reason given".into()
        } else {
            parts.join(": ")
        }
    }
}

/// Returns the name of a field that a pointer leads to: `items.0.sku` for `/items/0/sku`.
fn name_of(pointer: &str) -> String {
    let path = pointer.strip_prefix('/').unwrap_or(pointer);
    let parts = path.split('/');
    let parts: Vec<_> = parts
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect();
    parts.join(".")
}

/// Returns true if the same request may succeed later.
pub(super) fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = r#"{"accepted":1,"rejected":2,"results":[
        {"index":0,"id":"o-1","outcome":"created","position":"3:1"},
        {"index":1,"id":"o-2","problem":{"title":"Busy","status":503}},
        {"index":2,"problem":{"title":"Invalid","status":422,"detail":"order is not valid",
         "errors":[{"pointer":"/amount","detail":"must not be negative"}]}}]}"#;

    #[test]
    fn the_first_outcome_of_an_item_stands_when_the_batch_is_sent_again() {
        let mut outcomes = BatchOutcomes::new(3);
        assert!(outcomes.merge(FIRST.as_bytes()).unwrap().is_some());
        let second = FIRST.replace("created", "unchanged").replace(
            r#""problem":{"title":"Busy","status":503}"#,
            r#""outcome":"updated","position":"3:2""#,
        );
        assert!(outcomes.merge(second.as_bytes()).unwrap().is_none());
        let reason = Reason {
            text: "Invalid: amount: must not be negative".into(),
            pointer: Some("/amount".into()),
        };
        assert_eq!(
            outcomes.into_vec(),
            [
                RecordOutcome::Created,
                RecordOutcome::Updated,
                RecordOutcome::Refused(reason)
            ]
        );
    }

    #[test]
    fn a_response_that_omits_items_is_an_error() {
        assert!(BatchOutcomes::new(4).merge(FIRST.as_bytes()).is_err());
        assert!(BatchOutcomes::new(3).merge(b"<html>").is_err());
        let twice = FIRST
            .replace(r#""index":1"#, r#""index":0"#)
            .replace("503", "422");
        assert!(BatchOutcomes::new(3).merge(twice.as_bytes()).is_err());
    }
}
