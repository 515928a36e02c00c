//! Exports that are older than what is recorded.

use super::{assert_succeeds, file, import};
use crate::support::app::App;
use crate::support::process::run;

const MAP: [&str; 6] = [
    "--map",
    "customer_id=id",
    "--map",
    "city=city",
    "--map",
    "updated_at=Changed",
];

#[tokio::test]
async fn rows_of_an_older_export_are_stale_and_set_nothing_back() {
    let app = App::start().await;
    let newer = "id,city,Changed\nc-1,Rome,2025-02-02 10:00\nc-2,Oslo,2025-02-02 10:00\n";
    let older = "id,city,Changed\nc-1,Bergen,2025-02-01 10:00\nc-2,Turin,2025-02-02 10:00\n\
                 c-3,Lyon,\n";
    let zone = [&MAP[..], &["--time-zone", "Europe/Berlin"]].concat();
    let newer = file("newer", "newer.csv", newer);
    let ended = run(import(&app, "customers", &newer, &zone));
    assert_succeeds(&ended, "2 read: 2 created");
    let older = file("newer", "older.csv", older);
    let ended = run(import(&app, "customers", &older, &zone));
    let summary = "3 read: 1 created, 1 updated, 0 unchanged, 0 refused, 1 stale";
    assert_succeeds(&ended, summary);
    app.client.wait_until_caught_up().await;
    for (id, city) in [("c-1", "Rome"), ("c-2", "Turin"), ("c-3", "Lyon")] {
        let customer = app.client.read(&format!("/api/customers/{id}")).await;
        assert_eq!(customer["city"], city);
    }
}

#[tokio::test]
async fn contacts_of_hubspot_have_the_time_of_their_last_change() {
    let app = App::start().await;
    let contacts = |city: &str, changed: &str| {
        format!(
            "Record ID,First Name,Last Name,Email,City,Create Date,Last Modified Date\n\
             101,Una,Hart,una@example.com,{city},2025-01-01 09:00,{changed}\n"
        )
    };
    let zone = ["--preset", "hubspot-contacts", "--time-zone", "UTC"];
    for (name, city, changed, expected) in [
        ("new.csv", "Rome", "2025-02-02 10:00", "1 created"),
        ("old.csv", "Oslo", "2025-02-01 10:00", "1 stale"),
    ] {
        let contacts = file("hubspot_newer", name, contacts(city, changed));
        let ended = run(import(&app, "customers", &contacts, &zone));
        assert_succeeds(&ended, expected);
    }
}
