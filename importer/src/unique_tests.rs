use serde_json::json;

use crate::testing::orders;

const HEADER: &str = "order_id,customer_id,currency,placed_at,items.sku,items.quantity,\
                      items.unit_amount\n";

fn row(order: &str, sku: &str, quantity: &str, price: &str) -> String {
    format!("{order},c-1,USD,2026-01-01,{sku},{quantity},{price}\n")
}

#[test]
fn later_rows_of_a_refused_order_are_not_sent_as_an_order() {
    let rows = [
        row("O1", "a", "one", "5.00"),
        row("O2", "a", "1", "5.00"),
        row("O1", "b", "1", "7.00"),
    ];
    let read = orders(&(HEADER.to_owned() + &rows.concat()), json!({}));
    assert_eq!(read.objects.len(), 1, "{read:?}");
    assert_eq!(read.objects[0]["order_id"], "O2");
    assert_eq!(
        read.reasons[1],
        "4: the order that begins on line 2 of the file has the same order_id and is not sent; \
         rows of one order must follow each other"
    );
}

#[test]
fn later_rows_of_an_order_that_is_left_out_are_not_sent_as_an_order() {
    let header = HEADER.replace("customer_id", "customer_id,status");
    let rows = "O1,c-1,failed,USD,2026-01-01,a,1,5.00\nO2,c-1,,USD,2026-01-01,a,1,5.00\n\
                O1,c-1,,USD,2026-01-01,b,1,7.00\n";
    let read = orders(&(header + rows), json!({"status": {"failed": "skip"}}));
    assert_eq!(read.objects.len(), 1, "{read:?}");
    assert_eq!(
        (read.preview.counts.skipped, read.preview.counts.refused),
        (1, 1)
    );
}

#[test]
fn an_order_with_a_row_that_cannot_be_read_is_refused_whole() {
    let good = row("O0", "a", "1", "1.00");
    let rows = [
        good.clone(),
        row("O1", "a", "1", "5.00"),
        "O1,c-1,USD,2026-01-01\n".into(),
        row("O1", "b", "1", "7.00"),
        row("O2", "a", "1", "2.00"),
    ];
    let read = orders(&(HEADER.to_owned() + &rows.concat()), json!({}));
    let sent: Vec<_> = read
        .objects
        .iter()
        .map(|order| &order["order_id"])
        .collect();
    assert_eq!(sent, ["O0", "O2"]);
    assert_eq!(read.preview.counts.refused, 3);
    assert_eq!(
        read.reasons,
        [
            "3: line 4, which may be a row of this order, cannot be read: the line has 4 columns, \
             the table has 7",
            "4: the line has 4 columns, the table has 7",
        ],
        "both parts of the order have one kind of reason"
    );
}

#[test]
fn rows_that_are_whole_records_do_not_depend_on_a_row_that_cannot_be_read() {
    let text = "order_id,customer_id,amount,currency,placed_at\n\
                o-1,c-1,1.00,USD,2026-01-01\nbroken\no-2,c-1,x,USD,2026-01-01\n\
                o-3,c-1,1.00,USD,2026-01-01\no-2,c-1,2.00,USD,2026-01-01\n";
    let read = orders(text, json!({}));
    assert_eq!(read.objects.len(), 3, "{read:?}");
}
