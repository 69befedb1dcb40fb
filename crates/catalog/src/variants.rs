//! Named variants.

use super::database::{Connection, DatabaseError, Row};
use super::rows::{all, change, damaged, first};
use super::{Catalog, CatalogError, InsertError};
use safelight_domain::account::AccountId;
use safelight_domain::transform::Transform;
use safelight_domain::variant::{BrowserTtl, MAX_VARIANTS, Variant, VariantAccess, VariantName};

impl Catalog {
    /// Every variant of an account, by name.
    pub async fn variants(&self, account: &AccountId) -> Result<Vec<Variant>, CatalogError> {
        let account = account.clone();
        self.inner.readers.read(move |connection| of_account(connection, &account)).await
    }

    /// The variant of a name.
    pub async fn find_variant(
        &self,
        account: &AccountId,
        name: &VariantName,
    ) -> Result<Option<Variant>, CatalogError> {
        let (account, name) = (account.clone(), name.clone());
        self.inner
            .readers
            .read(move |connection| {
                let sql = "SELECT * FROM variants WHERE account = ?1 AND name = ?2";
                first(connection, sql, [account.as_str(), name.as_str()], parse)
            })
            .await
    }

    /// Inserts a variant; `Exists` when its name is taken, else `Full` when the account has
    /// [`MAX_VARIANTS`].
    pub async fn insert_variant(&self, account: &AccountId, variant: Variant) -> Result<(), InsertError> {
        let owner = account.clone();
        let insert = move |connection: &dyn Connection| {
            insert(connection, &owner, &variant)?;
            let sql = "SELECT count(*) FROM variants WHERE account = ?1";
            let count = first(connection, sql, [owner.as_str()], |row| Ok(row.get::<_, usize>(0)?))?;
            // Counted after the insertion, which an error undoes.
            if count.is_some_and(|count| count > MAX_VARIANTS) { Err(InsertError::Full) } else { Ok(()) }
        };
        self.change_account(account, insert).await
    }

    /// Replaces the variant of that name. Whether there was one.
    pub async fn update_variant(&self, account: &AccountId, variant: Variant) -> Result<bool, CatalogError> {
        let owner = account.clone();
        let sql = "UPDATE variants SET transform = ?3, browser_ttl = ?4, access = ?5
                   WHERE account = ?1 AND name = ?2";
        self.change_account(account, move |connection| Ok(write(connection, sql, &owner, &variant)? > 0))
            .await
    }

    /// Deletes a variant. Whether there was one.
    pub async fn delete_variant(
        &self,
        account: &AccountId,
        name: &VariantName,
    ) -> Result<bool, CatalogError> {
        let (owner, name) = (account.clone(), name.clone());
        let delete = move |connection: &dyn Connection| {
            let sql = "DELETE FROM variants WHERE account = ?1 AND name = ?2";
            Ok(change(connection, sql, [owner.as_str(), name.as_str()])? > 0)
        };
        self.change_account(account, delete).await
    }
}

/// Every variant of an account, by name.
pub(super) fn of_account(
    connection: &dyn Connection,
    account: &AccountId,
) -> Result<Vec<Variant>, CatalogError> {
    let sql = "SELECT * FROM variants WHERE account = ?1 ORDER BY name";
    all(connection, sql, [account.as_str()], parse)
}

/// Inserts a variant, whatever their number.
pub(super) fn insert(
    connection: &dyn Connection,
    account: &AccountId,
    variant: &Variant,
) -> Result<(), InsertError> {
    let sql = "INSERT INTO variants
               (account, name, transform, browser_ttl, access)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    write(connection, sql, account, variant)?;
    Ok(())
}

fn write(
    connection: &dyn Connection,
    sql: &str,
    account: &AccountId,
    variant: &Variant,
) -> Result<usize, DatabaseError> {
    let values = (
        account.as_str(),
        variant.name.as_str(),
        variant.transform.canonical(),
        variant.browser_ttl.map(BrowserTtl::seconds),
        access_word(variant.access),
    );
    change(connection, sql, values)
}

fn access_word(access: VariantAccess) -> &'static str {
    match access {
        VariantAccess::FollowImage => "follow-image",
        VariantAccess::AlwaysPublic => "always-public",
    }
}

fn parse(row: &Row<'_>) -> Result<Variant, CatalogError> {
    let text = |column: &str| row.get::<_, String>(column);
    let browser_ttl: Option<u64> = row.get("browser_ttl")?;
    let access = text("access")?;
    Ok(Variant {
        name: VariantName::parse(&text("name")?).map_err(|why| damaged("variants", why))?,
        transform: Transform::from_canonical(&text("transform")?).map_err(|why| damaged("variants", why))?,
        browser_ttl: browser_ttl
            .map(BrowserTtl::parse)
            .transpose()
            .map_err(|why| damaged("variants", why))?,
        access: [VariantAccess::FollowImage, VariantAccess::AlwaysPublic]
            .into_iter()
            .find(|known| access_word(*known) == access)
            .ok_or_else(|| damaged("variants", format!("access {access}")))?,
    })
}
