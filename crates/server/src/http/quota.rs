//! What an account may keep and have made, below `/safelight/v1`.

use crate::app::App;
use crate::catalog::{ConfigChanges, QuotaChanges};
use crate::http::auth::{AccountCaller, Presented};
use crate::http::envelope::{Success, json_body};
use crate::http::error::ApiError;
use axum::body::Body;
use axum::extract::{Path, State};
use safelight_domain::account::AccountId;
use safelight_domain::quota::{Bound, OwnQuota, Quota};
use safelight_domain::token::{Refusal, Scope};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// The word for no bound.
const OFF: &str = "off";

/// `result` of [`get`] and [`update`].
#[derive(Serialize)]
pub(super) struct QuotaBody {
    used: UsedBody,
    /// What holds.
    allowed: BoundsBody,
    /// What the account is given; null follows the instance.
    own: BoundsBody,
}

#[derive(Serialize)]
struct UsedBody {
    images: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct BoundsBody {
    images: Value,
    bytes: Value,
    renders_per_minute: Value,
}

/// What is left out stays, and null follows the instance again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateBody {
    #[serde(default, deserialize_with = "present")]
    images: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    bytes: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    renders_per_minute: Option<Value>,
}

/// Tells null from nothing at all.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// `GET /safelight/v1/accounts/{account_id}/quota`
pub(super) async fn get(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<QuotaBody>, ApiError> {
    Ok(Success(body_of(&app, caller.account()).await?))
}

/// `PATCH /safelight/v1/accounts/{account_id}/quota` (instance admin): counts from the next upload on. What is there
/// already stays, also where it is more.
pub(super) async fn update(
    State(app): State<Arc<App>>,
    presented: Presented,
    Path(id): Path<String>,
    body: Body,
) -> Result<Success<QuotaBody>, ApiError> {
    presented.require_instance_admin(Scope::Write)?;
    let account = AccountId::parse(&id).map_err(|_| Refusal::OtherAccount)?;
    app.catalog.find_account(&account).await?.ok_or(Refusal::OtherAccount)?;
    let UpdateBody { images, bytes, renders_per_minute } = json_body(body).await?;
    let parsed = |name, value: Option<Value>| value.map(|value| parse(name, &value)).transpose();
    let quota = QuotaChanges {
        images: parsed("images", images)?,
        bytes: parsed("bytes", bytes)?,
        renders_per_minute: parsed("renders_per_minute", renders_per_minute)?,
    };
    app.catalog.update_account_config(&account, ConfigChanges { quota, ..ConfigChanges::default() }).await?;
    Ok(Success(body_of(&app, &account).await?))
}

async fn body_of(app: &App, account: &AccountId) -> Result<QuotaBody, ApiError> {
    let OwnQuota { images, bytes, renders_per_minute } = app.catalog.account_config(account).await?.quota;
    let own = |bound: Option<Bound>| bound.map_or(Value::Null, shown);
    let room = app.catalog.room(account).await?;
    let Quota { images: all_images, bytes: all_bytes, renders_per_minute: all_renders } = room.quota;
    Ok(QuotaBody {
        used: UsedBody { images: room.kept.images, bytes: room.kept.bytes },
        allowed: BoundsBody {
            images: shown(all_images),
            bytes: shown(all_bytes),
            renders_per_minute: shown(all_renders),
        },
        own: BoundsBody {
            images: own(images),
            bytes: own(bytes),
            renders_per_minute: own(renders_per_minute),
        },
    })
}

fn shown(bound: Bound) -> Value {
    match bound {
        Bound::Off => json!(OFF),
        Bound::At(most) => json!(most),
    }
}

fn parse(name: &str, value: &Value) -> Result<Option<Bound>, ApiError> {
    let bound = match value {
        Value::Null => return Ok(None),
        Value::String(word) if word == OFF => Some(Bound::Off),
        value => value.as_u64().and_then(Bound::at),
    };
    bound.map(Some).ok_or_else(|| {
        let most = Bound::MAX;
        ApiError::bad_request(format!(
            "{name} must be a whole number from 0 to {most}, \"{OFF}\", or null for what the instance gives"
        ))
    })
}
