//! The document is of exactly the routes that there are.

use crate::documents::Document;
use crate::test_app::TestApp;
use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use std::collections::BTreeSet;
use std::sync::Arc;
use tower::ServiceExt;

#[tokio::test]
async fn it_is_served_to_anyone_beside_the_management_api() {
    let app = TestApp::new().await;
    let answer = app.get("/openapi.json").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), safelight::http::document());
    let asked = || Request::get("/openapi.json").body(Body::empty()).expect("a request");
    for (router, status) in [
        (safelight::http::admin_router(Arc::clone(&app.app)), StatusCode::OK),
        (safelight::http::delivery_router(Arc::clone(&app.app)), StatusCode::FORBIDDEN),
    ] {
        assert_eq!(router.oneshot(asked()).await.expect("an answer").status(), status);
    }
}

/// The paths that a router has for more than what nobody has, out of its own account of itself: `RouteId(5): "/metrics"`.
fn paths(router: &Router) -> BTreeSet<String> {
    let told = format!("{router:?}");
    let told = told.split("fallback_router").next().unwrap_or(&told);
    let paths: BTreeSet<String> = told
        .split("RouteId(")
        .filter_map(|rest| rest.split_once("): \"")?.1.split_once('"').map(|(path, _)| path.to_owned()))
        .collect();
    assert!(paths.contains("/metrics"), "{told}");
    paths
}

/// A path with something in the place of each parameter, such as there is for none of them.
fn filled(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        "{account_id}" => "0123456789abcdef0123456789abcdef",
        "{*file}" => "index.html",
        parameter if parameter.starts_with('{') => "x",
        literal => literal,
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Where images are uploaded by link.
const UPLOADS: &str = "/cdn-cgi/imageupload/{*link}";

/// A route's path as the document writes it, where one parameter stands for several segments.
fn described(path: &str) -> String {
    match path {
        UPLOADS => path.replace("{*link}", "{account_hash}/{secret}"),
        path => path.replace("{*image}", "{image_id}").replace("{*rest}", "{options}/{source}"),
    }
}

/// Method and path of every route that leads to something.
async fn routes(app: &TestApp) -> BTreeSet<String> {
    let router = safelight::http::router(Arc::clone(&app.app));
    let mut routes = BTreeSet::new();
    let methods = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
    ];
    for path in paths(&router) {
        for method in &methods {
            let request = Request::builder().method(method).uri(filled(&path)).body(Body::empty());
            let response = router.clone().oneshot(request.expect("a request")).await.expect("an answer");
            if ![StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&response.status())
                // No link is like this one, which is what its route says.
                || path == UPLOADS && *method == Method::POST
            {
                routes.insert(format!("{method} {}", described(&path)));
            }
        }
    }
    routes
}

/// What the document calls the same: parameters have no names here.
fn nameless(route: &str) -> String {
    let segments = route.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    segments.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn it_describes_the_routes_that_there_are_and_no_other() {
    let app = TestApp::new().await;
    let routed: BTreeSet<String> = routes(&app).await.iter().map(|route| nameless(route)).collect();
    let document = Document::new(safelight::http::document());
    let mut described = BTreeSet::new();
    for (path, methods) in document.operations() {
        // Delivery is what answers where there is no route; an original is one of an image's paths.
        if path.ends_with("/{variant}") || path.ends_with("/{image_id}/blob") {
            continue;
        }
        // HEAD comes with GET, whether the document has it or not.
        let methods = methods.iter().filter(|method| *method != "HEAD");
        described.extend(methods.map(|method| nameless(&format!("{method} {path}"))));
    }
    assert_eq!(routed, described);
    assert!(routed.len() > 20, "{routed:?}");
}

#[tokio::test]
async fn what_is_described_beside_the_routes_is_there_too() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[]).await;
    for target in [app.target(&id, "public"), format!("/cdn-cgi/imagedelivery{}", app.target(&id, "public"))]
    {
        for (method, status) in [(Method::GET, 200), (Method::HEAD, 200), (Method::OPTIONS, 204)] {
            assert_eq!(app.fetch(method, &target, &[]).await.status, status, "{target}");
        }
    }
    let blob = app.call(Method::GET, &format!("~/v1/{id}/blob"), None).await;
    assert_eq!(blob.status, StatusCode::OK);
}

/// An answer in any other form is found by the judge.
#[tokio::test]
async fn names_that_are_no_text_are_refused_in_the_envelope() {
    let app = TestApp::new().await;
    for (method, path) in [
        (Method::GET, "~/v1/variants/%FF"),
        (Method::PATCH, "~/v1/variants/%FF"),
        (Method::DELETE, "~/v1/variants/%FF"),
        (Method::GET, "~/v1/variants/%FF/flat"),
        (Method::PUT, "~/v1/keys/%FF"),
        (Method::DELETE, "~/v1/keys/%FF"),
        (Method::GET, "~/v1/%FF"),
        (Method::PATCH, "~/v1/%FF"),
        (Method::DELETE, "~/v1/%FF"),
        (Method::GET, "~/v1/%FF/blob"),
    ] {
        app.call(method, path, None).await.refused(400, 5400);
    }
    let token = format!("/safelight/v1/accounts/{}/tokens/%FF", app.account.id.as_str());
    app.call(Method::DELETE, &token, None).await.refused(400, 5400);
    app.call(Method::GET, "/client/v4/accounts/%FF/images/v1", None).await.refused(400, 5400);
}
