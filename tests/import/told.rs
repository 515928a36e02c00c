//! What is said about columns and options before anything is sent.

use super::*;

#[tokio::test]
async fn orders_that_were_paid_back_in_part_are_refused_without_that_part() {
    let app = App::without_workers().await;
    let whole = export("refund_column", "shopify_orders.csv");
    let text = fs::read_to_string(&whole).unwrap();
    let text = text.replace("Refunded Amount", "Comment");
    let lacking = file("refund_column", "lacking.csv", text);
    let preset = ["--preset", "shopify-orders"];
    let (objects, ended) = dry_run(&app, "orders", &lacking, &preset);
    assert!(objects.iter().all(|order| order["order_id"] != "#2102"));
    assert!(
        ended
            .err
            .contains("left out: refunded_amount (Refunded Amount)"),
        "{}",
        ended.err
    );
    assert!(
        ended.err.contains("--map refunded_amount=COLUMN"),
        "{}",
        ended.err
    );
    let told = [&preset[..], &["--map", "refunded_amount=Comment"]].concat();
    let (objects, _) = dry_run(&app, "orders", &lacking, &told);
    let order = objects.iter().find(|order| order["order_id"] == "#2102");
    assert_eq!(order.unwrap()["refunded_amount"], 1500);
}

#[tokio::test]
async fn a_list_in_another_language_is_imported_with_its_words() {
    let app = App::start().await;
    let list = file(
        "words",
        "kunden.csv",
        "customer_id,unsubscribed,phone,punkte\nk-1,ja,n/a,5\nk-2,nein,,7\n",
    );
    let refused = run(import(&app, "customers", &list, &[]));
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(refused.out.contains("--yes-word"), "{}", refused.out);
    let words = ["--yes-word", "ja", "--no-word", "nein", "--empty", "n/a"];
    let ended = run(import(&app, "customers", &list, &words));
    assert_succeeds(&ended, "2 created");
    assert!(
        ended.out.contains("columns not used: punkte"),
        "{}",
        ended.out
    );
    app.client.wait_until_caught_up().await;
    assert_eq!(customer(&app, "k-1").await["unsubscribed"], true);
    assert_eq!(customer(&app, "k-2").await["unsubscribed"], false);
}
