//! How long a catalog takes for what is asked of it, with few images and with many in turns.
//!
//! `cargo run --release -p safelight-catalog --example scale -- SMALL LARGE COUNT`
//!
//! `SMALL` and `LARGE` are new folders, or addresses of new databases (`postgres://user@host:port/database`) whose user
//! is a superuser. The first gets 10,000 made-up images, the second `COUNT`; then a table of times is printed. Where they
//! were filled before, only the table is.

mod fill;
mod images;
mod measure;

use anyhow::{Context, ensure};
use safelight_catalog::{Catalog, PostgresAddress};
use std::path::PathBuf;

/// Where a catalog is.
enum Place {
    /// In this file.
    File(PathBuf),
    /// In this database.
    Database(String),
}

impl Place {
    fn parse(text: &str) -> anyhow::Result<Place> {
        if text.starts_with("postgres://") {
            return Ok(Place::Database(text.to_owned()));
        }
        std::fs::create_dir_all(text)?;
        Ok(Place::File(PathBuf::from(text).join("catalog.sqlite")))
    }

    async fn open(&self) -> anyhow::Result<Catalog> {
        Ok(match self {
            Place::File(path) => Catalog::open(path)?,
            Place::Database(address) => Catalog::connect(&PostgresAddress::parse(address)?).await?,
        })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [small, large, count] = arguments.as_slice() else {
        anyhow::bail!("usage: scale SMALL LARGE COUNT");
    };
    let count: u64 = count.parse().context("COUNT is a number")?;
    ensure!(count.is_multiple_of(images::SEEDS) && count > 0, "COUNT is a multiple of {}", images::SEEDS);
    let (small, large) = (Place::parse(small)?, Place::parse(large)?);
    for (place, count) in [(&small, images::SEEDS), (&large, count)] {
        fill::fill(place, count).await?;
        println!("{count} images, {} bytes each", fill::bytes(place).await? / count);
    }
    measure::measure([(&small.open().await?, images::SEEDS), (&large.open().await?, count)]).await
}
