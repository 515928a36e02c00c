//! The OpenAPI document, held against the server by schemathesis with all its checks: what the
//! document allows is taken, what it does not allow is refused, and every answer is as it says.
//!
//! The test prints its seed; with another in `PATRON_TEST_SEED` it asks other things.
//! `tests/schemathesis.toml` says what goes without saying in the document.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::app::{App, VENDOR_SECRET};
use crate::support::by_hand::append_by_hand;
use crate::support::engines::{test_dir, workspace};
use crate::support::process::run;
use crate::support::schemathesis::schemathesis;

/// How many cases of each kind an operation gets beyond those at the bounds of its schema.
const EXAMPLES: &str = "10";

/// What is there before anybody asks, for operations to be about.
struct There {
    customers: Vec<String>,
    /// May be changed and archived.
    segments: Vec<String>,
    /// Are what new campaigns may be for.
    audiences: Vec<String>,
    campaigns: Vec<String>,
    positions: Vec<String>,
    /// Of events that views cannot fold.
    quarantine: Vec<String>,
}

#[tokio::test]
async fn the_document_is_true() {
    let Some(mut schemathesis) = schemathesis() else {
        eprintln!("skipped: schemathesis is fetched with python3 and pip, which are not here");
        return;
    };
    // It asks for help more often than people do.
    let mut app = App::told(vec![("PATRON_AI_PER_MINUTE", "0".to_owned())]).await;
    app.add_worker();
    let there = There::make(&app).await;
    let dir = test_dir("schemathesis");
    there.write_down(&dir);

    let seed = std::env::var("PATRON_TEST_SEED").unwrap_or_else(|_| "1".to_owned());
    eprintln!("PATRON_TEST_SEED={seed}");
    schemathesis
        .current_dir(&dir)
        .args(["--config-file", "schemathesis.toml", "run", "--no-color"])
        .args(["--checks", "all", "--max-examples", EXAMPLES])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--generation-database", "none", "--seed", &seed])
        .arg(format!("{}/openapi.json", app.client.base()))
        .env("PATRON_KEY", &app.settings().key)
        .env("PATRON_VENDOR_SECRET", VENDOR_SECRET)
        .env("PATRON_POSITIONS", there.positions.join(","))
        .env("PATRON_SEGMENTS", there.audiences.join(","));
    let ended = run(schemathesis);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
}

impl There {
    async fn make(app: &App) -> Self {
        let customers: Vec<_> = (0..6).map(|n| format!("c-{n}")).collect();
        let registered = customers.iter().map(|id| customer(id)).collect();
        let ordered = customers.iter().map(|id| super::order(id, "o-1", 1999));
        let mut positions = vec![
            app.client.accept("/api/data/customers", registered).await,
            app.client
                .accept("/api/data/orders", ordered.collect())
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
            let at = append_by_hand(commands.log(), &key, "order_placed.1", "{}").await;
            quarantine.push(at.to_string());
        }
        app.client.caught_up().await;
        Self {
            customers,
            segments,
            audiences,
            campaigns,
            positions,
            quarantine,
        }
    }

    /// The configuration, and what is there as its dictionaries.
    fn write_down(&self, dir: &Path) {
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

fn customer(id: &str) -> Value {
    json!({"customer_id": id, "name": "Ada Example", "email": format!("{id}@example.com")})
}

/// Has a campaign need a segment, so that nobody archives it.
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

/// Creates some; every second campaign is launched.
async fn create_all(app: &App, what: &str, positions: &mut Vec<String>) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..8 {
        let mut body = json!({"name": format!("{what} {n}"), "rules": "order_count > 0"});
        if what == "campaign" {
            body["message"] = json!({"template": "Hi {{ name }}!"});
            body["launch"] = json!(n % 2 == 0);
        }
        let created = app.client.post(&format!("/api/{what}s"), body).await;
        assert_eq!(created.status, 201, "{created:?}");
        positions.push(created.position());
        let id = &created.body[format!("{what}_id")];
        ids.push(id.as_str().unwrap().to_owned());
    }
    ids
}
