//! A clock that tests can set, over `/_dev/clock`.

use super::Emulator;
use crate::clock::Clock;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Largest body in bytes; a moment takes some fifty.
const MAX_BODY_BYTES: usize = 1024;
/// The last second of the year 9999, in milliseconds: RFC 3339 has no later one.
const LAST_MS: i64 = 253_402_300_799_000;

/// A clock that stands still at a moment that was set, runs beside the real one by what it was
/// moved, or is the real one.
#[derive(Clone)]
pub struct DevClock {
    real: Clock,
    setting: Arc<Mutex<Setting>>,
}

#[derive(Clone, Copy)]
enum Setting {
    Real,
    Moved { by_ms: i64 },
    Standing { at_ms: i64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    now: Option<String>,
    advance_seconds: Option<i64>,
}

impl DevClock {
    /// A clock that shows what `real` does until it is set.
    pub fn over(real: Clock) -> DevClock {
        DevClock { real, setting: Arc::new(Mutex::new(Setting::Real)) }
    }

    /// This clock for those who only read it.
    pub fn reader(&self) -> Clock {
        let clock = self.clone();
        Clock::from_millis(move || clock.read(clock.setting()))
    }

    fn setting(&self) -> Setting {
        // A setting is replaced in one step, so a poisoned one is whole.
        *self.setting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, setting: Setting) -> i64 {
        match setting {
            Setting::Real => self.real.now_ms(),
            Setting::Moved { by_ms } => self.real.now_ms().saturating_add(by_ms),
            Setting::Standing { at_ms } => at_ms,
        }
    }

    fn change(&self, change: &Change) -> Result<(), &'static str> {
        let mut setting = self.setting.lock().unwrap_or_else(PoisonError::into_inner);
        let next = match (&change.now, change.advance_seconds) {
            (Some(now), None) => Setting::Standing { at_ms: moment(now)? },
            (None, Some(seconds)) => moved(*setting, seconds)?,
            _ => return Err("give one of now and advance_seconds"),
        };
        if !(0..=LAST_MS).contains(&self.read(next)) {
            return Err("the clock must stay between 1970 and 9999");
        }
        *setting = next;
        Ok(())
    }

    fn told(&self) -> Value {
        let setting = self.setting();
        let now = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.read(setting)) * 1_000_000);
        let state = match setting {
            Setting::Real => "real",
            Setting::Moved { .. } => "moved",
            Setting::Standing { .. } => "standing",
        };
        json!({"now": now.ok().and_then(|now| now.format(&Rfc3339).ok()), "state": state})
    }
}

fn moment(text: &str) -> Result<i64, &'static str> {
    let refused = "now must be a moment in RFC 3339, for instance 2027-01-31T12:00:00Z";
    let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| refused)?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).map_err(|_| refused)
}

/// One that stands still goes on standing still.
fn moved(setting: Setting, seconds: i64) -> Result<Setting, &'static str> {
    let refused = "advance_seconds goes too far";
    let by_ms = seconds.checked_mul(1000).ok_or(refused)?;
    let add = |ms: i64| ms.checked_add(by_ms).ok_or(refused);
    Ok(match setting {
        Setting::Real => Setting::Moved { by_ms },
        Setting::Moved { by_ms } => Setting::Moved { by_ms: add(by_ms)? },
        Setting::Standing { at_ms } => Setting::Standing { at_ms: add(at_ms)? },
    })
}

/// `GET /_dev/clock`
pub(super) async fn show(State(emulator): State<Arc<Emulator>>) -> Response {
    answer(StatusCode::OK, &emulator.clock.told())
}

/// `PUT /_dev/clock` with `{"now": "<RFC 3339>"}` or `{"advance_seconds": n}`, which may be negative.
pub(super) async fn set(State(emulator): State<Arc<Emulator>>, body: Body) -> Response {
    let refused = |why: &str| answer(StatusCode::BAD_REQUEST, &json!({"error": why}));
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return refused("the body is too long");
    };
    match serde_json::from_slice::<Change>(&body) {
        Err(_) => refused(r#"the body must be {"now": "<RFC 3339>"} or {"advance_seconds": <whole number>}"#),
        Ok(change) => match emulator.clock.change(&change) {
            Err(why) => refused(why),
            Ok(()) => show(State(emulator)).await,
        },
    }
}

/// `DELETE /_dev/clock`: back to the real time.
pub(super) async fn reset(State(emulator): State<Arc<Emulator>>) -> Response {
    *emulator.clock.setting.lock().unwrap_or_else(PoisonError::into_inner) = Setting::Real;
    show(State(emulator)).await
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(text: &str) -> Change {
        Change { now: Some(text.to_owned()), advance_seconds: None }
    }

    fn advance(seconds: i64) -> Change {
        Change { now: None, advance_seconds: Some(seconds) }
    }

    #[test]
    fn it_stands_where_it_is_set_and_runs_on_when_moved() {
        let real = Arc::new(Mutex::new(1_000_000));
        let read = Arc::clone(&real);
        let clock = DevClock::over(Clock::from_millis(move || *read.lock().expect("no test has died here")));
        let reader = clock.reader();
        assert_eq!(reader.now_ms(), 1_000_000);
        clock.change(&advance(60)).expect("a change");
        assert_eq!(reader.now_ms(), 1_060_000);
        *real.lock().expect("no test has died here") += 5;
        assert_eq!(reader.now_ms(), 1_060_005, "it runs on");
        clock.change(&now("1970-01-01T01:00:00+01:00")).expect("a change");
        assert_eq!(reader.now_ms(), 0);
        clock.change(&advance(7)).expect("a change");
        *real.lock().expect("no test has died here") += 5;
        assert_eq!(reader.now_ms(), 7_000, "it stands still");
        assert_eq!(clock.told(), json!({"now": "1970-01-01T00:00:07Z", "state": "standing"}));
    }

    #[test]
    fn what_makes_no_sense_changes_nothing() {
        let clock = DevClock::over(Clock::from_millis(|| 1_000));
        for change in [
            now("yesterday"),
            now("1969-12-31T23:59:59Z"),
            advance(-2),
            advance(i64::MAX),
            advance(LAST_MS),
            Change { now: None, advance_seconds: None },
            Change { now: Some("2027-01-01T00:00:00Z".to_owned()), advance_seconds: Some(1) },
        ] {
            assert!(clock.change(&change).is_err());
            assert_eq!(clock.reader().now_ms(), 1_000);
        }
    }
}
