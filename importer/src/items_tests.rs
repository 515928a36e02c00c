use serde_json::json;

use super::*;
use crate::options::DecimalSign;
use crate::testing::{error, orders};

const SUMMED: &str = "order_id,customer_id,currency,placed_at,items.sku,items.quantity,\
                      items.unit_amount\n";

fn summed(rows: &str) -> crate::testing::Read {
    orders(&(SUMMED.to_owned() + rows), json!({}))
}

#[test]
fn quantities_are_whole_numbers() {
    assert_eq!(quantity("3", None), Ok(3));
    assert_eq!(quantity("2.0000", None), Ok(2));
    for text in ["", "-1", "1.5", "two", "4294967296"] {
        assert!(quantity(text, None).is_err(), "{text}");
    }
}

#[test]
fn quantities_have_the_stated_decimal_sign() {
    let (point, comma) = (Some(DecimalSign::Point), Some(DecimalSign::Comma));
    assert_eq!(quantity("1.000", comma), Ok(1000));
    assert_eq!(quantity("2,00", comma), Ok(2));
    assert_eq!(quantity("1,000", point), Ok(1000));
    assert_eq!(quantity("1.000", point), Ok(1));
    let unstated = quantity("1.000", None).unwrap_err().text;
    assert!(
        unstated.ends_with("--decimal point reads it as 1, --decimal comma reads it as 1000"),
        "{unstated}"
    );
    assert!(quantity("1,5", comma).is_err());
}

#[test]
fn long_texts_are_shortened_between_characters() {
    assert_eq!(shortened("äää", 3), "ä");
    assert_eq!(shortened("ab", 3), "ab");
}

#[test]
fn an_amount_that_is_a_sum_needs_the_price_of_each_item() {
    let read = summed("O1,c-1,USD,2026-01-01,A,2,\nO2,c-1,USD,2026-01-01,A,2,1.00\n");
    assert_eq!(read.objects.len(), 1, "{read:?}");
    assert_eq!(
        read.reasons,
        ["2: items.unit_amount is empty: the amount is the sum of the items"]
    );
    let priced = SUMMED.replace("currency", "amount,currency");
    let rows = "O1,c-1,9.00,USD,2026-01-01,A,2,\n";
    let read = orders(&(priced + rows), json!({}));
    assert_eq!(
        read.objects[0]["amount"], 900,
        "a stated amount needs no prices"
    );
}

#[test]
fn a_row_with_nothing_but_a_price_is_not_left_out_of_a_sum() {
    let read = summed("O3,c-1,USD,2026-01-01,A,1,5.00\nO3,,,,,,9.00\n");
    assert_eq!(read.objects, [json!(null); 0]);
    assert_eq!(read.reasons, ["2: line 3: items.sku is empty"]);
}

#[test]
fn fields_of_items_may_be_constant() {
    let map = json!({"order_id": "order_id", "customer_id": "customer_id",
                     "currency": "currency", "placed_at": "placed_at", "items.sku": "items.sku",
                     "items.unit_amount": "items.unit_amount"});
    let options = json!({"map": map, "set": {"items.quantity": "2"}});
    let rows = "O1,c-1,USD,2026-01-01,A,,5.00\nO1,,,,B,,1.00\nO2,c-1,USD,2026-01-01,,,\n";
    let text = SUMMED.to_owned() + rows;
    let read = orders(&text, options);
    assert_eq!(read.reasons, [""; 0]);
    assert_eq!(read.objects[0]["amount"], 1200);
    assert_eq!(read.objects[0]["items"][1]["quantity"], 2);
    assert_eq!(read.objects[1]["items"], json!(null), "{:?}", read.objects);
    let message = error(
        crate::Resource::Orders,
        &text,
        json!({"map": map, "set": {"items.quantity": "two"}}),
    );
    assert!(
        message.contains("--set items.quantity=two: items.quantity \"two\" is not a whole number"),
        "{message}"
    );
}

#[test]
fn an_order_has_a_limited_number_of_items() {
    let rows: String = (0..=domain::MAX_ITEMS)
        .map(|n| format!("O1,c-1,USD,2026-01-01,a-{n},1,1.00\n"))
        .collect();
    let read = summed(&(rows + "O2,c-1,USD,2026-01-01,A,1,5.00\n"));
    assert_eq!(read.objects.len(), 1, "{:?}", read.reasons);
    assert_eq!(
        read.reasons,
        ["2: line 502: the order has more than 500 line items"]
    );
    assert_eq!(read.preview.counts.rows, 502);
}
