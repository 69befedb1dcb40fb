use super::super::fixtures::{account, blob, image, two_accounts};
use super::*;

fn level(divisor: u32, name: &str) -> StoredLevel {
    StoredLevel { divisor, name: name.to_owned(), bytes: 7 }
}

async fn wanting(catalog: &Catalog, wanted: &str) -> Vec<String> {
    let images = catalog.images_for_levels(wanted).await.expect("works");
    images.iter().map(|image| image.id.as_str().to_owned()).collect()
}

#[tokio::test]
async fn images_are_found_until_their_levels_are_as_wanted() {
    let (_folder, catalog) = two_accounts().await;
    for number in 1..=3 {
        catalog.insert_image(image('a', &format!("i{number}"), blob(number), 1)).await.expect("new");
    }
    assert_eq!(wanting(&catalog, "off").await, [""; 0]);
    assert_eq!(wanting(&catalog, "small-1").await, ["i3", "i2", "i1"], "the newest first");
    catalog.set_levels(&blob(2), Vec::new(), "small-1").await.expect("works").expect("is there");
    catalog.set_levels(&blob(3), vec![level(4, "n")], "small-1").await.expect("works").expect("is there");
    assert_eq!(wanting(&catalog, "small-1").await, ["i1"]);
    assert_eq!(wanting(&catalog, "small-2").await, ["i1"], "those without any come first");
    catalog.set_levels(&blob(1), Vec::new(), "small-2").await.expect("works").expect("is there");
    assert_eq!(wanting(&catalog, "small-2").await, ["i3", "i2"]);
    for other in ["full-1", "off"] {
        assert_eq!(wanting(&catalog, other).await.len(), 3, "{other}");
    }
}

#[tokio::test]
async fn only_so_many_come_at_once() {
    let (_folder, catalog) = two_accounts().await;
    for number in 0..=MAX_FOR_LEVELS {
        let number = u8::try_from(number).expect("few");
        catalog.insert_image(image('a', &format!("i{number}"), blob(number), 1)).await.expect("new");
    }
    assert_eq!(wanting(&catalog, "small-1").await.len(), MAX_FOR_LEVELS as usize);
}

#[tokio::test]
async fn a_set_of_levels_replaces_the_one_before_and_is_counted() {
    let (_folder, catalog) = two_accounts().await;
    catalog.insert_image(image('a', "i", blob(1), 1)).await.expect("new");
    let counted = || async {
        let sizes = catalog.stored_sizes(&account('a')).await.expect("works");
        (sizes.levels, sizes.level_bytes)
    };
    let first = vec![level(4, "n4"), level(8, "n8")];
    assert_eq!(
        catalog.set_levels(&blob(1), first.clone(), "small-1").await.expect("works"),
        Some(Vec::new())
    );
    assert_eq!(catalog.levels(&blob(1)).await.expect("works"), first);
    assert_eq!(counted().await, (2, 14));
    let second = vec![level(2, "m2")];
    let gone = catalog.set_levels(&blob(1), second.clone(), "full-1").await.expect("works");
    assert_eq!(gone, Some(vec!["n4".to_owned(), "n8".to_owned()]));
    assert_eq!(catalog.levels(&blob(1)).await.expect("works"), second);
    assert_eq!(counted().await, (1, 7));
    assert!(catalog.level_in_use(&blob(1), "m2").await.expect("works"));
    assert!(!catalog.level_in_use(&blob(1), "n4").await.expect("works"));

    let id = image('a', "i", blob(1), 1).id;
    assert!(catalog.delete_image(&account('a'), &id, 2).await.expect("works"));
    assert_eq!(catalog.levels(&blob(1)).await.expect("works"), Vec::new());
    assert_eq!(counted().await, (0, 0));
    assert_eq!(catalog.set_levels(&blob(1), second, "full-1").await.expect("works"), None, "comes too late");
    assert!(!catalog.level_in_use(&blob(1), "m2").await.expect("works"));
}
