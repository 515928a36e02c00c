//! What the API answers to a batch.

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::source::Reason;

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Created,
    Updated,
    Unchanged,
    Refused(Reason),
}

/// An RFC 9457 problem.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
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
    fate: Fate,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Fate {
    Problem { problem: Problem },
    Outcome { outcome: Outcome },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Created,
    Updated,
    Unchanged,
}

/// The verdicts on a batch, gathered over as many attempts as it takes.
pub(super) struct Verdicts(Vec<Option<Verdict>>);

impl Verdicts {
    pub(super) fn new(items: usize) -> Self {
        Self(vec![None; items])
    }

    /// Takes what an answer says of items without a verdict, so that what one attempt created
    /// is not counted as unchanged after the next. Gives the problem of an item that has to be
    /// sent again, if there is one.
    pub(super) fn take(&mut self, answer: &[u8]) -> anyhow::Result<Option<Problem>> {
        let answer: Answer =
            serde_json::from_slice(answer).context("the answer is not the API's")?;
        ensure!(
            answer.results.len() == self.0.len(),
            "the answer has {} results for {} items",
            answer.results.len(),
            self.0.len()
        );
        let mut again = None;
        for result in answer.results {
            let index = result.index;
            let verdict = self
                .0
                .get_mut(index)
                .context("the answer has an index too many")?;
            match result.fate.verdict() {
                Ok(new) => drop(verdict.get_or_insert(new)),
                Err(problem) => again = again.or(Some(problem)),
            }
        }
        ensure!(
            again.is_some() || self.0.iter().all(Option::is_some),
            "an item has no result"
        );
        Ok(again.filter(|_| self.0.iter().any(Option::is_none)))
    }

    /// In the order of the items, once [`Verdicts::take`] found nothing to send again.
    pub(super) fn into_vec(self) -> Vec<Verdict> {
        self.0.into_iter().flatten().collect()
    }
}

impl Fate {
    /// An error if the item has to be sent again.
    fn verdict(self) -> Result<Verdict, Problem> {
        match self {
            Self::Problem { problem } if is_passing(problem.status) => Err(problem),
            Self::Problem { problem } => Ok(Verdict::Refused(problem.into_reason())),
            Self::Outcome {
                outcome: Outcome::Created,
            } => Ok(Verdict::Created),
            Self::Outcome {
                outcome: Outcome::Updated,
            } => Ok(Verdict::Updated),
            Self::Outcome {
                outcome: Outcome::Unchanged,
            } => Ok(Verdict::Unchanged),
        }
    }
}

impl Problem {
    /// Reads the body of a refused request; a text that is no problem becomes its detail.
    pub(super) fn read(status: u16, body: &[u8]) -> Self {
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

    /// Title and what is wrong with each field, or else the detail, in a sentence. An item's
    /// detail may name its line in the request, which is not the file's.
    pub(super) fn sentence(&self) -> String {
        let field = |error: &FieldError| match (&error.pointer, &error.detail) {
            (Some(pointer), Some(detail)) => Some(format!("{pointer} {detail}")),
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

    fn into_reason(self) -> Reason {
        Reason {
            text: self.sentence(),
            pointer: self.errors.into_iter().find_map(|error| error.pointer),
        }
    }
}

/// Whether a status means that the same request may succeed later.
pub(super) fn is_passing(status: u16) -> bool {
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
    fn a_first_verdict_stands_when_the_batch_is_sent_again() {
        let mut verdicts = Verdicts::new(3);
        assert!(verdicts.take(FIRST.as_bytes()).unwrap().is_some());
        let second = FIRST.replace("created", "unchanged").replace(
            r#""problem":{"title":"Busy","status":503}"#,
            r#""outcome":"updated","position":"3:2""#,
        );
        assert!(verdicts.take(second.as_bytes()).unwrap().is_none());
        let reason = Reason {
            text: "Invalid: /amount must not be negative".into(),
            pointer: Some("/amount".into()),
        };
        assert_eq!(
            verdicts.into_vec(),
            [Verdict::Created, Verdict::Updated, Verdict::Refused(reason)]
        );
    }

    #[test]
    fn an_answer_that_leaves_items_out_is_an_error() {
        assert!(Verdicts::new(4).take(FIRST.as_bytes()).is_err());
        assert!(Verdicts::new(3).take(b"<html>").is_err());
        let twice = FIRST
            .replace(r#""index":1"#, r#""index":0"#)
            .replace("503", "422");
        assert!(Verdicts::new(3).take(twice.as_bytes()).is_err());
    }
}
