//! Command line of the program: output, error messages and exit statuses.

use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

use crate::support::app::{App, Settings};
use crate::support::deployment::delete_commit;
use crate::support::engines::engines;
use crate::support::process::{CommandOutput, Process, patron, run};
use crate::support::redis_server::RedisServer;
use crate::support::shop::ADDRESS_KEY;
use crate::support::wait::{eventually, until};

fn fresh() -> Settings {
    let engines = engines();
    Settings::fresh(&engines.redis_url, &engines.mongodb_uri)
}

/// Asserts that a command failed with this error message, and not with a panic or a debug dump.
fn assert_refuses(ended: &CommandOutput, message: &str) {
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.out, ended.err);
    assert!(ended.err.contains("patron: "), "{}", ended.err);
    assert!(ended.err.contains(message), "{}", ended.err);
    for crash in ["panicked", "backtrace", "Error {"] {
        assert!(!ended.err.contains(crash), "{}", ended.err);
    }
}

#[test]
fn help_lists_commands_and_variables() {
    let help = run(patron(["--help"]));
    assert_eq!(help.code, Some(0));
    for command in [
        "up", "serve", "work", "import", "rebuild", "status", "verify",
    ] {
        assert!(
            help.out.contains(&format!("  {command} ")),
            "{command}: {}",
            help.out
        );
        let manual = run(patron([command, "--help"]));
        assert_eq!(manual.code, Some(0), "{command}");
    }
    let serve = run(patron(["serve", "--help"])).out;
    for variable in [
        "REDIS_URL",
        "MONGODB_URI",
        "PATRON_LISTEN",
        "PATRON_BOOTSTRAP_KEY",
        "PATRON_NAMESPACE",
        "PATRON_DATABASE",
        "PATRON_PARTITIONS",
        "PATRON_CURRENCY",
        "PATRON_TIME_ZONE",
        "PATRON_COUNTRY",
        "PATRON_EMAIL_DOMAINS",
    ] {
        assert!(serve.contains(variable), "{variable}");
    }
    assert!(run(patron(["--version"])).out.starts_with("patron "));
    assert_eq!(run(patron(["dance"])).code, Some(64));
    assert_eq!(run(patron([])).code, Some(64));
}

#[test]
fn serve_and_work_require_reachable_engines() {
    for command in ["serve", "work"] {
        let unset = run(patron([command]));
        assert_eq!(unset.code, Some(64));
        assert!(unset.err.contains("--redis-url") && unset.err.contains("--mongodb-uri"));
        let mut unreachable = patron([command]);
        unreachable.env("REDIS_URL", "redis://127.0.0.1:1");
        unreachable.env("MONGODB_URI", "mongodb://127.0.0.1:1");
        assert_refuses(&run(unreachable), "PATRON_ADDRESS_KEY is not set");
        let mut unreachable = patron([command]);
        unreachable.env("REDIS_URL", "redis://127.0.0.1:1");
        unreachable.env("MONGODB_URI", "mongodb://127.0.0.1:1");
        unreachable.env("PATRON_ADDRESS_KEY", ADDRESS_KEY);
        assert_refuses(&run(unreachable), "Redis is not available");
        let mut invalid = patron([command]);
        invalid
            .env("REDIS_URL", "http://x")
            .env("MONGODB_URI", "mongodb://127.0.0.1:1")
            .env("PATRON_ADDRESS_KEY", ADDRESS_KEY);
        assert_refuses(&run(invalid), "REDIS_URL");
        let mut invalid = fresh().patron([command]);
        invalid.env("MONGODB_URI", "http://x");
        assert_refuses(&run(invalid), "MONGODB_URI");
    }
}

#[tokio::test]
async fn serve_refuses_a_short_key_and_a_taken_address() {
    let app = App::without_workers().await;
    let mut short = app.patron(["serve", "--listen", "127.0.0.1:0"]);
    short.env("PATRON_BOOTSTRAP_KEY", "short");
    assert_refuses(&run(short), "at least 16 characters");
    let taken = app.client.base().trim_start_matches("http://");
    let second = app.patron(["serve", "--listen", taken]);
    assert_refuses(&run(second), &format!("cannot listen on {taken}"));
    let mut nowhere = app.patron(["serve"]);
    nowhere.args(["--listen", "nowhere"]);
    assert_eq!(run(nowhere).code, Some(64));
}

#[tokio::test]
async fn settings_of_the_first_start_cannot_be_changed() {
    let app = App::without_workers().await;
    for command in ["serve", "work", "status", "verify"] {
        let mut other = app.patron([command]);
        other.env("PATRON_PARTITIONS", "5");
        assert_refuses(&run(other), "cannot be changed to 5");
        let mut other = app.patron([command]);
        other.env("PATRON_CURRENCY", "EUR");
        assert_refuses(&run(other), "cannot be changed to EUR");
        let mut other = app.patron([command]);
        other.env("PATRON_CURRENCY", "XYZ");
        assert_eq!(run(other).code, Some(64));
        let mut other = app.patron([command]);
        other.env("PATRON_TIME_ZONE", "Europe/Berlin");
        assert_refuses(&run(other), "cannot be changed to Europe/Berlin");
        let mut nowhere = app.patron([command]);
        nowhere.env("PATRON_TIME_ZONE", "Europe/Atlantis");
        let nowhere = run(nowhere);
        assert_eq!(nowhere.code, Some(64));
        assert!(
            nowhere.err.contains("not an IANA time zone"),
            "{}",
            nowhere.err
        );
    }
}

#[tokio::test]
async fn a_redis_that_can_lose_data_is_refused_unless_allowed() {
    let redis = RedisServer::start("cli_forgetful", "appendonly no\n").await;
    let settings = Settings::fresh(&redis.url(), &engines().mongodb_uri);
    let refused = run(settings.patron(["serve", "--listen", "127.0.0.1:0"]));
    assert_refuses(&refused, "this Redis can lose acknowledged events");
    assert!(refused.err.contains("appendonly"), "{}", refused.err);

    let allowed = ["serve", "--listen", "127.0.0.1:0", "--allow-data-loss"];
    let serving = Process::start(settings.patron(allowed));
    serving.wait_for_line("listening on ");
    let status = run(settings.patron(["status", "--allow-data-loss"]));
    assert!(
        status.out.contains("CAN LOSE EVENTS: appendonly"),
        "{}",
        status.out
    );
}

async fn shop() -> App {
    let app = App::start().await;
    let orders: Value = (0..40)
        .map(|n| {
            json!({"order_id": format!("o-{n}"), "customer_id": format!("c-{}", n % 8),
                "amount": 100, "currency": "USD", "placed_at": "2026-01-01T00:00:00Z"})
        })
        .collect();
    app.client.post_accepted("/api/data/orders", orders).await;
    app.client.wait_until_caught_up().await;
    app
}

async fn views(app: &App) -> mongodb::Database {
    let settings = app.settings();
    let client = mongodb::Client::with_uri_str(&settings.mongodb_uri).await;
    client.unwrap().database(&settings.name)
}

#[tokio::test]
async fn status_shows_the_log_and_every_view() {
    let app = shop().await;
    let status = run(app.patron(["status"]));
    assert_eq!(status.code, Some(0), "{}", status.err);
    assert!(
        status.out.contains("40 events in 4 partitions"),
        "{}",
        status.out
    );
    assert!(status.out.contains("currency USD"), "{}", status.out);
    for view in [
        "customers",
        "orders",
        "audit",
        "segments",
        "campaigns",
        "messages",
        "campaign_stats",
        "daily_figures",
    ] {
        let line = status
            .out
            .lines()
            .find(|line| line.starts_with(view))
            .unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words, [view, "1", "40", "0", "0", "live"]);
    }
}

#[tokio::test]
async fn an_outdated_view_is_reported_until_it_is_rebuilt() {
    let mut app = shop().await;
    let pointers = views(&app).await.collection::<Document>("generations");
    let older = doc! {"$set": {"folds": {"1": 1}}};
    let set = pointers.update_one(doc! {"_id": "customers"}, older).await;
    assert_eq!(set.unwrap().modified_count, 1);

    let reason = "customers was folded by an older program: run `patron rebuild customers`";
    let readiness = eventually("/readyz is degraded", async || {
        let readiness = app.client.wait_for_readiness(200).await;
        (readiness["status"] == "degraded").then_some(readiness)
    })
    .await;
    assert_eq!(
        readiness["checks"][4],
        json!({"name": "views", "ok": false, "reason": reason})
    );
    let listed = app.client.read("/api/admin/projections").await;
    assert_eq!(listed["items"][0]["fold"], 1);
    assert_eq!(listed["items"][0]["outdated"], true);
    assert_eq!(listed["items"][1]["outdated"], false);
    let status = || run(app.patron(["status"])).out;
    let outdated = "OUTDATED: run `patron rebuild customers`";
    assert!(status().contains(outdated), "{}", status());
    let json = run(app.patron(["status", "--json"])).out;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["views"][0]["outdated"], true);
    assert_eq!(json["views"][0]["skipped"], 0);

    assert_eq!(run(app.patron(["rebuild", "customers"])).code, Some(0));
    app.client.wait_until_ready().await;
    assert!(!status().contains("OUTDATED"), "{}", status());
    let back = run(app.patron(["rebuild", "customers", "--rollback"]));
    assert_eq!(back.code, Some(0), "{}", back.err);
    until("/readyz is degraded again", async || {
        app.client.wait_for_readiness(200).await["status"] == "degraded"
    })
    .await;

    app.add_worker();
    let worker = app.workers.last().unwrap();
    until("the worker logs a warning", async || {
        worker.stderr().contains(reason)
    })
    .await;
}

#[tokio::test]
async fn segment_prints_the_preview_of_the_api() {
    let app = shop().await;
    let rules = json!({"id": "root", "combinator": "and", "rules": [
        {"id": "r1", "field": "order_count", "operator": ">=", "value": "5"},
        {"field": "total_spend", "operator": ">", "value": 100},
    ]})
    .to_string();
    let segment = |options: &[&str]| {
        let mut command = app.patron(["segment", &rules]);
        command.args(options);
        let ended = run(command);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended.out
    };
    let preview: Value = serde_json::from_str(&segment(&["--json"])).unwrap();
    let text = "order_count >= 5 AND total_spend > 100";
    assert_eq!(preview["text"], text);
    assert_eq!(
        preview["rules"],
        json!([
            {"pointer": "", "id": "root", "text": text, "count": 8},
            {"pointer": "/rules/0", "id": "r1", "text": "order_count >= 5", "count": 8},
            {"pointer": "/rules/1", "text": "total_spend > 100", "count": 8},
        ])
    );
    assert!(preview["as_of"].is_string());
    let past = segment(&["--json", "--as-of", "2026-01-01T02:00:00+02:00"]);
    let past: Value = serde_json::from_str(&past).unwrap();
    assert_eq!(past["as_of"], "2026-01-01T00:00:00.000Z");

    let printed = segment(&["--sample", "1"]);
    let lines: Vec<_> = printed.lines().collect();
    assert!(lines[0].starts_with("8 of 8 customers, in "), "{printed}");
    assert_eq!(lines[3], "           8    order_count >= 5");
    assert_eq!(lines.len(), 8, "{printed}");
}

#[tokio::test]
async fn verify_names_documents_that_differ_from_the_log() {
    let app = shop().await;
    let sound = run(app.patron(["verify"]));
    assert_eq!(sound.code, Some(0), "{}", sound.out);
    assert!(sound.out.contains("40 events read"), "{}", sound.out);

    let customers = views(&app).await.collection::<Document>("customers_g1");
    let change = doc! {"$set": {"total_spend": 999_i64}};
    customers
        .update_one(doc! {"_id": "c-3"}, change)
        .await
        .unwrap();
    let changed = run(app.patron(["verify"]));
    assert_eq!(changed.code, Some(1));
    assert!(changed.out.contains("c-3"), "{}", changed.out);
    assert!(changed.out.contains("1 difference\n"), "{}", changed.out);

    let orders = views(&app).await.collection::<Document>("orders_g1");
    orders.delete_one(doc! {"order_id": "o-7"}).await.unwrap();
    let missing = run(app.patron(["verify"]));
    assert_eq!(missing.code, Some(1));
    assert!(missing.out.contains("orders"), "{}", missing.out);

    for view in ["customers", "orders"] {
        assert_eq!(run(app.patron(["rebuild", view])).code, Some(0));
    }
    let repaired = run(app.patron(["verify"]));
    assert_eq!(repaired.code, Some(0), "{}", repaired.out);
}

#[tokio::test]
async fn verify_finds_a_log_that_was_tampered_with() {
    let app = shop().await;
    let page = app.client.read("/api/audit?customer_id=c-1&limit=1").await;
    let position = page["items"][0]["position"].as_str().unwrap();
    let (partition, number) = position.split_once(':').unwrap();
    let client = redis::Client::open(app.settings().redis_url.as_str()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let partition: u16 = partition.parse().unwrap();
    let stream = format!("{{{}:{partition:02}}}:log", app.settings().name);
    delete_commit(&mut redis, &stream, number.parse().unwrap()).await;
    let verified = run(app.patron(["verify"]));
    assert_eq!(verified.code, Some(1), "{}{}", verified.out, verified.err);
    let damaged = format!("  partition {partition}: ");
    assert!(verified.out.contains(&damaged), "{}", verified.out);
    // One damaged partition must not keep the others from being verified.
    assert!(verified.out.contains("api_keys: "), "{}", verified.out);
}

#[tokio::test]
async fn a_rebuild_can_be_rolled_back() {
    let app = shop().await;
    assert_eq!(run(app.patron(["rebuild", "orders"])).code, Some(0));
    let back = run(app.patron(["rebuild", "orders", "--rollback"]));
    assert_eq!(back.code, Some(0), "{}", back.err);
    assert!(
        back.out.contains("orders: rolled back to generation 1"),
        "{}",
        back.out
    );
    let order = json!({"order_id": "new", "customer_id": "c-1", "amount": 100, "currency": "USD",
        "placed_at": "2026-01-01T00:00:00Z"});
    let at = app.client.post_accepted("/api/data/orders", order).await;
    let orders = app
        .client
        .list(&format!("/api/orders?after={at}"), 500)
        .await;
    assert_eq!(orders.len(), 41);
    let unknown = run(app.patron(["rebuild", "nothing"]));
    assert_eq!(unknown.code, Some(64));
    assert!(
        unknown.err.contains("customers"),
        "the error must list the views: {}",
        unknown.err
    );
}

#[tokio::test]
async fn health_sets_the_exit_status() {
    let app = App::without_workers().await;
    let health = |path: &str| {
        let url = format!("{}{path}", app.client.base());
        run(patron(["health", "--url", &url])).code
    };
    assert_eq!(health("/healthz"), Some(0));
    assert_eq!(health("/nothing"), Some(1));
    assert_refuses(
        &run(patron(["health", "--url", "http://127.0.0.1:1/"])),
        "127.0.0.1:1",
    );
}
