//! Accounts, and what delivery needs of them.

use super::database::{Connection, Row};
use super::follower::{self, Kept, Number};
use super::rows::{all, any, change, damaged, first};
use super::{Account, AccountConfig, Catalog, CatalogError, ConfigChanges, DeliveryAccount, DeliveryVariant};
use super::{FlexibleVariants, InsertError, NewAccount};
use super::{keys, quotas, tokens, variants};
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::options::Recipe;
use safelight_domain::variant::{BrowserTtl, Variant, VariantName};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

impl Catalog {
    /// Inserts an account with its first key, variant and token. `Exists` when its id or hash is
    /// taken, or the token's.
    pub async fn create_account(&self, new: NewAccount) -> Result<(), InsertError> {
        let account = new.account.id.clone();
        self.change_account(&account, move |connection| insert(connection, &new)).await
    }

    /// The same, but `Exists` also when there is any other account.
    pub async fn create_first_account(&self, new: NewAccount) -> Result<(), InsertError> {
        let account = new.account.id.clone();
        let insert = move |connection: &dyn Connection| {
            if any(connection, "SELECT 1 FROM accounts LIMIT 1", ())? {
                return Err(InsertError::Exists);
            }
            insert(connection, &new)
        };
        self.change_account(&account, insert).await
    }

    /// Every account, oldest first.
    pub async fn accounts(&self) -> Result<Vec<Account>, CatalogError> {
        self.inner
            .readers
            .read(|connection| {
                let sql = "SELECT id, hash, name, created_ms FROM accounts ORDER BY created_ms, id";
                all(connection, sql, (), parse)
            })
            .await
    }

    /// The account of an id.
    pub async fn find_account(&self, id: &AccountId) -> Result<Option<Account>, CatalogError> {
        let id = id.clone();
        self.inner.readers.read(move |connection| find(connection, &id)).await
    }

    /// What delivery needs, from memory.
    pub async fn delivery_account(
        &self,
        hash: &AccountHash,
    ) -> Result<Option<Arc<DeliveryAccount>>, CatalogError> {
        Ok(self.inner.accounts.get(hash))
    }

    /// The account of an id, with the same.
    pub async fn own_delivery_account(
        &self,
        id: &AccountId,
    ) -> Result<Option<(Account, Arc<DeliveryAccount>)>, CatalogError> {
        let Some(account) = self.find_account(id).await? else { return Ok(None) };
        Ok(self.delivery_account(&account.hash).await?.map(|delivery| (account, delivery)))
    }

    /// The settings of an account; the default ones for an unknown account.
    pub async fn account_config(&self, id: &AccountId) -> Result<AccountConfig, CatalogError> {
        let id = id.clone();
        self.inner.readers.read(move |connection| config(connection, &id)).await
    }

    /// Changes settings, all of them or none; the settings as changed.
    pub async fn update_account_config(
        &self,
        id: &AccountId,
        changes: ConfigChanges,
    ) -> Result<AccountConfig, CatalogError> {
        let account = id.clone();
        let update = move |connection: &dyn Connection| {
            let old = config(connection, &account)?;
            let new = AccountConfig {
                flexible_variants: changes.flexible_variants.unwrap_or(old.flexible_variants),
                browser_ttl: changes.browser_ttl.unwrap_or(old.browser_ttl),
                quota: changes.quota.over(old.quota),
            };
            let on = new.flexible_variants == FlexibleVariants::On;
            let browser_ttl = new.browser_ttl.map(BrowserTtl::seconds);
            let [images, bytes, renders] = quotas::columns(new.quota);
            let sql = "UPDATE accounts SET flexible_variants = ?2, browser_ttl = ?3,
                              quota_images = ?4, quota_bytes = ?5, quota_renders = ?6 WHERE id = ?1";
            change(connection, sql, (account.as_str(), on, browser_ttl, images, bytes, renders))?;
            Ok::<_, CatalogError>(new)
        };
        self.change_account(id, update).await
    }

    /// Makes a change that delivery must see: what delivery needs of the account is read within
    /// the same transaction and takes its place in memory before this returns.
    pub(super) async fn change_account<T: Send + 'static, E: From<CatalogError> + Send + 'static>(
        &self,
        account: &AccountId,
        change: impl FnOnce(&dyn Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let account = account.clone();
        let inner = Arc::downgrade(&self.inner);
        let change = move |connection: &dyn Connection| {
            let value = change(connection)?;
            let number = follower::tell(connection, &Kept::Account(account.clone()))?;
            Ok::<_, E>((value, load(connection, &account)?, number))
        };
        let publish = move |(_, loaded, number): &(T, Option<Loaded>, Number)| {
            if let (Some(inner), Some((hash, account))) = (inner.upgrade(), loaded) {
                inner.accounts.put(hash.clone(), Arc::clone(account), *number);
            }
        };
        let (value, ..) = self.inner.writer.write(change, publish).await?;
        Ok(value)
    }
}

/// What delivery needs of each account, in memory, with the number of the change that it is known from.
pub(super) struct DeliveryAccounts(RwLock<HashMap<AccountHash, (Arc<DeliveryAccount>, Number)>>);

type Loaded = (AccountHash, Arc<DeliveryAccount>);

impl DeliveryAccounts {
    /// These, which include the change of that number.
    pub(super) fn new(accounts: Vec<Loaded>, number: Number) -> DeliveryAccounts {
        let known = DeliveryAccounts(RwLock::new(HashMap::new()));
        known.replace(accounts, number);
        known
    }

    fn get(&self, hash: &AccountHash) -> Option<Arc<DeliveryAccount>> {
        // A poisoned map is still whole: an insertion is one step.
        let accounts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        accounts.get(hash).map(|(account, _)| Arc::clone(account))
    }

    /// Takes an account's place in memory, unless what is there is newer.
    pub(super) fn put(&self, hash: AccountHash, account: Arc<DeliveryAccount>, number: Number) {
        let mut accounts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if accounts.get(&hash).is_none_or(|(_, known)| *known <= number) {
            accounts.insert(hash, (account, number));
        }
    }

    /// Takes the place of all.
    pub(super) fn replace(&self, accounts: Vec<Loaded>, number: Number) {
        let accounts = accounts.into_iter().map(|(hash, account)| (hash, (account, number))).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = accounts;
    }
}

/// Reads every account.
pub(super) fn load_all(connection: &dyn Connection) -> Result<Vec<Loaded>, CatalogError> {
    let ids = all(connection, "SELECT id FROM accounts", (), parse_id)?;
    ids.iter().map(|id| load(connection, id)).filter_map(Result::transpose).collect()
}

/// Reads an account.
pub(super) fn load(connection: &dyn Connection, id: &AccountId) -> Result<Option<Loaded>, CatalogError> {
    let Some(account) = find(connection, id)? else { return Ok(None) };
    let variants = variants::of_account(connection, id)?;
    let delivery = DeliveryAccount {
        id: account.id,
        keys: keys::of_account(connection, id)?,
        variants: variants.into_iter().map(of_variant).collect(),
        config: config(connection, id)?,
    };
    Ok(Some((account.hash, Arc::new(delivery))))
}

fn of_variant(variant: Variant) -> (VariantName, DeliveryVariant) {
    let Variant { name, transform, browser_ttl, access } = variant;
    (name, DeliveryVariant { recipe: Recipe::new(transform), browser_ttl, access })
}

fn config(connection: &dyn Connection, id: &AccountId) -> Result<AccountConfig, CatalogError> {
    let sql = "SELECT flexible_variants, browser_ttl, quota_images, quota_bytes, quota_renders
               FROM accounts WHERE id = ?1";
    Ok(first(connection, sql, [id.as_str()], parse_config)?.unwrap_or_default())
}

fn insert(connection: &dyn Connection, new: &NewAccount) -> Result<(), InsertError> {
    let Account { id, hash, name, created_ms } = &new.account;
    change(
        connection,
        "INSERT INTO accounts (id, hash, name, created_ms) VALUES (?1, ?2, ?3, ?4)",
        (id.as_str(), hash.as_str(), name, created_ms),
    )?;
    keys::insert(connection, id, &new.key, *created_ms)?;
    variants::insert(connection, id, &new.variant)?;
    tokens::insert(connection, &new.token)
}

fn find(connection: &dyn Connection, id: &AccountId) -> Result<Option<Account>, CatalogError> {
    let sql = "SELECT id, hash, name, created_ms FROM accounts WHERE id = ?1";
    first(connection, sql, [id.as_str()], parse)
}

fn parse(row: &Row<'_>) -> Result<Account, CatalogError> {
    let hash: String = row.get("hash")?;
    Ok(Account {
        id: parse_id(row)?,
        hash: AccountHash::parse(&hash).map_err(|why| damaged("accounts", why))?,
        name: row.get("name")?,
        created_ms: row.get("created_ms")?,
    })
}

fn parse_config(row: &Row<'_>) -> Result<AccountConfig, CatalogError> {
    let on: bool = row.get("flexible_variants")?;
    let browser_ttl: Option<u64> = row.get("browser_ttl")?;
    Ok(AccountConfig {
        flexible_variants: if on { FlexibleVariants::On } else { FlexibleVariants::Off },
        browser_ttl: browser_ttl
            .map(BrowserTtl::parse)
            .transpose()
            .map_err(|why| damaged("accounts", why))?,
        quota: quotas::parse(row)?,
    })
}

fn parse_id(row: &Row<'_>) -> Result<AccountId, CatalogError> {
    let id: String = row.get("id")?;
    AccountId::parse(&id).map_err(|why| damaged("accounts", why))
}
