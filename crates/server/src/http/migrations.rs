//! Migrations of the Sourcing Kit: a bucket's objects on their way to be images.

use crate::app::App;
use crate::catalog::{
    MAX_ACTIVE_MIGRATIONS, MAX_MIGRATIONS, MigrationChange, MigrationLog, NewMigration, NewMigrationError,
    SourcingMigration,
};
use crate::config::Compat;
use crate::http::auth::AccountCaller;
use crate::http::envelope::{Success, empty, json_body};
use crate::http::error::ApiError;
use crate::http::images::{custom_id_is_private, privacy, rfc3339};
use crate::http::sourcing::{Range, range, source_not_found};
use crate::random;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use http::StatusCode;
use safelight_domain::account::AccountId;
use safelight_domain::image::{ImageId, Privacy, SourceFormat};
use safelight_domain::sourcing::{ConflictBehaviour, Folder, Plan, SourcingId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Body of POST.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    source_id: String,
    root_directory: Option<String>,
    path_prefix: Option<String>,
    conflict_behaviour: Option<String>,
    excluded_content_types: Option<Vec<String>>,
    /// Ours: who may see the images.
    #[serde(rename = "requireSignedURLs")]
    require_signed_urls: Option<bool>,
}

/// A migration on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MigrationBody {
    id: String,
    source_id: Option<String>,
    status: &'static str,
    root_directory: Option<String>,
    path_prefix: Option<String>,
    /// Cloudflare's older name of the same.
    images_path_prefix: Option<String>,
    conflict_behaviour: &'static str,
    excluded_content_types: Vec<&'static str>,
    #[serde(rename = "requireSignedURLs")]
    require_signed_urls: bool,
    log_stopped: bool,
    created_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
}

/// How far a migration has come.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Progress {
    status: &'static str,
    scanned_count: u64,
    import_success_count: u64,
    import_errors_count: u64,
    skipped_conflict_count: u64,
    skipped_excluded_content_type_count: u64,
    skipped_invalid_media_count: u64,
    skipped_invalid_name_count: u64,
    skipped_oversize_count: u64,
    skipped_storage_class_count: u64,
    skipped_unsupported_content_type_count: u64,
    /// Always: what is counted is counted with its image.
    is_accurate: bool,
    started_at: Option<String>,
    ended_at: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogBody {
    created_at: String,
    log_type: &'static str,
    msg: String,
}

/// `result` of the list.
#[derive(Serialize)]
pub(super) struct Migrations {
    migrations: Vec<MigrationBody>,
}

/// `result` of the log.
#[derive(Serialize)]
pub(super) struct Logs {
    logs: Vec<LogBody>,
}

/// `POST …/v2/sourcingkit/migrations`: it waits to be started.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    body: Body,
) -> Result<Success<MigrationBody>, ApiError> {
    let body: CreateBody = json_body(body).await?;
    let source = SourcingId::named(&body.source_id);
    let plan = plan(&app, body)?;
    let id = SourcingId::from_random(random::bytes());
    let account = caller.account().clone();
    let migration = NewMigration { id: id.clone(), account, source, plan, created_ms: app.clock.now_ms() };
    let many = |what: String| ApiError::new(StatusCode::TOO_MANY_REQUESTS, 5429, what);
    match app.catalog.insert_migration(migration).await {
        Ok(()) => Ok(Success(body_of(find(&app, caller.account(), &id).await?))),
        Err(NewMigrationError::NoSource) => Err(source_not_found()),
        Err(NewMigrationError::ManyActive) => Err(many(format!(
            "an account may have at most {MAX_ACTIVE_MIGRATIONS} migrations that have not ended: wait for one, or abort it"
        ))),
        Err(NewMigrationError::Many) => Err(many(format!(
            "an account may have at most {MAX_MIGRATIONS} migrations: delete one that has ended"
        ))),
        Err(NewMigrationError::Catalog(error)) => Err(error.into()),
    }
}

/// `GET …/v2/sourcingkit/migrations`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    RawQuery(query): RawQuery,
) -> Result<Success<Migrations>, ApiError> {
    let Range { offset, limit, .. } = range(query.as_deref())?;
    let migrations = app.catalog.migrations(caller.account(), offset, limit).await?;
    Ok(Success(Migrations { migrations: migrations.into_iter().map(body_of).collect() }))
}

/// `GET …/v2/sourcingkit/migrations/{migration_id}`
pub(super) async fn get(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<MigrationBody>, ApiError> {
    Ok(Success(body_of(find(&app, caller.account(), &SourcingId::named(&id)).await?)))
}

/// `DELETE …/v2/sourcingkit/migrations/{migration_id}`: what it brought stays.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<Value>, ApiError> {
    let change = app.catalog.delete_migration(caller.account(), &SourcingId::named(&id)).await?;
    made(change, "only a migration that has ended can be deleted: abort it first").map(|_| empty())
}

/// `GET …/v2/sourcingkit/migrations/{migration_id}/lifecycle`
pub(super) async fn progress(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<Progress>, ApiError> {
    let SourcingMigration { status, counts, started_ms, ended_ms, .. } =
        find(&app, caller.account(), &SourcingId::named(&id)).await?;
    Ok(Success(Progress {
        status: status.as_str(),
        scanned_count: counts.scanned,
        import_success_count: counts.imported,
        import_errors_count: counts.failed,
        skipped_conflict_count: counts.conflict,
        skipped_excluded_content_type_count: counts.excluded_content_type,
        skipped_invalid_media_count: counts.invalid_media,
        skipped_invalid_name_count: counts.invalid_name,
        skipped_oversize_count: counts.oversize,
        skipped_storage_class_count: counts.storage_class,
        skipped_unsupported_content_type_count: counts.unsupported_content_type,
        is_accurate: true,
        started_at: started_ms.map(rfc3339),
        ended_at: ended_ms.map(rfc3339),
    }))
}

/// `PATCH …/v2/sourcingkit/migrations/{migration_id}/lifecycle/start`: it begins within a second.
pub(super) async fn start(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<MigrationBody>, ApiError> {
    let now_ms = app.clock.now_ms();
    let change = app.catalog.start_migration(caller.account(), &SourcingId::named(&id), now_ms).await?;
    made(change, "only a pending migration can be started").map(|migration| Success(body_of(migration)))
}

/// `PATCH …/v2/sourcingkit/migrations/{migration_id}/lifecycle/abort`: what it brought stays.
pub(super) async fn abort(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<MigrationBody>, ApiError> {
    let now_ms = app.clock.now_ms();
    let change = app.catalog.abort_migration(caller.account(), &SourcingId::named(&id), now_ms).await?;
    made(change, "the migration has ended already").map(|migration| Success(body_of(migration)))
}

/// `GET …/v2/sourcingkit/migrations/{migration_id}/logs`
pub(super) async fn logs(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Success<Logs>, ApiError> {
    let Range { offset, limit, .. } = range(query.as_deref())?;
    let migration = find(&app, caller.account(), &SourcingId::named(&id)).await?;
    let logs = app.catalog.migration_logs(&migration.id, offset, limit).await?;
    let body = |MigrationLog { at_ms, kind, message }| LogBody {
        created_at: rfc3339(at_ms),
        log_type: kind.as_str(),
        msg: message,
    };
    Ok(Success(Logs { logs: logs.into_iter().map(body).collect() }))
}

async fn find(app: &App, account: &AccountId, id: &SourcingId) -> Result<SourcingMigration, ApiError> {
    app.catalog.find_migration(account, id).await?.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, 5404, "Migration not found")
}

fn made(change: MigrationChange, otherwise: &str) -> Result<SourcingMigration, ApiError> {
    match change {
        MigrationChange::Made(migration) => Ok(*migration),
        MigrationChange::Missing => Err(not_found()),
        MigrationChange::NotNow(status) => {
            let public = format!("{otherwise}; this one is {}", status.as_str());
            Err(ApiError::new(StatusCode::CONFLICT, 5409, public))
        }
    }
}

fn plan(app: &App, body: CreateBody) -> Result<Plan, ApiError> {
    let folder = |name: &str, text: Option<String>| {
        let parsed = text.as_deref().map(Folder::parse).transpose();
        parsed.map_err(|error| ApiError::bad_request(format!("{name} {error}")))
    };
    let path_prefix = folder("pathPrefix", body.path_prefix)?;
    if let Some(prefix) = &path_prefix {
        ImageId::custom(&format!("{}x", prefix.prefix()))
            .map_err(|error| ApiError::bad_request(format!("pathPrefix makes no ids: {error}")))?;
    }
    let conflict = match body.conflict_behaviour.as_deref() {
        None => Some(ConflictBehaviour::Skip),
        Some(word) => ConflictBehaviour::parse(word),
    };
    let mut excluded: Vec<SourceFormat> = Vec::new();
    for text in body.excluded_content_types.unwrap_or_default() {
        let format = SourceFormat::from_media_type(&text).ok_or_else(refused_types)?;
        if !excluded.contains(&format) {
            excluded.push(format);
        }
    }
    let strict = app.config.compat == Compat::Strict;
    // It took a secret to see them; only where private images with ids of their own are refused is that another matter.
    let privacy = privacy(body.require_signed_urls.unwrap_or(!strict));
    if strict && privacy == Privacy::RequireSigned {
        return Err(custom_id_is_private());
    }
    Ok(Plan {
        root_directory: folder("rootDirectory", body.root_directory)?,
        path_prefix,
        conflict: conflict
            .ok_or_else(|| ApiError::bad_request("conflictBehaviour must be skip or overwrite"))?,
        excluded,
        privacy,
    })
}

fn refused_types() -> ApiError {
    let known: Vec<&str> = SourceFormat::ALL.iter().map(|format| format.media_type()).collect();
    ApiError::bad_request(format!("excludedContentTypes may have {}", known.join(", ")))
}

fn body_of(migration: SourcingMigration) -> MigrationBody {
    let plan = migration.plan;
    let path_prefix = plan.path_prefix.map(|folder| folder.as_str().to_owned());
    MigrationBody {
        id: migration.id.as_str().to_owned(),
        source_id: migration.source.map(|source| source.as_str().to_owned()),
        status: migration.status.as_str(),
        root_directory: plan.root_directory.map(|folder| folder.as_str().to_owned()),
        images_path_prefix: path_prefix.clone(),
        path_prefix,
        conflict_behaviour: plan.conflict.as_str(),
        excluded_content_types: plan.excluded.iter().map(|format| format.media_type()).collect(),
        require_signed_urls: plan.privacy == Privacy::RequireSigned,
        log_stopped: migration.log_stopped,
        created_at: rfc3339(migration.created_ms),
        started_at: migration.started_ms.map(rfc3339),
        ended_at: migration.ended_ms.map(rfc3339),
    }
}
