//! A server that speaks OpenAI's API and returns scripted answers.

use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const KEY: &str = "sk-test-0123456789abcdef";

/// A server with scripted answers.
pub(crate) struct OpenAiServer {
    server: MockServer,
}

impl OpenAiServer {
    /// Starts a server that answers 404 until it is scripted.
    pub(crate) async fn start() -> Self {
        Self {
            server: MockServer::start().await,
        }
    }

    /// Returns the environment of an API that uses this server, with a timeout of two seconds.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        [
            ("OPENAI_API_KEY", KEY),
            ("OPENAI_BASE_URL", &format!("{}/v1", self.server.uri())),
            ("OPENAI_MODEL", "test-model"),
            ("PATRON_AI_TIMEOUT", "2s"),
            ("PATRON_AI_PER_MINUTE", "0"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into()
    }

    /// Responds with these answers from now on, one per request, and then repeats the last one.
    pub(crate) async fn respond_with(&self, answers: Vec<ResponseTemplate>) {
        self.server.reset().await;
        let last = answers.len() - 1;
        for (n, answer) in answers.into_iter().enumerate() {
            let mock = Mock::given(method("POST"))
                .and(path("/v1/chat/completions"))
                .and(header("authorization", format!("Bearer {KEY}")))
                .respond_with(answer);
            match n == last {
                true => mock.mount(&self.server).await,
                false => mock.up_to_n_times(1).mount(&self.server).await,
            }
        }
    }

    /// Like [`respond_with`](Self::respond_with), with completions that have these values as their
    /// text.
    pub(crate) async fn complete_with(&self, values: &[Value]) {
        let answers = values.iter().map(|value| completion(&value.to_string()));
        self.respond_with(answers.collect()).await;
    }

    /// Delays every answer by a minute from now on.
    pub(crate) async fn delay_responses(&self) {
        let slow = completion("{}").set_delay(Duration::from_secs(60));
        self.respond_with(vec![slow]).await;
    }

    /// Returns the bodies of the requests since the last call that scripted answers.
    pub(crate) async fn request_bodies(&self) -> Vec<Value> {
        let requests = self.server.received_requests().await.unwrap();
        let bodies = requests.iter().map(|request| request.body_json().unwrap());
        bodies.collect()
    }
}

/// Returns a completion with this text.
pub(crate) fn completion(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "test-model",
        "choices": [{
            "index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": text, "refusal": null},
        }],
        "usage": {"prompt_tokens": 800, "completion_tokens": 60, "total_tokens": 860},
    }))
}
