use super::*;
use crate::options::Delimiter;

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn of(names: &[String]) -> Columns<'_> {
    Columns::new(names, Delimiter::Byte(b';'))
}

fn pairs(texts: &[&str]) -> Vec<Pair> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

const OWN: &str = r#"
title = "The till's list"
resource = "orders"
detect = ["Nr", "Sum"]
date_format = ["%d.%m.%Y"]
delimiter = ";"

[map]
order_id = "Nr"
customer_id = "Card"
amount = "Sum"
placed_at = "Day"
refunded_amount = "Back"

[fallback]
customer_id = "Mail"

[set]
currency = "EUR"

[status]
"*" = "placed"

[[when]]
column = "Void"
map = { status = "Void" }
"#;

#[test]
fn every_embedded_preset_is_valid() {
    for (name, text) in EMBEDDED {
        let preset = Preset::parse(name, text).unwrap();
        assert!(!preset.detect.is_empty(), "{name}");
        assert_eq!(Preset::named(name), Some(&preset));
        // A file that has all columns of the layout is recognized as this layout.
        assert_eq!(Preset::detected(&preset.detect), Some(&preset), "{name}");
    }
}

#[test]
fn fields_without_their_column_are_left_out_and_fallbacks_step_in() {
    let preset = Preset::parse("own", OWN).unwrap();
    let options = ImportOptions::default();
    let full = preset
        .applied(
            &options,
            of(&columns(&["Nr", "Card", "Mail", "Sum", "Day", "Void"])),
        )
        .unwrap()
        .options;
    assert!(full.map.contains(&"customer_id=Card".parse().unwrap()));
    assert_eq!(full.fallback, pairs(&["customer_id=Mail"]));
    assert!(full.map.contains(&"status=Void".parse().unwrap()));
    assert!(!full.map.iter().any(|pair| pair.field == "refunded_amount"));
    let less = preset
        .applied(&options, of(&columns(&["Nr", "Mail", "Sum", "Day"])))
        .unwrap()
        .options;
    assert!(less.map.contains(&"customer_id=Mail".parse().unwrap()));
    assert_eq!(less.fallback, []);
    assert!(!less.map.iter().any(|pair| pair.field == "status"));
}

#[test]
fn options_replace_parts_of_the_preset() {
    let preset = Preset::parse("own", OWN).unwrap();
    let options = ImportOptions {
        map: pairs(&["customer_id=Phone", "currency=Money"]),
        set: pairs(&["placed_at=2026-01-01"]),
        id: Some("n-{line}".into()),
        date_format: vec!["%Y".into()],
        ..ImportOptions::default()
    };
    let names = ["Nr", "Card", "Mail", "Sum", "Day", "Phone", "Money"];
    let all = preset.applied(&options, of(&columns(&names))).unwrap();
    let all = all.options;
    let mut map = all.map.clone();
    map.sort_by(|one, two| one.field.cmp(&two.field));
    assert_eq!(
        map,
        pairs(&["amount=Sum", "currency=Money", "customer_id=Phone"])
    );
    assert_eq!(all.set, pairs(&["placed_at=2026-01-01"]));
    assert_eq!(all.fallback, []);
    assert_eq!(all.date_format, ["%Y"]);
    assert_eq!(all.delimiter, preset.with(&options).unwrap().delimiter);
}

#[test]
fn what_is_not_understood_is_named() {
    let error = |text: &str| Preset::parse("own", text).unwrap_err().to_string();
    assert!(error("title = \"x\"\nresource = \"sales\"").contains("sales"));
    assert!(error(&format!("colour = \"red\"\n{OWN}")).contains("colour"));
    assert!(error("resource = \"orders\"").contains("title"));
    assert!(error("title").contains("preset own"));
}
