//! Requests made fit for the server: its token, its account, its hash, and a signature over that.

use super::Emulator;
use axum::extract::Request;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::delivery_url::{PREFIX, strip_prefix};
use safelight_domain::signature::{SigningKey, Token, verify};
use safelight_domain::token::TokenHash;

const AUTH_KEY: HeaderName = HeaderName::from_static("x-auth-key");

/// First segments of paths that are no deliveries.
const ROUTES: [&str; 8] =
    ["client", "safelight", "dashboard", "images", "metrics", "health", "openapi.json", "cdn-cgi"];

/// Paths with an account's id after them.
const ACCOUNTS: [&str; 2] = ["/client/v4/accounts/", "/safelight/v1/accounts/"];

/// Rewrites token and target. What the server cannot answer anyway stays as it is.
pub(super) async fn request(emulator: &Emulator, request: &mut Request) {
    take_token(emulator, request.headers_mut()).await;
    let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
    let rewritten = match for_account(emulator, &target).await {
        Some(rewritten) => rewritten,
        None => match for_hash(emulator, &target).await {
            Some(rewritten) => rewritten,
            None => return,
        },
    };
    if let Ok(uri) = rewritten.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
}

/// Any token becomes the account's own, unless the server knows it: one with fewer scopes keeps them.
/// The emulator's own pages, which are those of the dashboard, need none; those of other sites do, or
/// every page in the same browser could reach what is behind it.
async fn take_token(emulator: &Emulator, headers: &mut HeaderMap) {
    match token(headers) {
        Some(text) => {
            if matches!(emulator.app.catalog.find_token(&TokenHash::of(text)).await, Ok(Some(_))) {
                return;
            }
        }
        None if is_own_page(headers) => {}
        None => return,
    }
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {}", emulator.token)) {
        headers.remove(AUTH_KEY);
        headers.insert(header::AUTHORIZATION, value);
    }
}

/// Whether a page of this very origin asks, as browsers say by themselves and pages cannot.
fn is_own_page(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site.as_bytes() == b"same-origin")
}

/// A token that is not empty.
fn token(headers: &HeaderMap) -> Option<&str> {
    let text = match headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token)?
        }
        None => headers.get(AUTH_KEY)?.to_str().ok()?,
    };
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// The target for the account that there is; `None` when the path names none, or one that exists.
/// Paths of the batch API name none, and mean the account of the token.
async fn for_account(emulator: &Emulator, target: &str) -> Option<String> {
    let own = emulator.account.id.as_str();
    if target.starts_with("/images/v1") || target.starts_with("/images/v2") {
        return Some(format!("/client/v4/accounts/{own}{target}"));
    }
    let (start, rest) = ACCOUNTS.iter().find_map(|start| Some((start, target.strip_prefix(start)?)))?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (id, rest) = rest.split_at(end);
    if id.is_empty() {
        return None;
    }
    if let Ok(id) = AccountId::parse(id)
        && matches!(emulator.app.catalog.find_account(&id).await, Ok(Some(_)))
    {
        return None;
    }
    Some(format!("{start}{own}{rest}"))
}

/// The target for the hash that there is; `None` when the path is no delivery, or of an account that
/// exists.
async fn for_hash(emulator: &Emulator, target: &str) -> Option<String> {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let short = strip_prefix(path);
    let prefix = if short.is_some() { PREFIX } else { "" };
    let (hash, rest) = short.unwrap_or(path).strip_prefix('/')?.split_once('/')?;
    if hash.is_empty() || short.is_none() && ROUTES.contains(&hash) {
        return None;
    }
    if let Ok(hash) = AccountHash::parse(hash)
        && matches!(emulator.app.catalog.delivery_account(&hash).await, Ok(Some(_)))
    {
        return None;
    }
    let own = &emulator.account.hash;
    let keys = match emulator.app.catalog.delivery_account(own).await {
        Ok(Some(account)) => account.keys.clone(),
        _ => return None,
    };
    let path = format!("{prefix}/{}/{rest}", own.as_str());
    Some(signed_anew(target, &path, &keys, &verify(target, &keys, emulator.clock.reader().now())))
}

/// `path` with the query of `target`, whose signature is judged as that of `target` was: a good one is
/// good for the new path too, an expired one has expired, and a wrong one stays wrong.
fn signed_anew(target: &str, path: &str, keys: &[SigningKey], judged: &Token) -> String {
    let Some((_, query)) = target.split_once('?') else { return path.to_owned() };
    let key = match judged {
        Token::Absent | Token::Malformed(_) => return format!("{path}?{query}"),
        Token::Mismatch => None,
        Token::Valid { key, .. } | Token::Expired { key, .. } => {
            keys.iter().find(|known| known.name() == key)
        }
    };
    let rest: Vec<&str> = query
        .split('&')
        .filter(|pair| pair.split_once('=').map_or(*pair, |(name, _)| name) != "sig")
        .collect();
    let rest = rest.join("&");
    let (unsigned, separator) =
        if rest.is_empty() { (path.to_owned(), '?') } else { (format!("{path}?{rest}"), '&') };
    let signature = key.map_or_else(|| "0".repeat(64), |key| key.sign(&unsigned));
    format!("{unsigned}{separator}sig={signature}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use safelight_domain::signature::{KeyName, sign_target};
    use safelight_domain::time::UnixTime;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn keys() -> Vec<SigningKey> {
        let key = |name, value: &str| {
            SigningKey::new(KeyName::parse(name).expect("a name"), value.to_owned()).expect("a key")
        };
        vec![key("one", "first"), key("two", "second")]
    }

    fn judged_anew(target: &str) -> Token {
        let keys = keys();
        let anew = signed_anew(target, "/real/a/public", &keys, &verify(target, &keys, NOW));
        assert!(anew.starts_with("/real/a/public"), "{anew}");
        verify(&anew, &keys, NOW)
    }

    #[test]
    fn a_rewritten_link_is_worth_what_the_link_was() {
        for rest in ["", "a=1&b=%20", "empty"] {
            for exp in [None, Some(UnixTime(NOW.0 + 5)), Some(NOW)] {
                for key in keys() {
                    let target = sign_target("/any/a/public", rest, exp, &key);
                    assert_eq!(judged_anew(&target), verify(&target, &keys(), NOW), "{target}");
                    let other = target.replace("/any/", "/other/");
                    assert_eq!(judged_anew(&other), Token::Mismatch, "{other}");
                }
            }
        }
        for target in ["/any/a/public", "/any/a/public?x=1", "/any/a/public?exp=5", "/any/a/public?sig=1"] {
            assert_eq!(judged_anew(target), verify(target, &keys(), NOW), "{target}");
        }
    }

    #[test]
    fn a_signature_for_the_real_path_is_none_for_another() {
        let target = sign_target("/real/a/public", "", None, &keys()[0]).replace("/real/", "/any/");
        assert_eq!(judged_anew(&target), Token::Mismatch);
    }

    #[test]
    fn empty_tokens_are_none() {
        let headers = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
        };
        assert_eq!(token(&headers("authorization", "Bearer x")), Some("x"));
        assert_eq!(token(&headers("x-auth-key", "x")), Some("x"));
        for (name, value) in [("authorization", "Bearer "), ("authorization", "Basic x"), ("x-auth-key", "")]
        {
            assert_eq!(token(&headers(name, value)), None, "{name}: {value}");
        }
        assert_eq!(token(&HeaderMap::new()), None);
    }
}
