//! What becomes of a language model's answers, whatever they are.

mod leaves;
mod refusals;
mod rules;
mod server;
mod texts;

use std::sync::atomic::{AtomicUsize, Ordering};

use assist::Facts;
use assist::builtin::Understood;
use assist::model::{ApiKey, Model, ModelConfig, NoRules, Usage};
use serde_json::{Value as Json, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::store::FACTS;

/// The key that the fake is asked with.
pub(crate) const KEY: &str = "sk-never-to-be-seen";

/// A server that gives prepared answers, one after the other; the last for
/// ever.
pub(crate) struct Fake {
    server: MockServer,
    pub(crate) model: Model,
}

struct InTurn {
    answers: Vec<ResponseTemplate>,
    given: AtomicUsize,
}

impl Respond for InTurn {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let next = self.given.fetch_add(1, Ordering::SeqCst);
        self.answers[next.min(self.answers.len() - 1)].clone()
    }
}

impl Fake {
    pub(crate) async fn answering(answers: Vec<ResponseTemplate>) -> Self {
        let server = MockServer::start().await;
        let given = AtomicUsize::new(0);
        Mock::given(method("POST"))
            .and(path("/v1/chat/completions"))
            .respond_with(InTurn { answers, given })
            .mount(&server)
            .await;
        let model = model(&format!("{}/v1", server.uri()));
        Self { server, model }
    }

    /// Answers with these texts of a model.
    pub(crate) async fn saying<T: ToString>(texts: &[T]) -> Self {
        Self::answering(texts.iter().map(|text| said(&text.to_string())).collect()).await
    }

    /// The bodies that came.
    pub(crate) async fn requests(&self) -> Vec<Json> {
        let requests = self.server.received_requests().await.unwrap();
        let bodies = requests.iter().map(|request| request.body_json().unwrap());
        bodies.collect()
    }

    pub(crate) async fn rules(&self, prompt: &str) -> Result<Understood, NoRules> {
        self.asked(prompt, &FACTS).await.0
    }

    pub(crate) async fn asked(
        &self,
        prompt: &str,
        facts: &Facts,
    ) -> (Result<Understood, NoRules>, Usage) {
        let mut usage = Usage::default();
        let rules = self.model.rules(prompt, facts, &mut usage).await;
        (rules, usage)
    }
}

/// A model at this address.
pub(crate) fn model(base_url: &str) -> Model {
    Model::new(&ModelConfig {
        base_url: base_url.to_owned(),
        api_key: ApiKey::from(KEY.to_owned()),
        model: "test-model".to_owned(),
    })
    .unwrap()
}

/// An answer with this text.
pub(crate) fn said(text: &str) -> ResponseTemplate {
    completed(json!({"role": "assistant", "content": text}), "stop")
}

/// An answer of 100 tokens to 1,000.
pub(crate) fn completed(message: Json, finish_reason: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "test-model",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100},
    }))
}

/// Rules of one group as a model says them.
pub(crate) fn group_of(conditions: Json) -> Json {
    json!({
        "understood": true, "not_understood": [], "combinator": "and",
        "groups": [{"combinator": "and", "not": false, "conditions": conditions}],
    })
}

/// `city = "Pune"` as a model says it.
pub(crate) fn pune() -> Json {
    group_of(json!([{"field": "city", "operator": "=", "values": ["Pune"]}]))
}
