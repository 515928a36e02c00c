use serde_json::{Value, json};

use crate::Resource;
use crate::testing::{error, orders, read};

const CUSTOMERS: &str = "id,Accepts,Newsletter cancelled,UNSUB\n\
                         c-1,yes,no,no\nc-2,no,yes,yes\n";

fn with(unsubscribed: &str) -> Value {
    json!({"map": {"customer_id": "id", "unsubscribed": unsubscribed}})
}

fn refusals(unsubscribed: &str) -> Vec<Value> {
    let read = read(
        Resource::Customers,
        CUSTOMERS.as_bytes(),
        with(unsubscribed),
    );
    let refusals = read.objects.iter().map(|one| one["unsubscribed"].clone());
    refusals.collect()
}

#[test]
fn a_column_of_consent_is_checked_in_every_form() {
    for wrong in [
        "Accepts",
        "{Accepts}",
        "{Accepts} ",
        "!UNSUB",
        "!{UNSUB}",
        "{UNSUB}{Accepts}",
    ] {
        let message = error(Resource::Customers, CUSTOMERS, with(wrong));
        assert!(message.contains("accept"), "{wrong}: {message}");
    }
    let message = error(Resource::Customers, CUSTOMERS, with("{Accepts}"));
    assert_eq!(
        message,
        "FILE: the column Accepts seems to say who accepts messages, and unsubscribed says who \
         does not; negate it with --map unsubscribed='!Accepts', or confirm that it says who does \
         not with --map unsubscribed='=Accepts'"
            .replace("FILE", message.split(':').next().unwrap())
    );
    for right in ["!Accepts", "UNSUB", "{UNSUB}", "Newsletter cancelled"] {
        assert_eq!(refusals(right), [json!(false), json!(true)], "{right}");
    }
}

#[test]
fn a_column_of_consent_can_be_confirmed_as_it_is() {
    assert_eq!(refusals("=Accepts"), [json!(true), json!(false)]);
    assert_eq!(refusals("=!UNSUB"), [json!(true), json!(false)]);
    let message = error(
        Resource::Customers,
        CUSTOMERS,
        json!({"map": {"customer_id": "id", "name": "=UNSUB"}}),
    );
    assert!(
        message.contains("'=' confirms a column of unsubscribed"),
        "{message}"
    );
    let odd = "id,=odd\nc-1,x\n";
    let options = json!({"map": {"customer_id": "id", "name": "=odd"}});
    let read = read(Resource::Customers, odd.as_bytes(), options);
    assert_eq!(read.objects[0]["name"], "x", "a real name is taken first");
}

const ORDERS: &str = "order_id,customer_id,amount,currency,placed_at,Total,state\n\
                      o-1,c-1,1.00,USD,2026-01-01,2.00,paid\n";

fn wrong(options: Value) -> String {
    error(Resource::Orders, ORDERS, options)
}

#[test]
fn options_that_would_have_no_effect_are_errors() {
    for (options, wanted) in [
        (
            json!({"status": {"voided": "cancelled"}}),
            "--status: no column fills status; add --map status=COLUMN",
        ),
        (
            json!({"first_row": ["Total"]}),
            "--first-row Total: orders have no field Total",
        ),
        (
            json!({"first_row": ["status"]}),
            "--first-row status: no column fills this field",
        ),
        (
            json!({"fallback": {"bogus": "Total"}}),
            "--fallback bogus=Total: orders have no field bogus",
        ),
        (
            json!({"fallback": {"status": "state"}}),
            "--fallback status=state: no column fills status; use --map status=state",
        ),
        (
            json!({"fallback": {"amount": "Sum"}}),
            "--fallback amount=Sum: the file has no column Sum",
        ),
    ] {
        let message = wrong(options);
        assert!(message.contains(wanted), "{message}");
    }
    let customers = "customer_id,name\nc-1,Ann\n";
    for options in [
        json!({"status": {"a": "skip"}}),
        json!({"first_row": ["name"]}),
    ] {
        let message = error(Resource::Customers, customers, options);
        assert!(message.contains("applies to orders only"), "{message}");
    }
}

#[test]
fn an_option_is_given_once_for_a_field() {
    let twice = |name: &str, one: &str, two: &str| {
        let pair = |text: &str| text.parse::<crate::Pair>().unwrap();
        let pairs = vec![pair(one), pair(two)];
        let mut options = crate::ImportOptions::default();
        match name {
            "map" => options.map = pairs,
            "set" => options.set = pairs,
            _ => options.fallback = pairs,
        }
        super::require_unique(Resource::Customers, &options)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        twice("map", "name=a", "name=b"),
        "--map name is given twice"
    );
    assert_eq!(
        twice("set", "attributes.a=1", "attributes.a:number=2"),
        "--set attributes.a is given twice"
    );
    assert_eq!(
        twice("fallback", "phone=a", "phone=b"),
        "--fallback phone is given twice"
    );
}

#[test]
fn options_with_an_effect_are_accepted() {
    let read = orders(
        ORDERS,
        json!({"map": {"order_id": "order_id", "customer_id": "customer_id", "amount": "Total",
                       "currency": "currency", "placed_at": "placed_at", "status": "state"},
               "status": {"paid": "placed"}, "first_row": ["amount"],
               "fallback": {"amount": "amount"}}),
    );
    assert_eq!(read.objects[0]["amount"], 200);
}
