//! The communication log, as JSON pages and as CSV.

use domain::Suppression;
use reqwest::{Method, header};
use serde_json::json;

use super::{CampaignDriver, PATH, create, named, with};
use crate::support::app::App;
use crate::support::client::{Answer, send};
use crate::support::shop::rendered_content;

const NAMES: [&str; 5] = ["Ada", "Bob, \"the\" one", "Cy", "Di", "=1+1"];

/// Starts a campaign whose messages are suppressed, sent, failed, undeliverable, and queued.
async fn start_with_messages() -> (App, String) {
    let mut app = App::without_workers().await;
    let (driver, id) = CampaignDriver::start(&app, &NAMES).await;
    driver
        .suppress("c-0", Suppression::FrequencyCap { most: 3 })
        .await;
    driver.record_sent("c-1").await;
    driver.record_sent("c-2").await;
    driver.record_receipt("c-2", false).await;
    driver.give_up("c-3").await;
    app.add_worker();
    app.client.wait_until_caught_up().await;
    (app, id)
}

async fn export_csv(app: &App, path: &str) -> Answer {
    let request = app.client.request(Method::GET, path);
    send(request.header(header::ACCEPT, "text/csv")).await
}

#[tokio::test]
async fn every_recipient_has_a_row() {
    let (app, id) = start_with_messages().await;
    let path = format!("{PATH}/{id}/logs");
    let rows = app.client.list(&path, 50).await;
    let seen: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["customer_id"].as_str().unwrap(),
                row["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("c-0", "suppressed"),
            ("c-1", "sent"),
            ("c-2", "failed"),
            ("c-3", "undeliverable"),
            ("c-4", "queued"),
        ]
    );
    let digits = id.trim_start_matches("cmp_");
    assert_eq!(rows[1]["message_id"], format!("msg_{digits}_c-1"));
    assert_eq!(rows[1]["text"], format!("Hi {}!", NAMES[1]));
    assert_eq!(
        (&rows[1]["to"], &rows[1]["channel"]),
        (&json!("c-1@example.com"), &json!("email"))
    );
    let cap = json!({"reason": "frequency_cap", "detail": "at most 3 within a week"});
    assert_eq!(rows[0]["suppression"], cap);
    assert_eq!(rows[2]["reason"], "mailbox_full");
    assert_eq!(rows[2]["vendor_message_id"], "vm_c-2");
    assert_eq!(rows[2]["ended_at"], "2026-01-01T00:07:00.000Z");
    assert_eq!(rows[3]["problem"], "answered 500");
    for limit in [1, 2, 4] {
        assert_eq!(app.client.list(&path, limit).await, rows, "limit {limit}");
    }
}

#[tokio::test]
async fn rows_can_be_filtered_by_status() {
    let (app, id) = start_with_messages().await;
    let path = format!("{PATH}/{id}/logs");
    for (status, customer) in [("queued", "c-4"), ("failed", "c-2")] {
        let rows = app.client.list(&format!("{path}?status={status}"), 1).await;
        assert_eq!(rows.len(), 1, "{status}");
        assert_eq!(rows[0]["customer_id"], customer);
    }
    let none = app
        .client
        .list(&format!("{path}?status=delivered"), 1)
        .await;
    assert!(none.is_empty());
    for query in ["status=lost", "colour=red", "cursor=00"] {
        let refused = app.client.get(&format!("{path}?{query}")).await;
        refused.assert_problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn a_csv_export_has_all_rows_and_quotes_cells() {
    let (app, id) = start_with_messages().await;
    let path = format!("{PATH}/{id}/logs");
    let answer = export_csv(&app, &path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("content-type").starts_with("text/csv"));
    assert_eq!(
        answer
            .header("vary")
            .to_ascii_lowercase()
            .matches("accept")
            .count(),
        1
    );
    let file = format!("attachment; filename=\"{id}.csv\"");
    assert_eq!(answer.header("content-disposition"), file);
    let lines: Vec<&str> = answer.text.lines().collect();
    assert_eq!(lines.len(), 1 + NAMES.len(), "{}", answer.text);
    let head = "customer_id,message_id,status,channel,to,text,attempts,problem,suppression,";
    assert!(lines[0].starts_with(head), "{}", lines[0]);
    let marks = ",bounce,complained_at,deferred_at,opened_at,clicked_at,clicked_url,";
    assert!(lines[0].contains(marks), "{}", lines[0]);
    let quoted = "c-1@example.com,\"Hi Bob, \"\"the\"\" one!\",0,";
    assert!(lines[2].contains(quoted), "{}", lines[2]);

    let queued = export_csv(&app, &format!("{path}?status=queued")).await;
    assert_eq!(queued.text.lines().count(), 2);
    let refused = export_csv(&app, &format!("{path}?limit=1")).await;
    refused.assert_problem(400, "invalid-parameter");
    export_csv(&app, &format!("{PATH}/cmp_0/logs"))
        .await
        .assert_problem(404, "not-found");
}

/// The export has more rows than one read returns. Cells that would be formulas start with an
/// apostrophe.
#[tokio::test]
async fn a_long_csv_export_is_complete_and_escapes_formulas() {
    let mut app = App::without_workers().await;
    let body = with(
        named("Out"),
        json!({"launch": true, "message": {"template": "{{ name }}"}}),
    );
    let id = create(&app, body).await;
    let driver = CampaignDriver::new(&app, &id).await;
    driver.resolve(0, 0).await;
    let formula = json!({"name": "=HYPERLINK(\"x\")"});
    let content = rendered_content(domain::Channel::Phone, "+49 30 1234", "{{ name }}", formula);
    let message = |n: usize| {
        let id = driver.message_id(&format!("-{n:05}"));
        (id, domain::MessageCommand::Queue(content.clone()))
    };
    let messages = (0..2_500).map(message).collect();
    driver
        .commands
        .execute_on_messages(&super::worker(), messages)
        .await
        .unwrap();
    app.add_worker();
    app.client.wait_until_caught_up().await;
    let answer = export_csv(&app, &format!("{PATH}/{id}/logs")).await;
    let lines: Vec<&str> = answer.text.lines().collect();
    assert_eq!(lines.len(), 2_501);
    for (n, line) in lines[1..].iter().enumerate() {
        assert!(line.starts_with(&format!("'-{n:05},")), "{line}");
        assert!(
            line.contains(",phone,'+49 30 1234,\"'=HYPERLINK(\"\"x\"\")\",0,"),
            "{line}"
        );
    }
}

/// A spreadsheet may divide a row at semicolons, at tabs or at line breaks, and reads wide
/// forms of the characters that begin a formula like the plain ones.
#[tokio::test]
async fn no_part_of_a_csv_cell_begins_a_formula() {
    let mut app = App::without_workers().await;
    let body = with(
        named("Out"),
        json!({"launch": true, "message": {"template": "{{ name }}"}}),
    );
    let id = create(&app, body).await;
    let driver = CampaignDriver::new(&app, &id).await;
    driver.resolve(0, 0).await;
    let names = [
        ("c-1", "x;=1+1|cmd", ",x;'=1+1|cmd,"),
        ("c-2", "\u{ff1d}1+1", ",'\u{ff1d}1+1,"),
        ("c-3", "x; \"@SUM(A1)", ",\"x;' \"\"@SUM(A1)\","),
        ("c-4", " =1+1", ",' =1+1,"),
        ("c-5", "1-1; a=b", ",1-1; a=b,"),
    ];
    for (customer, name, _) in names {
        let content = rendered_content(
            domain::Channel::Phone,
            "+49 30 1234",
            "{{ name }}",
            json!({"name": name}),
        );
        let queue = domain::MessageCommand::Queue(content);
        driver.apply(customer, queue).await;
    }
    app.add_worker();
    app.client.wait_until_caught_up().await;
    let answer = export_csv(&app, &format!("{PATH}/{id}/logs")).await;
    for (customer, _, cell) in names {
        let row = answer.text.lines().find(|row| row.starts_with(customer));
        assert!(row.unwrap().contains(cell), "{row:?} has no {cell}");
    }
}

#[tokio::test]
async fn a_text_that_differs_from_its_recorded_digest_is_not_shown() {
    let app = App::start().await;
    let (driver, id) = CampaignDriver::start(&app, &["Ada"]).await;
    let sound = rendered_content(
        domain::Channel::Email,
        "a@example.com",
        "Hi {{ name }}!",
        json!({"name": "Bo"}),
    );
    let content = domain::PersonalContent {
        digest: domain::TextDigest::of("Hi Eve!"),
        ..sound.content
    };
    let forged = domain::MessageContent { content, ..sound };
    driver
        .apply("c-9", domain::MessageCommand::Queue(forged))
        .await;
    app.client.wait_until_caught_up().await;
    let problem = "the text is not the one that was recorded when the message was queued";
    let rows = app.client.list(&format!("{PATH}/{id}/logs"), 50).await;
    assert_eq!(
        (&rows[0]["text"], &rows[0]["text_problem"]),
        (&json!("Hi Ada!"), &json!(null))
    );
    assert_eq!(
        (&rows[1]["text"], &rows[1]["text_problem"]),
        (&json!(null), &json!(problem))
    );
    let recipient = app
        .client
        .read(&format!("{PATH}/{id}/recipients/c-9"))
        .await;
    let queued = &recipient["message"]["events"][0];
    assert_eq!(queued["data"]["text_problem"], problem);
    let recipient = app
        .client
        .read(&format!("{PATH}/{id}/recipients/c-0"))
        .await;
    let queued = &recipient["message"]["events"][0];
    assert_eq!(queued["data"]["text"], "Hi Ada!");
    let csv = export_csv(&app, &format!("{PATH}/{id}/logs")).await;
    assert!(csv.text.contains(problem), "{}", csv.text);
}
