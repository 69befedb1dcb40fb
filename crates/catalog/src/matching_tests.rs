use super::super::fixtures::{account, image, two_accounts};
use super::*;
use crate::database::{Dialect, Value as Stored};
use crate::sqlite::plan;
use safelight_domain::image::{BlobId, Creator, Metadata};
use safelight_domain::metadata_filter::{MetadataNumber, MetadataValue, parse_filters};
use serde_json::{Value, json};

const COUNT: u64 = 240;

/// Bounds under which the tests' images are many.
const TIGHT: Bounds = Bounds { few: 3, examined: 7 };

/// Metadata in which texts, numbers and flags of many shapes stand at the same places.
fn metadata(number: u64) -> Value {
    let rank = match number % 5 {
        0 => json!(number % 12),
        1 => json!(number as f64 / 8.0 - 4.0),
        2 => json!((number % 12).to_string()),
        3 => json!(number.is_multiple_of(2)),
        _ => json!([number, {"x": number}]),
    };
    let status = ["new", "old", "ünd|x"][(number % 3) as usize];
    match number % 7 {
        0 => json!({}),
        1 => json!({"rank": rank, "dot.ted": "x", "": "y"}),
        _ => json!({
            "rank": rank,
            "status": status,
            "region": {"name": format!("r{}", number % 4), "deep": {"c": {"d": {"e": number % 2, "f": {}}}}},
            "nothing": null,
            "flag": number.is_multiple_of(3),
        }),
    }
}

async fn filled() -> (crate::fixtures::Place, Catalog, Vec<Image>) {
    let (folder, catalog) = two_accounts().await;
    let mut images = Vec::new();
    for number in 0..COUNT {
        let scattered = number * 37 % COUNT;
        let id = format!("i{:03}", scattered * 53 % COUNT);
        let blob = |offset: u64| BlobId::from_random(u128::from(number + offset).to_be_bytes());
        // Most share their time with others.
        // Two zones of the index have them, one before 1970.
        let uploaded_ms = i64::try_from(scattered / 6).expect("small") - 20;
        let mut made = image('a', &id, blob(0), uploaded_ms);
        made.metadata = Metadata::from_json_object(metadata(number).to_string()).expect("short");
        made.creator = if number.is_multiple_of(4) { None } else { Creator::parse("one").ok() };
        catalog.insert_image(made.clone()).await.expect("new");
        let other = Image { account: account('b'), blob: blob(COUNT), ..made.clone() };
        catalog.insert_image(other).await.expect("another account's");
        images.push(made);
    }
    images.sort_by_key(|image| (image.uploaded_ms, image.id.clone()));
    (folder, catalog, images)
}

fn filters(query: &str) -> Vec<MetadataFilter> {
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    parse_filters(&pairs).expect("filters")
}

/// What the index must agree with: the filter applied to the metadata itself.
fn passes(image: &Image, filter: &MetadataFilter) -> bool {
    let mut value: &Value = &serde_json::from_str(image.metadata.as_json()).expect("JSON");
    for key in filter.path.as_str().split('.') {
        let Some(inner) = value.get(key) else { return false };
        value = inner;
    }
    let value = match value {
        Value::String(text) => MetadataValue::Text(text.clone()),
        Value::Number(number) => {
            MetadataValue::Number(MetadataNumber::new(number.as_f64().expect("a number")).expect("finite"))
        }
        Value::Bool(flag) => MetadataValue::Flag(*flag),
        _ => return false,
    };
    filter.test.accepts(&value)
}

async fn walk(
    catalog: &Catalog,
    query: &str,
    creator: &CreatorFilter,
    order: SortOrder,
    limit: usize,
    bounds: Bounds,
) -> Vec<Image> {
    let (mut walked, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let list = List { account: account('a'), order, after };
        let (creator, filters) = (creator.clone(), filters(query));
        let read =
            move |connection: &dyn Connection| matching(connection, &list, creator, &filters, limit, bounds);
        let page = catalog.inner.readers.read(read).await.expect("works");
        assert!(page.images.len() <= limit, "{query}");
        walked.extend(page.images);
        pages += 1;
        assert!(pages <= COUNT, "{query} ends");
        match page.next {
            Some(next) => after = Some(next),
            None => return walked,
        }
    }
}

const QUERIES: [&str; 22] = [
    "meta.status=new",
    "meta.status[eq]=%C3%BCnd%7Cx",
    "meta.status[in]=new|old|none",
    "meta.rank[eq]=8",
    "meta.rank[eq:number]=8",
    "meta.rank[eq:number]=-0",
    "meta.rank[in:number]=1|2|3|4.125|7",
    "meta.rank[eq:boolean]=true",
    "meta.rank[gt]=3",
    "meta.rank[gte]=3&meta.rank[lt]=9",
    "meta.rank[lte]=-1.5",
    "meta.rank[gt]=9&meta.rank[lt]=3",
    "meta.region.name[eq]=r2",
    "meta.region.deep.c.d[eq]=1",
    "meta.region.deep.c.d.e[eq]=1",
    "meta.region.deep.c.d.e[eq:number]=1",
    "meta.status=new&meta.rank[gte]=2&meta.region.name[in]=r1|r2|r3",
    "meta.rank[gte]=2&meta.flag[eq:boolean]=false",
    "meta.status=new&meta.status=old",
    "meta.status=new&meta.status[in]=new|old&meta.flag[eq:boolean]=true&meta.rank[lt]=99",
    "meta.dot.ted=x",
    "meta.unknown=x",
];

#[tokio::test]
async fn every_filter_agrees_with_the_metadata_itself() {
    let (_folder, catalog, images) = filled().await;
    let mut matched = 0;
    for query in QUERIES {
        for creator in [CreatorFilter::Any, CreatorFilter::Unset] {
            let filters = filters(query);
            let expected: Vec<Image> = images
                .iter()
                .filter(|image| filters.iter().all(|filter| passes(image, filter)))
                .filter(|image| creator == CreatorFilter::Any || image.creator.is_none())
                .cloned()
                .collect();
            matched += expected.len();
            for (limit, bounds) in [(1, TIGHT), (5, TIGHT), (5, BOUNDS), (1000, TIGHT), (1000, BOUNDS)] {
                let up = walk(&catalog, query, &creator, SortOrder::Ascending, limit, bounds).await;
                assert_eq!(up, expected, "{query}, {limit} a page");
                let down = walk(&catalog, query, &creator, SortOrder::Descending, limit, bounds).await;
                assert!(down.iter().rev().eq(&expected), "{query}, {limit} a page");
            }
        }
    }
    assert!(matched > 500, "{matched} matches show little");
}

#[tokio::test]
async fn a_page_ends_early_rather_than_late() {
    let (_folder, catalog, _) = filled().await;
    let query = "meta.status=new&meta.region.name=nowhere&meta.rank[gt]=1000";
    let page = catalog
        .images_matching(&account('a'), CreatorFilter::Any, filters(query), SortOrder::Descending, None, 10)
        .await
        .expect("works");
    assert_eq!((page.images.len(), page.next), (0, None), "it leads that has none");

    // Both have many, and no image has both.
    let list = List { account: account('a'), order: SortOrder::Descending, after: None };
    let read = move |connection: &dyn Connection| {
        let filters = filters("meta.status=new&meta.status[in]=old|other");
        matching(connection, &list, CreatorFilter::Any, &filters, 10, TIGHT)
    };
    let page = catalog.inner.readers.read(read).await.expect("works");
    assert_eq!(page.images, []);
    assert!(page.next.is_some());
}

#[tokio::test]
async fn every_condition_is_answered_from_an_index_in_the_order_of_the_list() {
    let (_folder, catalog) = crate::fixtures::new_file();
    let text = |text: &str| Stored::Text(text.to_owned());
    let all_of_them = move || {
        [
            Condition::AnyOf { field: 1, values: vec![text("x")] },
            Condition::AnyOf { field: 1, values: vec![text("x"), text("y")] },
            Condition::Creator(Creator::parse("one").ok()),
            Condition::Creator(None),
            Condition::Range { field: 2, low: 1.0, high: 2.0 },
        ]
    };
    let check = move |connection: &dyn Connection| {
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            let after = ListCursor { uploaded_ms: 3, id: ImageId::named("x") };
            for after in [None, Some(after)] {
                let list = List { account: account('a'), order, after };
                for (number, leader) in all_of_them().into_iter().enumerate() {
                    for which in 0..leader.leads() {
                        let sql =
                            leader.lead(which, &all_of_them(), &list, RangeLead::Walked, 10, Dialect::Sqlite);
                        let plan = plan(connection, &sql.text, &sql.values)?;
                        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{number}: {plan}");
                        let bounded =
                            ["(uploaded_ms,", "zone<?", "zone>?"].iter().any(|bound| plan.contains(bound));
                        assert!(bounded || list.after.is_none(), "{number}: {plan}");
                    }
                }
                // The one that sorts reads its range alone.
                let [.., range] = all_of_them();
                let sql = range.lead(0, &all_of_them(), &list, RangeLead::Sorted, 10, Dialect::Sqlite);
                let plan = plan(connection, &sql.text, &sql.values)?;
                let leading = "SEARCH m USING PRIMARY KEY (field=? AND value>? AND value<?)";
                assert!(plan.starts_with(leading) && !plan.contains("SCAN"), "{plan}");
            }
        }
        Ok(())
    };
    catalog.inner.readers.read(check).await.expect("works");
}
