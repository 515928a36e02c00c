//! Servers that fail, hang, or do not speak the API.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use assist::model::{ModelError, NoRules, Usage};
use serde_json::json;
use tokio::time::timeout;
use wiremock::ResponseTemplate;

use super::{Fake, KEY, completed, model, pune, said};
use crate::store::FACTS;

const PROMPT: &str = "customers from Pune";

fn status(code: u16) -> ResponseTemplate {
    ResponseTemplate::new(code).set_body_json(json!({"error": {"message": "key sk-x is bad"}}))
}

fn busy(retry_after: &str) -> ResponseTemplate {
    status(429).insert_header("retry-after", retry_after)
}

async fn asked(answers: Vec<ResponseTemplate>) -> (Result<String, ModelError>, Usage) {
    let (answer, usage) = Fake::answering(answers).await.asked(PROMPT, &FACTS).await;
    let rules = match answer {
        Ok(understood) => Ok(understood.rules.to_string()),
        Err(NoRules::Model(error)) => Err(error),
        Err(other) => panic!("{other}"),
    };
    (rules, usage)
}

#[tokio::test]
async fn a_rejected_key_is_not_retried() {
    for code in [401, 403] {
        let (answer, usage) = asked(vec![status(code), said(&pune().to_string())]).await;
        assert_eq!(answer, Err(ModelError::Unauthorized));
        assert_eq!((usage.calls, usage.input_tokens), (1, 0));
    }
}

#[tokio::test]
async fn a_server_that_is_briefly_busy_is_retried() {
    for first in [busy("0"), busy("1"), status(429)] {
        let (answer, usage) = asked(vec![first, said(&pune().to_string())]).await;
        assert_eq!(answer.unwrap(), "city = \"Pune\"");
        assert_eq!((usage.calls, usage.input_tokens), (2, 1_000));
    }
}

#[tokio::test]
async fn a_server_that_is_busy_for_long_fails_at_once() {
    let start = Instant::now();
    let (answer, usage) = asked(vec![busy("30"), said(&pune().to_string())]).await;
    let retry_after = Some(Duration::from_secs(30));
    assert_eq!(answer, Err(ModelError::Busy { retry_after }));
    assert_eq!(usage.calls, 1);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_failing_server_gets_three_attempts() {
    let (answer, usage) = asked(vec![status(500), status(502), said(&pune().to_string())]).await;
    assert_eq!(answer.unwrap(), "city = \"Pune\"");
    assert_eq!(usage.calls, 3);
    let start = Instant::now();
    let (answer, usage) = asked(vec![status(500)]).await;
    assert_eq!(answer, Err(ModelError::Failed(500)));
    assert_eq!(usage.calls, 3);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_rejected_request_is_not_retried() {
    for code in [400, 404, 422] {
        let (answer, usage) = asked(vec![status(code)]).await;
        assert_eq!((answer, usage.calls), (Err(ModelError::Failed(code)), 1));
    }
    let elsewhere = ResponseTemplate::new(307).insert_header("location", "/v1/chat/completions");
    let (answer, usage) = asked(vec![elsewhere]).await;
    assert_eq!((answer, usage.calls), (Err(ModelError::Failed(307)), 1));
}

#[tokio::test]
async fn an_incomplete_answer_is_not_repaired() {
    let half = pune().to_string();
    let half = &half[..half.len() / 2];
    let assistant = |content| json!({"role": "assistant", "content": content});
    let whole = pune().to_string();
    let refusal = json!({"role": "assistant", "content": null, "refusal": "I cannot help"});
    let html = "<html><title>Sign in to the network</title></html>";
    for (answer, tokens) in [
        (said(half), 1_000),
        (said("Sure! Here are your rules:"), 1_000),
        (said(&format!("{whole} and more")), 1_000),
        (said(&"{".repeat(10_000)), 1_000),
        (completed(assistant(half), "length"), 1_000),
        (completed(assistant(&whole), "length"), 1_000),
        (completed(assistant(&whole), "content_filter"), 1_000),
        (completed(refusal, "stop"), 1_000),
        (
            ResponseTemplate::new(200).set_body_json(json!({"choices": []})),
            0,
        ),
        (
            ResponseTemplate::new(200).set_body_raw(html, "text/html"),
            0,
        ),
        (ResponseTemplate::new(200), 0),
    ] {
        let (answer, usage) = asked(vec![answer]).await;
        let Err(ModelError::Malformed(_)) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!((usage.calls, usage.input_tokens), (1, tokens));
    }
}

#[tokio::test]
async fn any_content_type_is_accepted() {
    let answer = r#"{"choices":[{"message":{"content":"{}"}}]}"#;
    let answer = ResponseTemplate::new(200).set_body_raw(answer, "text/plain");
    let (answer, usage) = asked(vec![answer, said(&pune().to_string())]).await;
    assert_eq!((answer.is_ok(), usage.calls), (true, 2));
}

/// Starts a server that sends `first`, then repeats `then` forever. The receiver yields
/// the request once the connection ends.
fn raw(first: &'static str, then: &'static [u8]) -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (ended, end) = channel();
    thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = vec![0; 65_536];
        let read = connection.read(&mut request).unwrap();
        request.truncate(read);
        connection.write_all(first.as_bytes()).unwrap();
        match then {
            [] => while connection.read(&mut [0; 4_096]).is_ok_and(|read| read > 0) {},
            more => while connection.write_all(more).is_ok() {},
        }
        ended.send(request).unwrap();
    });
    (url, end)
}

async fn asked_at(url: &str) -> Result<(), NoRules> {
    let mut usage = Usage::default();
    let answer = model(url).rules(PROMPT, &FACTS, &mut usage).await;
    assert_eq!(usage.calls, 1);
    answer.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_response_is_cut_off() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
    ] {
        let (url, end) = raw(head, &[b' '; 65_536]);
        let answer = timeout(Duration::from_secs(2), asked_at(&url)).await;
        let Err(NoRules::Model(ModelError::Malformed(_))) = answer.unwrap() else {
            panic!("the answer is accepted");
        };
        end.recv_timeout(Duration::from_secs(2)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_future_ends_the_request() {
    for head in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"] {
        let (url, end) = raw(head, &[]);
        let start = Instant::now();
        let answer = timeout(Duration::from_millis(200), asked_at(&url)).await;
        assert!(answer.is_err());
        assert!(start.elapsed() < Duration::from_secs(1));
        let request = end.recv_timeout(Duration::from_secs(2)).unwrap();
        assert!(request.starts_with(b"POST /v1/chat/completions"));
    }
}

#[tokio::test]
async fn dropping_the_future_ends_the_retries() {
    let late = said(&pune().to_string()).set_delay(Duration::from_secs(5));
    for answers in [vec![late], vec![status(500)]] {
        let fake = Fake::answering(answers).await;
        let answer = timeout(Duration::from_millis(100), fake.rules(PROMPT)).await;
        assert!(answer.is_err());
        // Long enough for another attempt to arrive, if there were one.
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(fake.requests().await.len(), 1);
    }
}

#[tokio::test]
async fn an_unreachable_server_is_distinguished_from_a_failing_one() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", gone.local_addr().unwrap());
    drop(gone);
    let away = Err(NoRules::Model(ModelError::Away));
    assert_eq!(asked_at(&url).await, away);
    let (url, _end) = raw("SSH-2.0-OpenSSH_9.2\r\n", &[]);
    assert_eq!(asked_at(&url).await, away);
}

#[tokio::test]
async fn no_key_is_printed() {
    let model = model("http://127.0.0.1:9/v1");
    assert!(!format!("{model:?}").contains(KEY));
    assert_eq!(model.name(), "test-model");
    let (answer, _) = asked(vec![status(401)]).await;
    let error = answer.unwrap_err();
    assert!(!format!("{error:?} {error}").contains("sk-"));
}

/// Request handlers need futures that are `Send`.
#[test]
fn futures_of_the_client_are_send() {
    fn is_send<T: Send>(_: T) {}
    let model = model("http://127.0.0.1:9/v1");
    let mut usage = Usage::default();
    is_send(model.rules(PROMPT, &FACTS, &mut usage));
    is_send(model.messages("sell", None, None, &mut usage));
}
