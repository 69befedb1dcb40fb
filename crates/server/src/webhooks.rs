//! Messages to the webhooks of accounts, in the shape of Cloudflare's generic ones.

use crate::catalog::Webhook;
use crate::fetch::{Client, FetchError, Target};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use safelight_domain::account::AccountId;
use safelight_domain::direct_upload::{UploadEvent, UploadOutcome};
use serde_json::{Value, json};
use std::time::Duration;
use thiserror::Error;
use tokio::time::timeout;

/// Where a message carries the account's secret.
const AUTH: HeaderName = HeaderName::from_static("cf-webhook-auth");

/// Time for one message, whatever a fetch may take: a receiver has only to note it.
const TIME: Duration = Duration::from_secs(15);

/// A message: a JSON object.
#[derive(Debug)]
pub struct Message(Value);

/// Why a message was not taken. The texts tell nothing of closed networks.
#[derive(Debug, Error)]
pub enum TellError {
    /// See [`FetchError`].
    #[error("the webhook cannot be called: {0}")]
    Fetch(#[from] FetchError),
    /// A redirect is a refusal too.
    #[error("the webhook answered with status {0}, not with one from 200 to 299")]
    Refused(StatusCode),
    /// Nothing came within 15 seconds.
    #[error("the webhook did not answer within {TIME:?}")]
    TimedOut,
    /// The secret is none that a header can carry.
    #[error("the webhook's secret cannot be sent")]
    Secret,
}

impl Message {
    /// Tells how an upload went. `event_id` is the same in each repetition.
    pub fn of_event(account: &AccountId, event: &UploadEvent) -> Message {
        let id = event.id.as_str();
        let (status, text, error) = match &event.outcome {
            UploadOutcome::Uploaded => {
                ("success", format!("The direct upload of image {id} succeeded."), Value::Null)
            }
            UploadOutcome::Refused { code, text } => (
                "failure",
                format!("A direct upload of image {id} was refused: ERROR {code}: {text}"),
                json!({"code": code, "message": text}),
            ),
        };
        let data = json!({"event_id": event.event, "image_id": id, "status": status, "error": error});
        Message::new(account, &text, data, event.at_ms)
    }

    /// Says that the webhook works.
    pub fn test(account: &AccountId, now_ms: i64) -> Message {
        let text =
            "Hello World! This is a test message of Safelight. If you can see this, your webhook works.";
        Message::new(account, text, Value::Null, now_ms)
    }

    fn new(account: &AccountId, text: &str, data: Value, at_ms: i64) -> Message {
        Message(json!({
            "name": "Safelight",
            "text": text,
            "data": data,
            "ts": at_ms / 1000,
            "account_id": account.as_str(),
            "alert_type": "image_notification",
        }))
    }
}

/// Sends a message once.
pub async fn tell(client: &Client, webhook: &Webhook, message: &Message) -> Result<(), TellError> {
    let target = Target::parse(webhook.url.as_str())?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(secret) = &webhook.secret {
        let mut value = HeaderValue::from_str(secret).map_err(|_| TellError::Secret)?;
        value.set_sensitive(true);
        headers.insert(AUTH, value);
    }
    let body = Bytes::from(message.0.to_string());
    // Of the answer the status alone is read, so its length does not matter.
    let answer = timeout(TIME, client.post(target, &headers, body, u64::MAX));
    let status = answer.await.map_err(|_| TellError::TimedOut)??.status;
    if status.is_success() { Ok(()) } else { Err(TellError::Refused(status)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safelight_domain::image::ImageId;

    #[test]
    fn messages_have_the_shape_of_cloudflares_generic_ones() {
        let account = AccountId::parse(&"a".repeat(32)).expect("32 digits");
        let outcome = UploadOutcome::Refused { code: 5455, text: "no image".to_owned() };
        let event =
            UploadEvent { event: "e".to_owned(), id: ImageId::named("i"), at_ms: 1_800_000_000_999, outcome };
        let message = Message::of_event(&account, &event).0;
        let expected = json!({
            "name": "Safelight",
            "text": "A direct upload of image i was refused: ERROR 5455: no image",
            "data": {
                "event_id": "e",
                "image_id": "i",
                "status": "failure",
                "error": {"code": 5455, "message": "no image"},
            },
            "ts": 1_800_000_000,
            "account_id": "a".repeat(32),
            "alert_type": "image_notification",
        });
        assert_eq!(message, expected);
        let event = UploadEvent { outcome: UploadOutcome::Uploaded, ..event };
        let message = Message::of_event(&account, &event).0;
        assert_eq!(
            (&message["data"]["status"], &message["data"]["error"]),
            (&json!("success"), &json!(null))
        );
    }
}
