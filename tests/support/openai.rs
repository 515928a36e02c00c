//! A server that speaks OpenAI's API, and says what a test has it say.

use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const KEY: &str = "sk-test-0123456789abcdef";

pub(crate) struct OpenAi {
    server: MockServer,
}

impl OpenAi {
    /// Answers nothing yet but 404.
    pub(crate) async fn start() -> Self {
        Self {
            server: MockServer::start().await,
        }
    }

    /// What an API is told that is to ask it, for two seconds at most.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let limit = "2s";
        [
            ("OPENAI_API_KEY", KEY),
            ("OPENAI_BASE_URL", &format!("{}/v1", self.server.uri())),
            ("OPENAI_MODEL", "test-model"),
            ("PATRON_AI_TIMEOUT", limit),
            ("PATRON_AI_PER_MINUTE", "0"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into()
    }

    /// From now on it answers with these, one after the other, and from then
    /// on with the last.
    pub(crate) async fn answers(&self, answers: Vec<ResponseTemplate>) {
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

    /// As [`answers`](Self::answers), with these as what the model says.
    pub(crate) async fn says(&self, said: &[Value]) {
        let answers = said.iter().map(|said| completion(&said.to_string()));
        self.answers(answers.collect()).await;
    }

    /// From now on it takes a minute.
    pub(crate) async fn hangs(&self) {
        let slow = completion("{}").set_delay(Duration::from_secs(60));
        self.answers(vec![slow]).await;
    }

    /// What it was asked since it was last told what to say.
    pub(crate) async fn asked(&self) -> Vec<Value> {
        let requests = self.server.received_requests().await.unwrap();
        let bodies = requests.iter().map(|request| request.body_json().unwrap());
        bodies.collect()
    }
}

/// An answer whose text is this.
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
