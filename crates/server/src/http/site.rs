//! What one listener answers: pictures without a detour, everything else by the routes.

use super::{delivery, log};
use crate::accept::Answers;
use crate::app::App;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, Method, header};
use http_body::Body as _;
use safelight_domain::account::AccountHash;
use safelight_domain::delivery_url::strip_prefix;
use std::net::SocketAddr;
use std::sync::Arc;

/// The routes of a listener. Clones share them.
#[derive(Clone)]
pub struct Site(Arc<Inner>);

struct Inner {
    router: Router,
    /// Where this listener delivers.
    delivers: Option<Arc<App>>,
}

impl Site {
    /// Routes that pictures are not delivered by.
    pub(super) fn new(router: Router) -> Site {
        Site(Arc::new(Inner { router, delivers: None }))
    }

    /// Routes that leave pictures to their fallback, which is [`delivery::handle`].
    pub(super) fn delivering(router: Router, app: Arc<App>) -> Site {
        Site(Arc::new(Inner { router, delivers: Some(app) }))
    }

    /// Where a request is for a picture: no route begins with an account hash.
    fn delivers(&self, request: &Request) -> Option<&Arc<App>> {
        let path = request.uri().path();
        let first = strip_prefix(path).unwrap_or(path).strip_prefix('/')?.split('/').next()?;
        self.0.delivers.as_ref().filter(|_| AccountHash::is_hash(first))
    }
}

impl Answers for Site {
    async fn answer(&self, mut request: Request, peer: SocketAddr) -> Response {
        let Some(app) = self.delivers(&request) else { return self.0.router.answer(request, peer).await };
        if log::is_read() {
            request.extensions_mut().insert(peer);
        }
        let is_head = request.method() == Method::HEAD;
        let handle = |request| delivery::answer(app, peer, request);
        let answer = log::around(app, request, handle).await;
        if is_head { without_its_body(answer) } else { answer }
    }
}

/// The answer to HEAD of what would be the answer to GET.
fn without_its_body(mut answer: Response) -> Response {
    let length = answer.body().size_hint().exact().map(HeaderValue::from);
    if let (Some(length), http::header::Entry::Vacant(entry)) =
        (length, answer.headers_mut().entry(header::CONTENT_LENGTH))
    {
        entry.insert(length);
    }
    answer.map(|_| Body::empty())
}
