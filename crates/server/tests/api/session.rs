//! Sessions of browsers: logging in, what the cookie opens, and what it does not.

use crate::test_app::{Answer, NOW, TestApp, form, png};
use axum::body::Body;
use http::{Method, Request};
use safelight::config::Dashboard;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt;

const PATH: &str = "/safelight/v1/session";

/// A browser that is logged in.
struct Browser {
    /// The value of the header `Cookie`.
    cookie: String,
    csrf: String,
}

async fn try_log_in(app: &TestApp, token: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post(PATH).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Body::from(json!({"token": token}).to_string());
    app.send(request.body(body).expect("a request")).await
}

async fn log_in(app: &TestApp, token: &str) -> Browser {
    let answer = try_log_in(app, token, &[]).await;
    let csrf = answer.result()["csrf"].as_str().expect("a value").to_owned();
    let cookie = answer.header("set-cookie").expect("a cookie");
    Browser { cookie: cookie.split(';').next().expect("a pair").to_owned(), csrf }
}

impl Browser {
    /// A request with the cookie and further headers.
    async fn send(
        &self,
        app: &TestApp,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let path = path.replace('~', &format!("/client/v4/accounts/{}/images", app.account.id.as_str()));
        let mut request = Request::builder().method(method).uri(path).header("cookie", &self.cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        app.send(request.body(body).expect("a request")).await
    }

    async fn get(&self, app: &TestApp, path: &str) -> Answer {
        self.send(app, Method::GET, path, &[], None).await
    }

    async fn change(&self, app: &TestApp, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send(app, method, path, &[("x-csrf-token", &self.csrf)], body).await
    }
}

/// The id and the text of a new token of the app's account.
async fn new_token(app: &TestApp, scopes: &[&str]) -> (String, String) {
    let path = format!("/safelight/v1/accounts/{}/tokens", app.account.id.as_str());
    let made = app.call(Method::POST, &path, Some(json!({"name": "t", "scopes": scopes}))).await.result();
    let text = |key: &str| made[key].as_str().expect("a text").to_owned();
    (text("id"), text("token"))
}

#[tokio::test]
async fn a_token_opens_a_session_that_stands_for_it() {
    let app = TestApp::new().await;
    let answer = try_log_in(&app, &app.token, &[]).await;
    let mut result = answer.result();
    assert_eq!(result["expires"], "2027-01-15T20:00:00.000Z");
    assert_eq!(result["account_id"], app.account.id.as_str());
    assert_eq!(result["account_hash"], app.account.hash.as_str());
    assert_eq!((&result["account_name"], &result["instance_admin"]), (&json!("default"), &json!(true)));
    assert_eq!(result["scopes"], json!(["read", "write", "sign"]));
    assert_eq!(result["public_url"], "https://images.example");

    let browser = log_in(&app, &app.token).await;
    let again = browser.get(&app, PATH).await.result();
    assert_ne!(again["csrf"], result["csrf"], "each session has its own");
    assert_eq!(again["csrf"], browser.csrf);
    result["csrf"] = again["csrf"].clone();
    assert_eq!(again, result);
    let by_token = app.call(Method::GET, PATH, None).await.result();
    result["csrf"] = Value::Null;
    result["expires"] = Value::Null;
    assert_eq!(by_token, result);
    app.get(PATH).await.refused(401, 10000);
    for path in ["~/v1", "~/v2", "~/v1/keys", "/safelight/v1/whoami", "/safelight/v1/accounts"] {
        browser.get(&app, path).await.result();
    }
}

#[tokio::test]
async fn the_cookie_is_for_this_site_and_no_script() {
    let app = TestApp::new().await;
    for (origin, secure) in [
        (None, ""),
        (Some("http://127.0.0.1:8787"), ""),
        (Some("https://admin.example"), "; Secure"),
        (Some("null"), ""),
    ] {
        let headers: Vec<(&str, &str)> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        let answer = try_log_in(&app, &app.token, &headers).await;
        answer.result();
        let cookie = answer.header("set-cookie").expect("a cookie");
        let (pair, attributes) = cookie.split_once(';').expect("attributes");
        let secret = pair.strip_prefix("safelight_session=").expect("the name");
        assert_eq!(secret.len(), 43);
        assert_eq!(attributes, format!(" HttpOnly; SameSite=Strict; Path=/; Max-Age=43200{secure}"));
        assert!(!answer.text().contains(secret) && !cookie.contains(&app.token), "a secret is sent once");
    }
}

#[tokio::test]
async fn a_session_may_no_more_than_its_token() {
    let app = TestApp::new().await;
    let (_, read) = new_token(&app, &["read"]).await;
    let browser = log_in(&app, &read).await;
    browser.get(&app, "~/v1").await.result();
    browser.get(&app, "~/v1/keys").await.refused(403, 10000);
    browser.get(&app, "/safelight/v1/accounts").await.refused(403, 10000);
    let said = browser.change(&app, Method::PUT, "~/v1/keys/k", None).await.refused(403, 10000);
    assert!(said.contains("lacks the scope 'write'"), "{said}");
    let other = "/client/v4/accounts/0123456789abcdef0123456789abcdef/images/v1";
    browser.get(&app, other).await.refused(403, 5403);
}

#[tokio::test]
async fn wrong_tokens_are_refused_and_bodies_are_judged() {
    let app = TestApp::new().await;
    for wrong in ["", "wrong", "Bearer x"] {
        let answer = try_log_in(&app, wrong, &[]).await;
        answer.refused(401, 10000);
        assert_eq!(answer.header("set-cookie"), None);
    }
    // A cookie is no token, so no session prolongs itself.
    let browser = log_in(&app, &app.token).await;
    let secret = browser.cookie.split_once('=').expect("a pair").1;
    try_log_in(&app, secret, &[]).await.refused(401, 10000);
    for body in ["", "{}", r#"{"token":1}"#, r#"{"token":"x","more":1}"#] {
        let request = Request::post(PATH).body(Body::from(body)).expect("a request");
        app.send(request).await.refused(400, 5400);
    }
    let long = Request::post(PATH).body(Body::from(vec![b' '; 65 * 1024])).expect("a request");
    app.send(long).await.refused(413, 7011);
}

#[tokio::test]
async fn who_fails_too_often_waits() {
    let app = TestApp::with(|config| config.trusted_proxies = vec!["10.0.0.1/32".parse().unwrap()]).await;
    let from = async |client: &str, token: &str| {
        let mut request = Request::post(PATH).header("x-forwarded-for", client);
        request.extensions_mut().unwrap().insert(SocketAddr::from(([10, 0, 0, 1], 5)));
        let body = Body::from(json!({"token": token}).to_string());
        app.send(request.body(body).expect("a request")).await
    };
    from("192.0.2.1", &app.token).await.result();
    for _ in 0..10 {
        from("192.0.2.1", "wrong").await.refused(401, 10000);
    }
    for token in ["wrong", &app.token] {
        let answer = from("192.0.2.1", token).await;
        assert_eq!(answer.refused(429, 5429), "Too many failed logins, try again in 60 s");
        assert_eq!(answer.header("retry-after"), Some("60"));
    }
    from("192.0.2.2", &app.token).await.result();
    // Tokens themselves and open sessions are good meanwhile.
    app.call(Method::GET, PATH, None).await.result();
    app.set_clock(NOW + 59);
    assert_eq!(from("192.0.2.1", &app.token).await.header("retry-after"), Some("1"));
    app.set_clock(NOW + 60);
    from("192.0.2.1", &app.token).await.result();
}

#[tokio::test]
async fn a_session_ends_by_itself_with_its_token_and_by_log_out() {
    let app = TestApp::new().await;
    let browser = log_in(&app, &app.token).await;
    app.set_clock(NOW + 12 * 3600 - 1);
    browser.get(&app, PATH).await.result();
    app.set_clock(NOW + 12 * 3600);
    browser.get(&app, PATH).await.refused(401, 10000);

    let (id, token) = new_token(&app, &["read"]).await;
    let browser = log_in(&app, &token).await;
    browser.get(&app, PATH).await.result();
    let path = format!("/safelight/v1/accounts/{}/tokens/{id}", app.account.id.as_str());
    app.call(Method::DELETE, &path, None).await.result();
    browser.get(&app, PATH).await.refused(401, 10000);

    let (browser, other) = (log_in(&app, &app.token).await, log_in(&app, &app.token).await);
    browser.send(&app, Method::DELETE, PATH, &[], None).await.refused(403, 10000);
    let answer = browser.change(&app, Method::DELETE, PATH, None).await;
    assert_eq!(answer.result(), json!({}));
    let removed = "safelight_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0";
    assert_eq!(answer.header("set-cookie"), Some(removed));
    assert_eq!(answer.header("clear-site-data"), Some("\"cache\""));
    browser.get(&app, PATH).await.refused(401, 10000);
    other.get(&app, PATH).await.result();
}

#[tokio::test]
async fn changes_need_the_value_that_other_sites_cannot_read() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[]).await;
    let (browser, other) = (log_in(&app, &app.token).await, log_in(&app, &app.token).await);
    let image = format!("~/v1/{id}");
    let accounts = "/safelight/v1/accounts";
    let changes = [
        (Method::PATCH, image.as_str(), Some(json!({"requireSignedURLs": true}))),
        (Method::PUT, "~/v1/keys/k", None),
        (Method::POST, "~/v1/variants", Some(json!({"id": "v", "options": {"width": 5}}))),
        (Method::POST, accounts, Some(json!({"name": "n"}))),
        (Method::DELETE, image.as_str(), None),
    ];
    for (method, path, body) in &changes {
        for headers in [
            &[][..],
            &[("x-csrf-token", "")],
            &[("x-csrf-token", &other.csrf[..])],
            &[("x-csrf-token", browser.cookie.split_once('=').expect("a pair").1)],
        ] {
            let answer = browser.send(&app, method.clone(), path, headers, body.clone()).await;
            let said = answer.refused(403, 10000);
            assert!(said.contains("X-CSRF-Token"), "{method} {path}: {said}");
        }
    }
    for (method, path, body) in changes {
        browser.change(&app, method, path, body).await.result();
    }
    app.call(Method::GET, &image, None).await.refused(404, 5404);
}

#[tokio::test]
async fn uploads_need_it_too() {
    let app = TestApp::new().await;
    let browser = log_in(&app, &app.token).await;
    let path = format!("/client/v4/accounts/{}/images/v1", app.account.id.as_str());
    let upload = async |csrf: Option<&str>| {
        let mut request = Request::post(&path)
            .header("cookie", &browser.cookie)
            .header("content-type", "multipart/form-data; boundary=b");
        if let Some(csrf) = csrf {
            request = request.header("x-csrf-token", csrf);
        }
        let file = png(3, 2, [1, 2, 3, 255]);
        let body = Body::from(form(Some(("a.png", &file)), &[]));
        app.send(request.body(body).expect("a request")).await
    };
    upload(None).await.refused(403, 10000);
    upload(Some("wrong")).await.refused(403, 10000);
    upload(Some(&browser.csrf)).await.result();
}

#[tokio::test]
async fn a_token_in_a_header_wins_over_the_cookie() {
    let app = TestApp::new().await;
    let (_, read) = new_token(&app, &["read"]).await;
    let browser = log_in(&app, &app.token).await;
    let bearer = format!("Bearer {read}");
    for name in ["authorization", "x-auth-key"] {
        let value = if name == "authorization" { &bearer } else { &read };
        let shown = browser.send(&app, Method::GET, PATH, &[(name, value)], None).await.result();
        assert_eq!((&shown["csrf"], &shown["scopes"]), (&Value::Null, &json!(["read"])));
        for wrong in ["wrong", "Bearer wrong", ""] {
            browser.send(&app, Method::GET, PATH, &[(name, wrong)], None).await.refused(401, 10000);
        }
    }
    // Programs with a token need nothing of what guards browsers.
    let bearer = format!("Bearer {}", app.token);
    let headers = [("authorization", bearer.as_str()), ("sec-fetch-site", "cross-site")];
    browser.send(&app, Method::PUT, "~/v1/keys/k", &headers, None).await.result();
}

#[tokio::test]
async fn pages_of_other_sites_get_nothing() {
    let app = TestApp::new().await;
    let browser = log_in(&app, &app.token).await;
    for site in ["cross-site", "same-site", "x"] {
        let headers = [("sec-fetch-site", site), ("x-csrf-token", browser.csrf.as_str())];
        browser.send(&app, Method::GET, "~/v1", &headers, None).await.refused(403, 10000);
        browser.send(&app, Method::PUT, "~/v1/keys/k", &headers, None).await.refused(403, 10000);
        let answer = try_log_in(&app, &app.token, &[("sec-fetch-site", site)]).await;
        answer.refused(403, 10000);
        assert_eq!(answer.header("set-cookie"), None);
    }
    for site in ["same-origin", "none"] {
        let headers = [("sec-fetch-site", site)];
        browser.send(&app, Method::GET, "~/v1", &headers, None).await.result();
        try_log_in(&app, &app.token, &headers).await.result();
    }
}

#[tokio::test]
async fn batches_and_viewers_have_no_sessions() {
    let app = TestApp::new().await;
    let browser = log_in(&app, &app.token).await;
    for path in ["/images/v1/x", "/images/v2"] {
        browser.get(&app, path).await.refused(401, 10000);
    }
    browser.change(&app, Method::DELETE, "/images/v1/x", None).await.refused(401, 10000);
    let id = app.private_image().await;
    browser.get(&app, &app.target(&id, "public")).await.error(403, 9425);
}

#[tokio::test]
async fn cookies_of_others_are_passed_over() {
    let app = TestApp::new().await;
    let browser = log_in(&app, &app.token).await;
    let with = async |cookie: &str| app.fetch(Method::GET, PATH, &[("cookie", cookie)]).await;
    for good in [
        format!("a=b; {}", browser.cookie),
        format!("safelight_session_2=x;{}; c", browser.cookie),
        format!("{}; safelight_session=other", browser.cookie),
    ] {
        with(&good).await.result();
    }
    for bad in [
        "safelight_session",
        "safelight_session=",
        "safelight_session=x",
        &browser.cookie.to_uppercase(),
        &format!("{}x", browser.cookie),
    ] {
        with(bad).await.refused(401, 10000);
    }
}

/// Where there is no dashboard a cookie is worth nothing, though the management API is there.
#[tokio::test]
async fn sessions_are_where_the_dashboard_is() {
    let apart = Dashboard::Apart("127.0.0.1:0".parse().expect("an address"));
    let app = TestApp::with(|config| config.dashboard = apart).await;
    let log_in = || {
        let body = Body::from(json!({"token": app.token}).to_string());
        Request::post(PATH).body(body).expect("a request")
    };
    let own = safelight::http::dashboard_router(Arc::clone(&app.app));
    let answer = own.clone().oneshot(log_in()).await.expect("an answer");
    let cookie = answer.headers()["set-cookie"].to_str().expect("text").to_owned();
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let status = async |router: &axum::Router, path: &str| {
        let request = Request::get(path).header("cookie", &cookie).body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("an answer").status().as_u16()
    };
    assert_eq!(status(&own, "/safelight/v1/whoami").await, 200);
    for router in
        [safelight::http::router(Arc::clone(&app.app)), safelight::http::admin_router(Arc::clone(&app.app))]
    {
        assert_eq!(status(&router, "/safelight/v1/whoami").await, 401);
        assert_eq!(status(&router, PATH).await, 404);
        let answer = router.oneshot(log_in()).await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 404);
    }
}
