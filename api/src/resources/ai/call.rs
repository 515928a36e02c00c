//! A call for assistance: asks the model, and records the outcome.

use std::time::Instant;

use assist::model::{Model, ModelError, Usage};
use commands::Context;
use domain::{Assist, AssistEngine, AssistOutcome, AssistTask, Text, Wording};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::metrics;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::state::AppState;

/// The engine that answered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AnsweredBy {
    /// `openai` for a language model, `builtin` for the built-in engine.
    #[schema(value_type = schema::AssistEngine)]
    pub(super) engine: AssistEngine,
    /// The model that was asked, even if its answer was not used.
    #[schema(example = "gpt-4o-mini")]
    pub(super) model: Option<String>,
    /// Reason why the built-in engine answered although a model is configured.
    #[schema(example = "the model did not answer within 20 s")]
    pub(super) fallback: Option<String>,
}

/// Call for assistance. [`Call::end`] records it. A call that is dropped
/// before that, because the client disconnected, is recorded as abandoned.
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

    /// Adds the request in the user's words.
    pub(super) fn with_prompt(mut self, prompt: &str) -> Self {
        self.assist.prompt = Some(Wording::cut(prompt));
        self
    }

    /// Adds the id of the segment or campaign that the call is about.
    pub(super) fn with_subject(mut self, id: &str) -> Self {
        self.assist.about = Text::cut(id);
        self
    }

    /// Adds the answer, for the audit trail.
    pub(super) fn set_answer(&mut self, answer: &str) {
        self.assist.answer = Some(Wording::cut(answer));
    }

    /// Asks the model, if one is configured, within its time limit. Returns
    /// `None` if the built-in engine has to answer. A model's error is
    /// recorded.
    pub(super) async fn ask_model<T>(
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
        tracing::warn!(%trouble, "the language model gave no usable answer");
        self.assist.trouble = Text::cut(&trouble);
        None
    }

    /// Returns the reason why the model gave no usable answer, if it was asked.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.assist.trouble.as_ref().map(Text::as_str)
    }

    /// Returns the engine that answered, as the response shows it.
    pub(super) fn answered_by(&self) -> AnsweredBy {
        AnsweredBy {
            engine: self.assist.engine,
            model: self.assist.model.clone().map(String::from),
            fallback: self.trouble().map(str::to_owned),
        }
    }

    /// Records the call, and returns its answer once the record is durable.
    ///
    /// # Errors
    /// The error of the answer itself; otherwise the one of recording it.
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
        // A separate task records the call even if the client disconnects.
        let recording =
            tokio::spawn(async move { app.commands.record_assistance(&context, assist).await });
        let recorded = match recording.await {
            Ok(recorded) => recorded.map(|_| ()).map_err(Problem::from),
            Err(_) => Err(Problem::internal()),
        };
        let answer = answer?;
        recorded.map(|()| answer)
    }

    /// Marks the call as ended and returns its record.
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
            let journal = &self.app.identity.journal;
            journal.assisted(self.context.clone(), assist);
        }
    }
}
