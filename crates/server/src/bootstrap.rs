//! Starting up: the data folder and its lock, the first account, and the parts put together.

mod store;

use crate::app::App;
use crate::catalog::{Account, Catalog, InsertError, NewAccount};
use crate::clock::Clock;
use crate::config::{Config, Database, FirstAccount, Sandbox};
use crate::deliver::{Flights, KnownOptions, Refinements, Renders};
use crate::failures::Failures;
use crate::fetch::Client;
use crate::metrics::Metrics;
use crate::protocol::Wall;
use crate::random::{self, ImageIds, RequestIds};
use crate::refusals::Refusals;
use crate::remote;
use crate::renderer::Renderer;
use crate::staging::Staging;
use crate::usage::Usage;
use anyhow::{Context, bail, ensure};
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::signature::{KeyName, SigningKey};
use safelight_domain::token::{Role, Scope, TokenHash, TokenRecord};
use safelight_domain::transform::{Fit, MetadataPolicy, Side, Transform};
use safelight_domain::variant::{Variant, VariantAccess, VariantName};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

/// A started server's parts, with the lock on the data folder.
pub struct Started {
    /// The parts.
    pub app: Arc<App>,
    /// The account of the first start, with its token if this is the first start.
    pub first_account: FirstStart,
    /// Keeps other processes out of the data folder until it is dropped.
    pub lock: FolderLock,
}

/// What the first start made.
pub struct FirstStart {
    /// The first account.
    pub account: Account,
    /// The new token; `None` on every later start, and when the settings gave it.
    pub token: Option<String>,
}

/// The lock on a data folder; dropping it opens the folder to the next process.
pub struct FolderLock {
    _file: File,
}

/// The file in the data folder that holds the token of the first start.
pub const TOKEN_FILE: &str = "api-token";

/// The file in the data folder that holds the catalog, unless that is on a server.
const CATALOG_FILE: &str = "catalog.sqlite";

/// Longest token that is read back from [`TOKEN_FILE`], in bytes.
const MAX_TOKEN_BYTES: u64 = 4096;

/// Opens the data folder (mode 0700, one process at a time), the catalog and the stores, makes the
/// first account if there is none, and starts the worker pool with its first worker.
///
/// # Errors
/// When no worker starts, or none that is confined as the settings demand; when the folder belongs to a running server or cannot be kept private, when a store does not
/// open, and when the settings give the first account another id, hash, token or key than it has.
pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Started> {
    start_with(config, clock, ImageIds::random()).await
}

/// The same, with the ids that new images get.
///
/// # Errors
/// As [`start`].
pub async fn start_with(config: Config, clock: Clock, image_ids: ImageIds) -> anyhow::Result<Started> {
    let data = config.data.as_path();
    let lock = own_folder(data)?;
    ensure!(
        !crate::copy::is_unfinished(data),
        "the data folder {} has the beginning of a copy: let `safelight copy` end it first (docs/moving.md)",
        data.display()
    );
    let catalog = open_catalog(&config).await?.with_quota(config.limits.quota);
    let blobs = store::open(&config)?;
    let staging = Staging::open(data.join("staging")).context("the folder for uploads cannot be opened")?;
    let staging = staging.with_free(config.limits.free_bytes);
    let first_account = first_account(&config, &catalog, clock.now_ms()).await?;
    store::claim(&config, &blobs, &first_account.account).await?;
    let renderer = Renderer::start(&config.render, config.source_limits);
    say_walls(&renderer, config.render.sandbox).await?;
    let flights = Flights::new(config.render.held_bytes);
    let (fetch, remote) = (Client::new(&config.fetch), remote::Flights::new(&config));
    let logins = Failures::new(config.limits.failed_logins_per_minute);
    let signatures = Failures::new(config.limits.failed_signatures_per_minute);
    let started_ms = clock.now_ms();
    let app = Arc::new(App {
        config,
        catalog,
        blobs,
        staging,
        renderer,
        fetch,
        remote,
        clock,
        logins,
        signatures,
        refusals: Refusals::default(),
        image_ids,
        request_ids: RequestIds::default(),
        node: random::hex_id(),
        started_ms,
        metrics: Metrics::default(),
        usage: Usage::default(),
        flights,
        options: KnownOptions::default(),
        refinements: Refinements::default(),
        renders: Renders::default(),
    });
    Ok(Started { app, first_account, lock })
}

/// Opens the catalog in the data folder or on a server.
async fn open_catalog(config: &Config) -> anyhow::Result<Catalog> {
    match &config.database {
        Database::Postgres(address) => {
            Catalog::connect(address).await.context("the database that the settings name")
        }
        Database::File => {
            let file = config.data.join(CATALOG_FILE);
            // Made here with its mode, which SQLite takes over for the files beside it.
            OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(&file)
                .with_context(|| format!("the catalog {} cannot be opened", file.display()))?;
            Catalog::open(&file).with_context(|| format!("in the data folder {}", config.data.display()))
        }
    }
}

/// The schema version of the catalog that these settings name, 0 where there is none yet. Nothing is changed.
///
/// # Errors
/// When it cannot be read.
pub async fn catalog_version(config: &Config) -> anyhow::Result<u32> {
    match &config.database {
        Database::Postgres(address) => {
            Catalog::version_on(address).await.context("the database that the settings name")
        }
        Database::File => {
            let file = config.data.join(CATALOG_FILE);
            let version = tokio::task::spawn_blocking(move || Catalog::version_of_file(&file)).await?;
            version.with_context(|| format!("in the data folder {}", config.data.display()))
        }
    }
}

/// Brings the catalog that these settings name to this program's version, as a start does. Of several that do so at
/// once on a server, one takes each step; a data folder that is in use is refused.
///
/// # Errors
/// When a step fails, which leaves the one before.
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    let _lock = match config.database {
        Database::Postgres(_) => None,
        Database::File => {
            private_folder(&config.data)?;
            Some(lock(&config.data)?)
        }
    };
    open_catalog(config).await.map(drop)
}

/// The first account, which is made where there is none.
async fn first_account(config: &Config, catalog: &Catalog, now_ms: i64) -> anyhow::Result<FirstStart> {
    let given = &config.first_account;
    let oldest = async || -> anyhow::Result<Option<Account>> {
        Ok(catalog.accounts().await?.into_iter().min_by_key(|a| (a.created_ms, a.id.clone())))
    };
    let account = match oldest().await? {
        Some(account) => account,
        None => match first_start(&config.data, given, catalog, now_ms).await? {
            Some(first) => return Ok(first),
            None => oldest().await?.context("another node has made the first account, and it is gone")?,
        },
    };
    require_same(given, &account, catalog).await?;
    Ok(FirstStart { account, token: None })
}

/// Starts the first worker, so that a machine on which nothing can be rendered, or only behind
/// fewer walls, is seen now and not at the first upload.
async fn say_walls(renderer: &Renderer, sandbox: Sandbox) -> anyhow::Result<()> {
    let walls = renderer.check().await.context("no render worker can be started")?;
    let (seccomp, landlock) = (walls.seccomp.as_str(), walls.landlock.as_str());
    if walls.seccomp != Wall::Whole {
        tracing::error!(
            seccomp,
            landlock,
            ?sandbox,
            "THE RENDER WORKERS ARE NOT CONFINED: the kernel does not filter their system calls. Whoever takes \
             one over with a picture can do what this user can. Serve only pictures that you trust"
        );
    } else if walls.landlock != Wall::Whole {
        tracing::warn!(
            seccomp,
            landlock,
            "the render workers are confined by seccomp; the second wall, Landlock, is not whole on this kernel"
        );
    } else {
        tracing::info!(seccomp, landlock, "the render workers are confined");
    }
    Ok(())
}

/// Makes the folder with mode 0700. One that others may enter is closed to them if it is empty or
/// already a data folder; any other is refused, since it may be shared on purpose.
fn private_folder(data: &Path) -> anyhow::Result<()> {
    let named = || format!("the data folder {}", data.display());
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .with_context(|| format!("{} cannot be made", named()))?;
    let mode = std::fs::metadata(data).with_context(named)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let mut entries = std::fs::read_dir(data).with_context(named)?;
    let ours = data.join(CATALOG_FILE).exists() || data.join("lock").exists() || entries.next().is_none();
    ensure!(
        ours,
        "{} is open to other users and holds files of something else: choose a folder of its own, or close \
         it with chmod 700",
        named()
    );
    std::fs::set_permissions(data, Permissions::from_mode(0o700))
        .with_context(|| format!("{} is open to other users and cannot be closed to them", named()))
}

/// Locks a data folder that may be there or not, as the server does.
///
/// # Errors
/// As [`start`].
pub fn own_folder(data: &Path) -> anyhow::Result<FolderLock> {
    private_folder(data)?;
    lock(data)
}

/// Sees that the images of a data folder are in the store that its settings name.
///
/// # Errors
/// When they are elsewhere.
pub fn require_store(config: &Config) -> anyhow::Result<()> {
    store::require_same(config).map(drop)
}

/// Locks a data folder that is there.
///
/// # Errors
/// When another process has it.
pub fn lock(data: &Path) -> anyhow::Result<FolderLock> {
    let path = data.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("the lock file {} cannot be opened", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(FolderLock { _file: file }),
        Err(std::fs::TryLockError::WouldBlock) => {
            bail!("the data folder {} is in use by another safelight process", data.display())
        }
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("the data folder {} cannot be locked", data.display()))
        }
    }
}

/// The token's file is durable before the account's row: a crash between the two leaves a token that
/// the next attempt takes up, never an account whose only token nobody knows. `None` where another node was
/// faster.
async fn first_start(
    data: &Path,
    given: &FirstAccount,
    catalog: &Catalog,
    now_ms: i64,
) -> anyhow::Result<Option<FirstStart>> {
    let file = data.join(TOKEN_FILE);
    let new_token = match &given.api_token {
        // The operator keeps it, so no copy is written; one that an interrupted attempt left is void.
        Some(_) => {
            remove_if_there(&file)?;
            None
        }
        None => Some(match written_token(&file)? {
            Some(token) => token,
            None => write_token(data, &file, random::secret())?,
        }),
    };
    let text = given.api_token.as_ref().or(new_token.as_ref()).context("there is no token")?;
    let new = new_account("default", Role::InstanceAdmin, given, text, now_ms)?;
    let account = new.account.clone();
    match catalog.create_first_account(new).await {
        Ok(()) => Ok(Some(FirstStart { account, token: new_token })),
        Err(InsertError::Exists) => {
            remove_if_there(&file)?;
            Ok(None)
        }
        Err(error) => Err(error).context("the first account cannot be stored"),
    }
}

/// A token of an earlier attempt that did not get as far as its row.
fn written_token(file: &Path) -> anyhow::Result<Option<String>> {
    let mut text = String::new();
    match File::open(file).and_then(|file| file.take(MAX_TOKEN_BYTES).read_to_string(&mut text)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("the token file {} cannot be read", file.display())),
        Ok(_) => {
            let token = text.trim_end();
            ensure!(
                !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()),
                "the token file {} holds no token, and there is no account yet: remove it",
                file.display()
            );
            Ok(Some(token.to_owned()))
        }
    }
}

/// Whole or not at all, under its name only once it is on disk.
fn write_token(data: &Path, file: &Path, token: String) -> anyhow::Result<String> {
    let unfinished = data.join("api-token.new");
    let write = || {
        remove_if_there(&unfinished)?;
        let mut new = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&unfinished)?;
        writeln!(new, "{token}")?;
        new.sync_all()?;
        std::fs::rename(&unfinished, file)?;
        File::open(data)?.sync_all()
    };
    write().with_context(|| format!("the token file {} cannot be written", file.display()))?;
    Ok(token)
}

fn remove_if_there(file: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// An account with what every account has from its first moment. What is not given is random.
pub(crate) fn new_account(
    name: &str,
    role: Role,
    given: &FirstAccount,
    token: &str,
    now_ms: i64,
) -> anyhow::Result<NewAccount> {
    let id = given.id.clone().unwrap_or_else(|| AccountId::from_random(random::bytes()));
    let hash = given.hash.clone().unwrap_or_else(|| AccountHash::from_random(random::bytes()));
    let key = given.signing_key.clone().unwrap_or_else(random::secret);
    let transform = Transform {
        fit: Fit::ScaleDown,
        width: Some(Side::parse(1366)?),
        height: Some(Side::parse(768)?),
        metadata: MetadataPolicy::None,
        ..Transform::default()
    };
    Ok(NewAccount {
        account: Account { id: id.clone(), hash, name: name.to_owned(), created_ms: now_ms },
        key: SigningKey::new(KeyName::parse(KeyName::DEFAULT)?, key)?,
        variant: Variant {
            name: VariantName::parse(VariantName::PUBLIC)?,
            transform,
            browser_ttl: None,
            access: VariantAccess::FollowImage,
        },
        token: TokenRecord {
            id: random::hex_id(),
            account: id,
            name: "first".to_owned(),
            hash: TokenHash::of(token),
            scopes: Scope::ALL.to_vec(),
            role,
            created_ms: now_ms,
            used_ms: None,
        },
    })
}

/// Refuses settings that would seem to rename what is stored and would do nothing.
async fn require_same(given: &FirstAccount, stored: &Account, catalog: &Catalog) -> anyhow::Result<()> {
    let differs = |setting: &str| {
        format!(
            "{setting} differs from what the data folder holds for its first account {}: remove the setting \
             or choose another data folder",
            stored.id.as_str()
        )
    };
    ensure!(given.id.as_ref().is_none_or(|id| *id == stored.id), differs("SAFELIGHT_ACCOUNT_ID"));
    ensure!(given.hash.as_ref().is_none_or(|hash| *hash == stored.hash), differs("SAFELIGHT_ACCOUNT_HASH"));
    if let Some(token) = &given.api_token {
        let known = catalog.find_token(&TokenHash::of(token)).await?;
        ensure!(known.is_some_and(|known| known.account == stored.id), differs("SAFELIGHT_API_TOKEN"));
    }
    if let Some(value) = &given.signing_key {
        let keys = catalog.keys(&stored.id).await?;
        let same = |key: &SigningKey| key.name().as_str() == KeyName::DEFAULT && key.value() == value;
        ensure!(keys.iter().any(same), differs("SAFELIGHT_SIGNING_KEY"));
    }
    Ok(())
}

#[cfg(test)]
#[path = "bootstrap_tests.rs"]
mod tests;
