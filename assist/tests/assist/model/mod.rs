//! Tests of the language model's client against a fake server.

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

/// API key that the client sends to the fake server.
pub(crate) const KEY: &str = "sk-never-to-be-seen";

/// Fake server that gives prepared responses in order, and repeats the last one.
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

    /// Starts a server that answers with these texts, as a model would.
    pub(crate) async fn saying<T: ToString>(texts: &[T]) -> Self {
        Self::answering(texts.iter().map(|text| said(&text.to_string())).collect()).await
    }

    /// Returns the bodies of all requests received.
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

/// Returns a client of a model at this URL.
pub(crate) fn model(base_url: &str) -> Model {
    Model::new(&ModelConfig {
        base_url: base_url.to_owned(),
        api_key: ApiKey::from(KEY.to_owned()),
        model: "test-model".to_owned(),
    })
    .unwrap()
}

/// Returns a response with this text.
pub(crate) fn said(text: &str) -> ResponseTemplate {
    completed(json!({"role": "assistant", "content": text}), "stop")
}

/// Returns a response with this message, for 1,000 input and 100 output tokens.
pub(crate) fn completed(message: Json, finish_reason: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "test-model",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100},
    }))
}

/// Returns rules of one group, as a model writes them.
pub(crate) fn group_of(conditions: Json) -> Json {
    json!({
        "understood": true, "not_understood": [], "combinator": "and",
        "groups": [{"combinator": "and", "not": false, "conditions": conditions}],
    })
}

/// Returns `city = "Pune"`, as a model writes it.
pub(crate) fn pune() -> Json {
    group_of(json!([{"field": "city", "operator": "=", "values": ["Pune"]}]))
}
