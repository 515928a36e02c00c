//! `/api/imports`: files that are uploaded, previewed, run and followed.

mod crashes;
mod files;
mod layouts;
mod lists;
mod previews;
mod processes;
mod repeated;
mod runs;
mod starts;

use std::time::Duration;

use domain::Role;
use reqwest::{Method, header};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::app::App;
use crate::support::client::{Answer, Client, send};
use crate::support::wait::{eventually, eventually_within};

/// A deployment whose API takes files.
struct ImportApp {
    app: App,
    /// Directory of the files.
    folder: TempDir,
}

impl ImportApp {
    /// Starts the API and one worker.
    async fn start() -> Self {
        Self::with_environment(Vec::new()).await
    }

    async fn with_environment(environment: Vec<(&'static str, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        let own = ("PATRON_IMPORT_DIR", path);
        let environment = environment.into_iter().chain([own]).collect();
        let mut app = App::with_environment(environment).await;
        app.add_worker();
        wait_for_files(&app.client).await;
        Self { app, folder }
    }

    fn client(&self) -> &Client {
        &self.app.client
    }

    /// Returns the number of files below the directory, apart from the lock.
    fn files(&self) -> usize {
        let mut open = vec![self.folder.path().to_owned()];
        let mut files = 0;
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                match entry.file_type().unwrap().is_dir() {
                    true => open.push(entry.path()),
                    false if entry.file_name() != "lock" => files += 1,
                    false => {}
                }
            }
        }
        files
    }

    async fn viewer(&self) -> Client {
        self.client_of(Role::Viewer).await
    }

    async fn client_of(&self, role: Role) -> Client {
        let key = self.app.create_key(role, None).await;
        self.client().with_key(Some(key.reveal()))
    }
}

/// Waits until the API has taken over its directory. It answers other requests before.
async fn wait_for_files(client: &Client) {
    eventually("the API takes files", async || {
        let answer = client.post_text("/api/imports", "text/plain", "").await;
        (answer.status == 415).then_some(())
    })
    .await;
}

/// Uploads a file.
async fn upload(client: &Client, name: &str, content: impl Into<Vec<u8>>) -> Answer {
    send(upload_request(client, name, content)).await
}

fn upload_request(
    client: &Client,
    name: &str,
    content: impl Into<Vec<u8>>,
) -> reqwest::RequestBuilder {
    let head = format!(
        "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         content-type: text/csv\r\n\r\n"
    );
    let body = [head.as_bytes(), &content.into(), b"\r\n--b--\r\n"].concat();
    let request = client.request(Method::POST, "/api/imports");
    let request = request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
    request.body(body)
}

/// Uploads a file that must be taken; returns the path of the import.
async fn uploaded(client: &Client, name: &str, content: impl Into<Vec<u8>>) -> String {
    let answer = upload(client, name, content).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.header("location").to_owned()
}

/// Returns a table of orders `o-FROM` … of 10 customers, each of one dollar.
fn orders(range: std::ops::Range<usize>) -> String {
    let rows = range.map(|number| format!("o-{number},c-{},1.00,2026-03-01\n", number % 10));
    "order_id,customer_id,amount,placed_at\n".to_owned() + &rows.collect::<String>()
}

/// Returns the body of a run of a table of [`orders`].
fn orders_plan() -> Value {
    json!({"kind": "orders", "options": {
        "map": {
            "order_id": "order_id", "customer_id": "customer_id", "amount": "amount",
            "placed_at": "placed_at"
        },
        "set": {"currency": "USD"}
    }})
}

/// Starts a run that must start.
async fn run(client: &Client, path: &str, plan: Value) {
    let answer = client.post(&format!("{path}/run"), plan).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.body["status"], "running");
}

/// Returns the data of all events of this type, the newest first.
async fn events(client: &Client, tag: &str) -> Vec<Value> {
    client.wait_until_caught_up().await;
    let mut events = Vec::new();
    for row in client.list(&format!("/api/audit?type={tag}"), 10).await {
        let position = row["position"].as_str().unwrap();
        let entry = client.read(&format!("/api/audit/{position}")).await;
        events.push(entry["data"].clone());
    }
    events
}

/// Returns an import, once the view has it.
async fn shown(client: &Client, path: &str) -> Value {
    eventually(&format!("the view has {path}"), async || {
        let answer = client.get(path).await;
        (answer.status == 200).then_some(answer.body)
    })
    .await
}

/// Waits until an import has this status; returns it.
async fn wait_for(client: &Client, path: &str, status: &str) -> Value {
    // Tens of thousands of rows take a while on a busy machine.
    let patience = Duration::from_secs(180);
    eventually_within(patience, &format!("{path} is {status}"), async || {
        let import = shown(client, path).await;
        (import["status"] == status).then_some(import)
    })
    .await
}

/// Runs an import to its end; returns it.
async fn complete(client: &Client, path: &str, plan: Value) -> Value {
    run(client, path, plan).await;
    wait_for(client, path, "finished").await
}

/// Returns the counts of an import: read, created, updated, unchanged, refused.
fn counts(import: &Value) -> [u64; 5] {
    ["read", "created", "updated", "unchanged", "refused"]
        .map(|name| import["progress"][name].as_u64().unwrap())
}
