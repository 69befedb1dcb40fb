//! Fills a catalog: the seeds by the catalog itself, their copies by SQL, since millions would take hours.

use crate::Place;
use crate::images::{BETWEEN_MS, MIX, SEEDS, account, image, metadata, new_account, price, uploaded_ms};
use anyhow::ensure;
use futures_util::StreamExt;
use rusqlite::params;
use safelight_catalog::Catalog;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Instant;
use tokio_postgres::NoTls;

/// Insertions under way at once; the catalog commits them in groups.
const IN_FLIGHT: usize = 512;

/// Upload time of a zone of the index of numbers, as a power of two of milliseconds.
const ZONE_BITS: u32 = 18;

/// Copies of all seeds between two reports.
const REPORT: u64 = 50;

/// Fills a new place, or goes on where that was interrupted; one that is filled stays as it is.
pub(crate) async fn fill(place: &Place, count: u64) -> anyhow::Result<()> {
    let catalog = place.open().await?;
    let found = catalog.image_count(&account()).await?;
    if found == count {
        return Ok(());
    }
    ensure!(found < count && found.is_multiple_of(SEEDS), "there are {found} images already, not {count}");
    if found == 0 {
        seeds(&catalog).await?;
    }
    drop(catalog);
    let copies = found.max(SEEDS) / SEEDS..count / SEEDS;
    let begin = Instant::now();
    let report = |copy: u64| {
        if copy.is_multiple_of(REPORT) {
            println!("{} images after {:.0?}", copy * SEEDS, begin.elapsed());
        }
    };
    match place {
        Place::File(path) => {
            let mut connection = rusqlite::Connection::open(path)?;
            copy_in_file(&mut connection, copies, report)
        }
        Place::Database(address) => {
            ensure!(copies.start == 1, "a database that was interrupted lacks its indices: take a new one");
            let mut client = client(address).await?;
            copy_in_database(&mut client, copies, report).await
        }
    }
}

/// The bytes that a place takes.
pub(crate) async fn bytes(place: &Place) -> anyhow::Result<u64> {
    match place {
        Place::File(path) => Ok(std::fs::metadata(path)?.len()),
        Place::Database(address) => {
            let sql = "SELECT pg_database_size(current_database())";
            let size = client(address).await?.query_one(sql, &[]).await?;
            Ok(u64::try_from(size.get::<_, i64>(0))?)
        }
    }
}

async fn client(address: &str) -> anyhow::Result<tokio_postgres::Client> {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn seeds(catalog: &Catalog) -> anyhow::Result<()> {
    catalog.create_account(new_account()?).await?;
    let begin = Instant::now();
    let mut insertions = futures_util::stream::iter(0..SEEDS)
        .map(|number| async move { anyhow::Ok(catalog.insert_image(image(number)?).await?) })
        .buffer_unordered(IN_FLIGHT);
    while let Some(inserted) = insertions.next().await {
        inserted?;
    }
    let rate = SEEDS as f64 / begin.elapsed().as_secs_f64();
    println!("{SEEDS} insertions, {IN_FLIGHT} at once: {rate:.0} a second");
    Ok(())
}

/// The columns of an image that a copy has as its seed has them.
const SAME: &str =
    "account, format, width, height, has_alpha, frames, turn, bytes, metadata, creator, privacy, levels";

/// The seeds, numbered.
const FIRST: &str = "SELECT row_number() OVER (ORDER BY uploaded_ms) - 1 AS seed, * FROM (
    SELECT * FROM images ORDER BY account, uploaded_ms, id LIMIT 10000) AS first";

fn copy_in_file(
    connection: &mut rusqlite::Connection,
    copies: Range<u64>,
    report: impl Fn(u64),
) -> anyhow::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -4000000; PRAGMA foreign_keys = OFF;
         PRAGMA wal_autocheckpoint = 100000;
         CREATE TEMP TABLE seeds AS {FIRST};
         CREATE UNIQUE INDEX temp.seeds_by_id ON seeds (id);
         ALTER TABLE temp.seeds ADD COLUMN texts TEXT;
         CREATE TEMP TABLE seed_values AS
             SELECT seed, field, value FROM metadata_values JOIN seeds ON seeds.id = metadata_values.image;"
    ))?;
    for seed in 0..SEEDS {
        let texts = searched(&metadata(seed));
        connection.execute("UPDATE temp.seeds SET texts = ?2 WHERE seed = ?1", params![seed, texts])?;
    }
    let id = format!(
        "printf('%08x', (seed + ?1) * {MIX} & 4294967295) || substr(id, 9, 16) || printf('%012x', seed + ?1)"
    );
    let blob = format!(
        "printf('%08x', (seed + ?1) * {MIX} & 4294967295) || substr(blob, 9, 12) || printf('%012x', seed + ?1)"
    );
    let filename = "printf('img_%08d.jpg', seed + ?1)";
    for copy in copies.clone() {
        let first = copy * SEEDS;
        let transaction = connection.transaction()?;
        let run = |sql: String| transaction.prepare_cached(&sql)?.execute([first]);
        run(format!(
            "INSERT INTO images ({SAME}, id, blob, filename, uploaded_ms, number)
             SELECT {SAME}, {id}, {blob}, {filename}, uploaded_ms + ?1 * {BETWEEN_MS}, number + ?1 FROM temp.seeds"
        ))?;
        run(format!(
            "INSERT INTO metadata_values (field, value, uploaded_ms, image)
             SELECT field, value, uploaded_ms + ?1 * {BETWEEN_MS}, {id}
             FROM temp.seed_values JOIN temp.seeds USING (seed)"
        ))?;
        run(format!(
            "INSERT INTO image_search (rowid, id, filename, creator, metadata)
             SELECT number + ?1, {id}, {filename}, creator, texts FROM temp.seeds"
        ))?;
        transaction.commit()?;
        report(copy);
    }
    let sql = "INSERT OR REPLACE INTO metadata_zones (field, zone, low, high)
               SELECT field, ?1, ?2, ?3 FROM metadata_fields WHERE path = 'price'";
    for (zone, (low, high)) in zones(copies.end * SEEDS) {
        connection.execute(sql, params![zone, low, high])?;
    }
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

async fn copy_in_database(
    client: &mut tokio_postgres::Client,
    copies: Range<u64>,
    report: impl Fn(u64),
) -> anyhow::Result<()> {
    // Indices are made when the rows are there, and counters are counted at the end.
    client
        .batch_execute(&format!(
            "SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '2GB';
             CREATE TEMP TABLE seeds AS {FIRST};
             CREATE TEMP TABLE seed_values AS
                 SELECT seed, field, value FROM metadata_values JOIN seeds ON seeds.id = metadata_values.image;
             CREATE TEMP TABLE seed_search AS
                 SELECT seed, s.creator, s.metadata FROM image_search s JOIN seeds USING (number);
             CREATE TEMP TABLE left_out AS
                 SELECT indexname, indexdef FROM pg_indexes
                 WHERE tablename IN ('images', 'metadata_values', 'image_search') AND NOT EXISTS (
                     SELECT 1 FROM pg_constraint WHERE conname = indexname);
             DO $$ DECLARE name text; BEGIN
                 FOR name IN SELECT indexname FROM left_out LOOP EXECUTE 'DROP INDEX ' || name; END LOOP;
             END $$;
             CREATE FUNCTION pg_temp.trigrams(t text) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
                 SELECT array_agg(ascii(substr(t, i, 1))::bigint << 42 | ascii(substr(t, i + 1, 1))::bigint << 21
                                  | ascii(substr(t, i + 2, 1))::bigint)
                 FROM generate_series(1, length(t) - 2) i
             $$;"
        ))
        .await?;
    let mix = format!("lpad(to_hex((seed + $1::bigint) * {MIX} & 4294967295), 8, '0')");
    let last = "lpad(to_hex(seed + $1::bigint), 12, '0')";
    let id = format!("{mix} || substr(id, 9, 16) || {last}");
    let blob = format!("{mix} || substr(blob, 9, 12) || {last}");
    let filename = "'img_' || lpad((seed + $1::bigint)::text, 8, '0') || '.jpg'";
    let images = client
        .prepare(&format!(
            "INSERT INTO images ({SAME}, id, blob, filename, uploaded_ms, number)
             SELECT {SAME}, {id}, {blob}, {filename}, uploaded_ms + $1::bigint * {BETWEEN_MS}, number + $1::bigint FROM seeds"
        ))
        .await?;
    let values = client
        .prepare(&format!(
            "INSERT INTO metadata_values (field, value, uploaded_ms, image)
             SELECT field, value, uploaded_ms + $1::bigint * {BETWEEN_MS}, {id} FROM seed_values JOIN seeds USING (seed)"
        ))
        .await?;
    let search = client
        .prepare(&format!(
            "INSERT INTO image_search (number, id, filename, creator, metadata)
             SELECT number + $1::bigint, pg_temp.trigrams({id}), pg_temp.trigrams({filename}), s.creator, s.metadata
             FROM seeds JOIN seed_search s USING (seed)"
        ))
        .await?;
    for copy in copies.clone() {
        let first = i64::try_from(copy * SEEDS)?;
        let transaction = client.transaction().await?;
        for statement in [&images, &values, &search] {
            transaction.execute(statement, &[&first]).await?;
        }
        transaction.commit().await?;
        report(copy);
    }
    finish_database(client, copies.end * SEEDS).await
}

async fn finish_database(client: &tokio_postgres::Client, count: u64) -> anyhow::Result<()> {
    let zone = "INSERT INTO metadata_zones (field, zone, low, high)
                SELECT field, $1, $2, $3 FROM metadata_fields WHERE path = 'price'
                ON CONFLICT (field, zone) DO UPDATE SET low = $2, high = $3";
    let zone = client.prepare(zone).await?;
    for (number, (low, high)) in zones(count) {
        client.execute(&zone, &[&number, &low, &high]).await?;
    }
    for row in client.query("SELECT indexdef FROM left_out ORDER BY indexname", &[]).await? {
        client.batch_execute(row.get(0)).await?;
    }
    client
        .batch_execute(
            "UPDATE counters SET images = counted.images, original_bytes = counted.bytes
             FROM (SELECT account, count(*) AS images, sum(bytes)::bigint AS bytes FROM images GROUP BY account) counted
             WHERE counted.account = counters.account;",
        )
        .await?;
    client.batch_execute("VACUUM ANALYZE").await?;
    client.batch_execute("CHECKPOINT").await?;
    Ok(())
}

/// The least and the greatest price of each zone.
fn zones(count: u64) -> BTreeMap<i64, (f64, f64)> {
    let prices: Vec<f64> = (0..SEEDS).map(price).collect();
    let mut zones = BTreeMap::new();
    for number in 0..count {
        let price = prices[usize::try_from(number % SEEDS).unwrap_or_default()];
        let (low, high) = zones.entry(uploaded_ms(number) >> ZONE_BITS).or_insert((price, price));
        (*low, *high) = (low.min(price), high.max(price));
    }
    zones
}

/// What is searched of metadata, as the catalog has it: each key and each value on a line.
fn searched(metadata: &serde_json::Value) -> String {
    let pairs = metadata.as_object().into_iter().flatten();
    pairs
        .map(|(key, value)| format!("{key}\n{}\n", value.as_str().map_or(value.to_string(), str::to_owned)))
        .collect()
}
