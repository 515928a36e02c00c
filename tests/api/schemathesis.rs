//! Schemathesis checks the server against its OpenAPI document, with all checks: the server accepts
//! what the document allows, refuses everything else, and responds as documented.
//!
//! The test prints its seed; another seed in `PATRON_TEST_SEED` generates other requests.
//! `tests/schemathesis.toml` has what a schema cannot express.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::app::{App, VENDOR_SECRET};
use crate::support::engines::{test_dir, workspace};
use crate::support::pip;
use crate::support::process::run;
use crate::support::raw_events::append_raw_event;

/// Directory of this version among the fetched programs.
const PROGRAM_DIR: &str = "schemathesis-4.32.5";

/// File with the versions of schemathesis and its dependencies.
const REQUIREMENTS: &str = "tests/schemathesis.txt";

/// Number of generated cases of each kind per operation, besides those at the bounds of its schema.
const EXAMPLES: &str = "10";

/// Data recorded before the run, for the operations to act on.
struct Fixtures {
    customers: Vec<String>,
    /// Segments that requests may change and archive.
    segments: Vec<String>,
    /// Segments for new campaigns; each is held, so that no request can archive it.
    audiences: Vec<String>,
    campaigns: Vec<String>,
    positions: Vec<String>,
    /// Positions of events that views cannot fold.
    quarantine: Vec<String>,
}

/// Paths of what shops send and of what is recorded about customers.
const DATA: &str = "^/(v1|api/(data|customers|orders|imports|suppressions))(/|$)";

/// Paths of what marketers do.
const MARKETING: &str = "^/api/(segments|campaigns|delivery|ai)(/|$)";

#[tokio::test]
async fn data_match_the_openapi_document() {
    check("data", &["--include-path-regex", DATA]).await;
}

#[tokio::test]
async fn campaigns_and_their_audiences_match_the_openapi_document() {
    check("marketing", &["--include-path-regex", MARKETING]).await;
}

#[tokio::test]
async fn everything_else_matches_the_openapi_document() {
    let others = format!("{DATA}|{MARKETING}");
    check("others", &["--exclude-path-regex", &others]).await;
}

/// Runs schemathesis with the operations that these options select.
async fn check(name: &str, selection: &[&str]) {
    let Some(mut schemathesis) = schemathesis() else {
        eprintln!("skipped: python3 and pip, which fetch schemathesis, are not installed");
        return;
    };
    // The run calls the assistance endpoints more often than the default limit permits.
    let mut app = App::with_environment(vec![("PATRON_AI_PER_MINUTE", "0".to_owned())]).await;
    app.add_worker();
    let fixtures = Fixtures::record(&app).await;
    let dir = test_dir("schemathesis").join(name);
    fixtures.write(&dir);

    let seed = std::env::var("PATRON_TEST_SEED").unwrap_or_else(|_| "1".to_owned());
    eprintln!("PATRON_TEST_SEED={seed}");
    schemathesis
        .current_dir(&dir)
        .args(["--config-file", "schemathesis.toml", "run", "--no-color"])
        .args(["--checks", "all", "--max-examples", EXAMPLES])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--generation-database", "none", "--seed", &seed])
        .args(selection)
        .arg(format!("{}/openapi.json", app.client.base()))
        .env("PATRON_KEY", &app.settings().key)
        .env("PATRON_VENDOR_SECRET", VENDOR_SECRET)
        .env("PATRON_POSITIONS", fixtures.positions.join(","))
        .env("PATRON_SEGMENTS", fixtures.audiences.join(","));
    let ended = run(schemathesis);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
}

impl Fixtures {
    async fn record(app: &App) -> Self {
        let customers: Vec<_> = (0..6).map(|n| format!("c-{n}")).collect();
        let customer = |id: &String| {
            let email = format!("{id}@example.com");
            json!({"customer_id": id, "name": "Ada Example", "email": email})
        };
        let registered = customers.iter().map(customer).collect();
        let ordered = customers.iter().map(|id| super::order(id, "o-1", 1999));
        let mut positions = vec![
            app.client
                .post_accepted("/api/data/customers", registered)
                .await,
            app.client
                .post_accepted("/api/data/orders", ordered.collect())
                .await,
        ];
        let mut segments = create_all(app, "segment", &mut positions).await;
        let campaigns = create_all(app, "campaign", &mut positions).await;
        let audiences = segments.split_off(segments.len() / 2);
        for segment in &audiences {
            hold(app, segment).await;
        }
        let commands = app.settings().commands().await;
        let mut quarantine = Vec::new();
        for n in 0..8 {
            let key = format!("order/c-malformed-{n}/o-1");
            let at = append_raw_event(commands.log(), &key, "order_placed.1", "{}").await;
            quarantine.push(at.to_string());
        }
        app.client.wait_until_caught_up().await;
        Self {
            customers,
            segments,
            audiences,
            campaigns,
            positions,
            quarantine,
        }
    }

    /// Writes the configuration, and the fixtures as dictionaries.
    fn write(&self, dir: &Path) {
        fs::create_dir_all(dir).unwrap();
        for name in ["schemathesis.toml", "schemathesis_hooks.py"] {
            fs::copy(workspace().join("tests").join(name), dir.join(name)).unwrap();
        }
        let single: Vec<_> = self.positions.iter().flat_map(|p| p.split(',')).collect();
        let write = |name: &str, words: &[&str]| {
            let lines: String = words.iter().map(|word| format!("\"{word}\"\n")).collect();
            fs::write(dir.join(name), lines).unwrap();
        };
        write("positions.dict", &single);
        for (name, words) in [
            ("customers.dict", &self.customers),
            ("segments.dict", &self.segments),
            ("campaigns.dict", &self.campaigns),
            ("quarantine.dict", &self.quarantine),
        ] {
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            write(name, &words);
        }
    }
}

/// Creates a scheduled campaign that holds a segment, so that it cannot be archived.
async fn hold(app: &App, segment: &str) {
    let body = json!({
        "name": "Later",
        "segment_id": segment,
        "message": {"template": "Hi {{ name }}!"},
        "scheduled_at": "2099-12-24T08:00:00Z",
    });
    let created = app.client.post("/api/campaigns", body).await;
    assert_eq!(created.status, 201, "{created:?}");
}

/// Creates eight segments or campaigns and returns their ids. Launches every second campaign.
async fn create_all(app: &App, resource: &str, positions: &mut Vec<String>) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..8 {
        let mut body = json!({"name": format!("{resource} {n}"), "rules": "order_count > 0"});
        if resource == "campaign" {
            body["message"] = json!({"template": "Hi {{ name }}!"});
            body["launch"] = json!(n % 2 == 0);
        }
        let created = app.client.post(&format!("/api/{resource}s"), body).await;
        assert_eq!(created.status, 201, "{created:?}");
        positions.push(created.position());
        let id = &created.body[format!("{resource}_id")];
        ids.push(id.as_str().unwrap().to_owned());
    }
    ids
}

/// Returns a `schemathesis` command; `None` on a machine without Python and pip.
fn schemathesis() -> Option<Command> {
    let packages = pip::install(PROGRAM_DIR, REQUIREMENTS, &[])?;
    let mut command = Command::new("python3");
    command
        .args(["-m", "schemathesis.cli"])
        .env("PYTHONPATH", packages)
        .env("NO_PROXY", "127.0.0.1");
    Some(command)
}
