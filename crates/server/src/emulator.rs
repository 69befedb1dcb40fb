//! What `safelight dev` puts in front of the server, so that clients can be tried without being set
//! up: any token, account id and account hash becomes the one that there is, and tests set the clock.
//!
//! The server behind it is the same as ever and knows nothing of this: a request is rewritten before
//! it arrives. No setting leads here; the command is the only one who may name this module.

mod clock;
mod rewrite;

pub use clock::DevClock;

use crate::app::App;
use crate::catalog::Account;
use crate::random::ImageIds;
use axum::Router;
use axum::extract::{OriginalUri, Request, State};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue};
use safelight_domain::image::ImageId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tower::ServiceExt;

/// Says on every answer that no server for the world has given it.
const MARK: HeaderName = HeaderName::from_static("safelight-emulator");

/// What the emulator stands in front of.
struct Emulator {
    app: Arc<App>,
    account: Account,
    /// Of an instance admin.
    token: String,
    clock: DevClock,
    server: Router,
}

/// The server of `app` with the emulator in front of it. `token` is one of `account`, an instance
/// admin's; `clock` is what the app's clock reads.
pub fn router(app: Arc<App>, account: Account, token: String, clock: DevClock) -> Router {
    let server = crate::http::router(Arc::clone(&app));
    Router::new()
        .route("/_dev/clock", get(clock::show).put(clock::set).delete(clock::reset))
        .fallback(pass_on)
        .layer(map_response(mark))
        .with_state(Arc::new(Emulator { app, account, token, clock, server }))
}

/// Ids of images that count up from `00000000-0000-4000-8000-000000000001`.
pub fn counted_ids() -> ImageIds {
    let count = AtomicU64::new(0);
    ImageIds::made_by(move || {
        let next = count.fetch_add(1, Ordering::SeqCst) + 1;
        ImageId::from_random(u128::from(next).to_be_bytes())
    })
}

async fn pass_on(State(emulator): State<Arc<Emulator>>, mut request: Request) -> Response {
    rewrite::request(&emulator, &mut request).await;
    // Of the rewritten request it is taken anew.
    request.extensions_mut().remove::<OriginalUri>();
    match emulator.server.clone().oneshot(request).await {
        Ok(response) => response.into_response(),
        Err(never) => match never {},
    }
}

async fn mark(mut response: Response) -> Response {
    response.headers_mut().insert(MARK, HeaderValue::from_static("1"));
    response
}
