//! A call for help: asking the model, and recording what came of it.

use std::time::Instant;

use assist::model::{Model, ModelError, Usage};
use commands::Context;
use domain::{Assist, AssistEngine, AssistOutcome, AssistTask, Text, Wording};

use super::answer::AnsweredBy;
use crate::metrics;
use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;

/// One call. [`Call::end`] records it; dropped before that it was abandoned,
/// and the journal records that.
pub(super) struct Call {
    app: AppState,
    context: Context,
    started: Instant,
    usage: Usage,
    assist: Assist,
    is_ended: bool,
}

impl Call {
    pub(super) fn begin(app: &AppState, context: Context, task: AssistTask) -> Self {
        let assist = Assist {
            task,
            prompt: None,
            about: None,
            engine: AssistEngine::BuiltIn,
            model: None,
            input_tokens: 0,
            output_tokens: 0,
            took_ms: 0,
            outcome: AssistOutcome::Abandoned,
            trouble: None,
            answer: None,
        };
        Self {
            app: app.clone(),
            context,
            started: Instant::now(),
            usage: Usage::default(),
            assist,
            is_ended: false,
        }
    }

    /// What is asked, in the asker's words.
    pub(super) fn prompted(mut self, prompt: &str) -> Self {
        self.assist.prompt = Some(Wording::cut(prompt));
        self
    }

    /// The segment or campaign that it is about.
    pub(super) fn about(mut self, id: &str) -> Self {
        self.assist.about = Text::cut(id);
        self
    }

    /// What was answered, for who looks it up later.
    pub(super) fn told(&mut self, answer: &str) {
        self.assist.answer = Some(Wording::cut(answer));
    }

    /// Asks the model, if there is one, for as long as it may take. Without an
    /// answer of its own, why is noted; then somebody else has to answer.
    pub(super) async fn ask<T>(
        &mut self,
        ask: impl AsyncFnOnce(&Model, &mut Usage) -> Result<T, ModelError>,
    ) -> Option<T> {
        let model = self.app.assistant.model.as_ref()?;
        self.assist.model = Text::cut(model.name());
        let limit = self.app.assistant.time_limit;
        let asking = ask(model, &mut self.usage);
        let trouble = match tokio::time::timeout(limit, asking).await {
            Ok(Ok(answer)) => {
                self.assist.engine = AssistEngine::OpenAi;
                return Some(answer);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the model did not answer within {} s", limit.as_secs_f32()),
        };
        tracing::warn!(%trouble, "the model has no answer");
        self.assist.trouble = Text::cut(&trouble);
        None
    }

    /// Why the model has not answered, if it was asked.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.assist.trouble.as_ref().map(Text::as_str)
    }

    /// Who answers, for the answer.
    pub(super) fn by(&self) -> AnsweredBy {
        AnsweredBy {
            engine: self.assist.engine,
            model: self.assist.model.clone().map(String::from),
            fallback: self.trouble().map(str::to_owned),
        }
    }

    /// Records the call, and gives its answer back once that is certain.
    ///
    /// # Errors
    /// The answer's own; without one, why it cannot be recorded.
    pub(super) async fn end<T>(mut self, answer: Result<T, Problem>) -> Result<T, Problem> {
        let kind = answer.as_ref().err().map(Problem::kind);
        let outcome = match kind {
            None => AssistOutcome::Answered,
            Some(ProblemKind::NotUnderstood) => AssistOutcome::NotUnderstood,
            Some(_) => AssistOutcome::Failed,
        };
        if outcome == AssistOutcome::Failed && self.assist.trouble.is_none() {
            self.assist.trouble = kind.and_then(|kind| Text::cut(kind.slug()));
        }
        let assist = self.finish(outcome);
        let (app, context) = (self.app.clone(), self.context.clone());
        // Goes on where the asker goes away.
        let recording =
            tokio::spawn(async move { app.commands.record_assistance(&context, assist).await });
        let recorded = match recording.await {
            Ok(recorded) => recorded.map(|_| ()).map_err(Problem::from),
            Err(_) => Err(Problem::internal()),
        };
        let answer = answer?;
        recorded.map(|()| answer)
    }

    /// What is recorded of it: from now on it has ended.
    fn finish(&mut self, outcome: AssistOutcome) -> Assist {
        self.is_ended = true;
        let assist = Assist {
            outcome,
            took_ms: self.started.elapsed().as_millis() as u64,
            input_tokens: self.usage.input_tokens,
            output_tokens: self.usage.output_tokens,
            ..self.assist.clone()
        };
        metrics::assisted(&assist);
        assist
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.is_ended {
            let assist = self.finish(AssistOutcome::Abandoned);
            self.app.journal.assisted(self.context.clone(), assist);
        }
    }
}
