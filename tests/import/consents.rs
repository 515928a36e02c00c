//! Consent in files: what lifts an opt-out, and what does not get lost.

use super::{assert_succeeds, customer, export, file, import};
use crate::support::app::App;
use crate::support::process::run;

#[tokio::test]
async fn a_file_lifts_an_opt_out_only_with_the_time_of_a_later_consent() {
    let app = App::start().await;
    let left = "customer_id,unsubscribed,consent_at\n\
                c-1,yes,2025-02-02T10:00:00Z\nc-2,yes,2025-02-02T10:00:00Z\n";
    let left = file("consents", "left.csv", left);
    assert_succeeds(&run(import(&app, "customers", &left, &[])), "2 created");
    let back = "customer_id,unsubscribed,consent_at\nc-1,no,2025-02-03T10:00:00Z\nc-2,no,\n";
    let back = file("consents", "back.csv", back);
    let ended = run(import(&app, "customers", &back, &[]));
    assert_succeeds(&ended, "0 created, 1 updated, 1 unchanged, 0 refused");
    assert_succeeds(&ended, "1 customer stays unsubscribed");
    app.client.wait_until_caught_up().await;
    assert_eq!(customer(&app, "c-1").await["unsubscribed"], false);
    assert_eq!(customer(&app, "c-2").await["unsubscribed"], true);
}

#[tokio::test]
async fn who_left_a_mailchimp_audience_stays_so_although_they_changed_later() {
    let app = App::start().await;
    let fresh = "customer_id,city,Changed\nnia.moss@example.com,Bergen,2026-02-01T00:00:00Z\n";
    let fresh = file("left_earlier", "fresh.csv", fresh);
    let map = [
        "--map",
        "customer_id=customer_id",
        "--map",
        "city=city",
        "--map",
        "updated_at=Changed",
    ];
    assert_succeeds(&run(import(&app, "customers", &fresh, &map)), "1 created");
    let left = export("left_earlier", "mailchimp_unsubscribed.csv");
    let preset = ["--preset", "mailchimp-audience"];
    let ended = run(import(&app, "customers", &left, &preset));
    assert_succeeds(&ended, "1 created, 1 updated");
    app.client.wait_until_caught_up().await;
    let nia = customer(&app, "nia.moss@example.com").await;
    assert_eq!(nia["unsubscribed"], true);
    assert_eq!(nia["city"], "Bergen");
    let path = "/api/customers/nia.moss%40example.com/consents";
    let consents = app.client.list(path, 10).await;
    assert_eq!(consents.len(), 1, "{consents:?}");
    assert_eq!(consents[0]["at"], "2026-01-02T08:00:00.000Z");
}
