use super::*;

fn one(name: &str, value: &str) -> Result<(String, MetadataTest), MetadataFilterError> {
    let mut filters = parse_filters(&[(name, value)])?;
    assert_eq!(filters.len(), 1);
    let filter = filters.remove(0);
    Ok((filter.path.as_str().to_owned(), filter.test))
}

fn text(text: &str) -> MetadataValue {
    MetadataValue::Text(text.to_owned())
}

fn number(number: f64) -> MetadataValue {
    MetadataValue::Number(MetadataNumber::new(number).expect("finite"))
}

fn any(values: &[MetadataValue]) -> MetadataTest {
    MetadataTest::AnyOf(values.to_vec())
}

#[test]
fn every_operator() {
    let flag = MetadataValue::Flag;
    for (name, value, expected) in [
        ("meta.a", "x", any(&[text("x")])),
        ("meta.a[eq]", "5", any(&[text("5")])),
        ("meta.a[eq:string]", "", any(&[text("")])),
        ("meta.a[eq:number]", "5", any(&[number(5.0)])),
        ("meta.a[eq:number]", "-0", any(&[number(0.0)])),
        ("meta.a[eq:number]", "1e3", any(&[number(1000.0)])),
        ("meta.a[eq:boolean]", "true", any(&[flag(true)])),
        ("meta.a[eq:boolean]", "false", any(&[flag(false)])),
        ("meta.a[in]", "x|y|x", any(&[text("x"), text("y")])),
        ("meta.a[in:string]", "1", any(&[text("1")])),
        ("meta.a[in:number]", "4|5|4.0|-0|0", any(&[number(4.0), number(5.0), number(0.0)])),
        ("meta.a[gte]", "2", MetadataTest::Range { low: 2.0, high: f64::MAX }),
        ("meta.a[lte:number]", "2.5", MetadataTest::Range { low: f64::MIN, high: 2.5 }),
    ] {
        assert_eq!(one(name, value), Ok(("a".to_owned(), expected)), "{name}={value}");
    }
}

#[test]
fn ranges_leave_out_their_bound_where_they_say_so() {
    for (operator, below, at, above) in [
        ("gt", false, false, true),
        ("gt:number", false, false, true),
        ("gte:number", false, true, true),
        ("lt", true, false, false),
        ("lt:number", true, false, false),
        ("lte", true, true, false),
    ] {
        let (_, test) = one(&format!("meta.a[{operator}]"), "2").expect("a filter");
        let accepts = [2.0_f64.next_down(), 2.0, 2.0_f64.next_up()].map(|n| test.accepts(&number(n)));
        assert_eq!(accepts, [below, at, above], "{operator}");
        assert!(!test.accepts(&text("2")) && !test.accepts(&MetadataValue::Flag(true)), "{operator}");
    }
    let (_, none) = one("meta.a[gt]", &f64::MAX.to_string()).expect("a filter");
    assert!(!none.accepts(&number(f64::MAX)));
}

#[test]
fn values_of_other_types_differ() {
    let (_, five) = one("meta.a", "5").expect("a filter");
    assert!(five.accepts(&text("5")) && !five.accepts(&number(5.0)));
    let (_, yes) = one("meta.a", "true").expect("a filter");
    assert!(yes.accepts(&text("true")) && !yes.accepts(&MetadataValue::Flag(true)));
}

#[test]
fn fields_nest_by_dots() {
    let path = |name: &str| one(name, "x").map(|(path, _)| path);
    assert_eq!(path("meta.a.b.c.d.e[eq]").as_deref(), Ok("a.b.c.d.e"));
    assert_eq!(path("meta.ключ-1.b c[eq]").as_deref(), Ok("ключ-1.b c"));
    assert_eq!(path("meta.a.b.c.d.e.f[eq]"), Err(MetadataFilterError::TooDeep { provided: 6 }));
    assert!(path(&format!("meta.{}[eq]", "ü".repeat(100))).is_ok());
    let long = path(&format!("meta.a.{}[eq]", "ü".repeat(101)));
    assert_eq!(long, Err(MetadataFilterError::KeyTooLong { provided: 101 }));
    for bad in [
        "meta.[eq]",
        "meta.",
        "meta",
        "meta[a]",
        "meta[a][eq]",
        "meta.a.[eq]",
        "meta..a",
        "meta.a[eq",
        "meta.a]",
        "meta.a[eq]x",
    ] {
        assert_eq!(path(bad), Err(MetadataFilterError::Malformed), "{bad}");
    }
}

#[test]
fn refusals_have_the_texts_of_the_reference() {
    let error = |name: &str, value: &str| one(name, value).expect_err("is refused").to_string();
    assert_eq!(error("meta.a[not-eq]", "x"), "Unsupported metadata filter operator: 'not-eq'");
    for unsupported in ["", "EQ", "eq:date", "gt:string", "in:boolean", "eq][x"] {
        let text = error(&format!("meta.a[{unsupported}]"), "1");
        assert_eq!(text, format!("Unsupported metadata filter operator: '{unsupported}'"));
    }
    let six = [("meta.a[eq]", "x"); 6];
    let text = parse_filters(&six).expect_err("too many").to_string();
    assert_eq!(text, "Too many metadata filters: 6 provided, maximum 5 allowed");
    assert!(parse_filters(&six[..5]).is_ok());
    assert_eq!(
        error("meta.a[in]", "1|2|3|4|5|6|7|8|9|10|11"),
        "Too many values in a metadata filter: 11 provided, maximum 10 allowed"
    );
    for (name, value) in [
        ("meta.a[eq:number]", ""),
        ("meta.a[eq:number]", "five"),
        ("meta.a[eq:number]", "inf"),
        ("meta.a[eq:number]", "NaN"),
        ("meta.a[eq:number]", "1e999"),
        ("meta.a[eq:number]", " 1"),
        ("meta.a[in:number]", "1|"),
        ("meta.a[gt]", "x"),
    ] {
        assert!(error(name, value).ends_with("needs numbers"), "{name}={value}");
    }
    assert!(error("meta.a[eq:boolean]", "1").ends_with("needs true or false"));
}

#[test]
fn ranges_of_one_field_are_joined() {
    let query = [
        ("meta.a[gte]", "2"),
        ("per_page", "10"),
        ("meta.b[lt]", "9"),
        ("meta.a[lte]", "7"),
        ("meta.a[gte]", "1"),
        ("meta.a[eq:number]", "5"),
    ];
    let filters = parse_filters(&query).expect("filters");
    let paths: Vec<_> = filters.iter().map(|filter| filter.path.as_str()).collect();
    assert_eq!(paths, ["a", "b", "a"]);
    assert_eq!(filters[0].test, MetadataTest::Range { low: 2.0, high: 7.0 });
}

#[test]
fn other_parameters_are_no_filters() {
    assert_eq!(parse_filters(&[("metadata", "x"), ("met", "y"), ("creator", "meta.a")]), Ok(vec![]));
}

proptest::proptest! {
    #[test]
    fn no_query_panics(name in "meta[.\\[a:eqin\\]]{0,20}", value in ".{0,40}") {
        let _ = parse_filters(&[(name.as_str(), value.as_str())]);
    }
}
