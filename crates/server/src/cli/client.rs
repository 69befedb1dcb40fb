//! The HTTP client of every command: where the server is, who asks, and what its answers say.

use crate::settings::{Environment, Secret, secret};
use anyhow::{Context, bail, ensure};
use clap::Args;
use http::{Method, Request, Response};
use safelight_domain::account::AccountId;
use serde_json::Value;
use std::cell::OnceCell;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use ureq::{Agent, AsSendBody, Body, SendBody};
use url::{Host, Url};

/// Where the management API starts, as at Cloudflare.
const API: &str = "/client/v4";

/// Longest JSON answer that is read, in bytes: ten thousand images with all their URLs fit.
const MAX_ANSWER_BYTES: u64 = 256 << 20;

/// Longest token file in bytes.
const MAX_TOKEN_BYTES: u64 = 4096;

/// Which server, and in whose name.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Connection {
    /// Address of the server [or SAFELIGHT_URL; default: http://127.0.0.1:8787]
    #[arg(long = "url", global = true, value_name = "URL")]
    server: Option<String>,
    /// File that holds the API token [or SAFELIGHT_API_TOKEN, SAFELIGHT_API_TOKEN_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Data folder of a server on this machine, whose first token is taken if no other is given
    /// [or SAFELIGHT_DATA; default: ./safelight-data]
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Account to act for [or SAFELIGHT_ACCOUNT_ID; default: the token's own]
    #[arg(long, global = true, value_name = "ID")]
    account: Option<String>,
}

/// A server and a token for it.
pub(super) struct Client {
    agent: Agent,
    /// Without a slash at its end.
    base: String,
    token: String,
    account: Option<AccountId>,
    own: OnceCell<Whoami>,
}

/// What the server says of the token.
#[derive(Clone, Debug)]
pub(super) struct Whoami {
    pub(super) account: AccountId,
    /// In delivery URLs.
    pub(super) hash: String,
}

/// The answer to a viewer's request.
#[derive(Debug)]
pub(super) struct View {
    pub(super) status: u16,
    pub(super) bytes: u64,
}

/// Why a request had no result.
#[derive(Debug, Error)]
pub(super) enum ClientError {
    /// No answer.
    #[error("no answer from {url}")]
    NoAnswer {
        /// What was asked.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// An error of the API.
    #[error("the server refused ({status}): {errors}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Code and message of each error.
        errors: String,
    },
    /// Something else answers there.
    #[error("the answer of {url} ({status}) is not from Safelight's API: {start}")]
    NotOurs {
        /// What was asked.
        url: String,
        /// HTTP status.
        status: u16,
        /// The first characters.
        start: String,
    },
}

impl Connection {
    /// Settles who asks whom. Nothing is sent yet.
    pub(super) fn client(&self, environment: &Environment) -> anyhow::Result<Client> {
        let url = match &self.server {
            Some(url) => url.clone(),
            None => environment.text("SAFELIGHT_URL")?.unwrap_or_else(|| "http://127.0.0.1:8787".to_owned()),
        };
        let account = match &self.account {
            Some(id) => Some(id.clone()),
            None => secret(environment, Secret::AccountId)?.map(|(id, _)| id),
        };
        let account = account.as_deref().map(AccountId::parse).transpose()?;
        Client::new(&url, self.token(environment)?, account)
    }

    fn token(&self, environment: &Environment) -> anyhow::Result<String> {
        if let Some(file) = &self.token_file {
            return read_token(file);
        }
        if let Some((token, _)) = secret(environment, Secret::ApiToken)? {
            return Ok(token);
        }
        let data = match &self.data {
            Some(data) => data.clone(),
            None => {
                environment.text("SAFELIGHT_DATA")?.unwrap_or_else(|| "./safelight-data".to_owned()).into()
            }
        };
        let file = data.join(crate::bootstrap::TOKEN_FILE);
        read_token(&file).context(
            "no API token: set SAFELIGHT_API_TOKEN, or give --token-file, or --data of a local server",
        )
    }
}

impl Client {
    /// A client for the server at an `http` or `https` URL. `account` is the one to act for, if it is
    /// not the token's own.
    pub(super) fn new(url: &str, token: String, account: Option<AccountId>) -> anyhow::Result<Client> {
        let base = Url::parse(url)
            .with_context(|| format!("{url:?} is no URL: write http:// or https://, host and port"))?;
        ensure!(
            matches!(base.scheme(), "http" | "https") && base.query().is_none() && base.fragment().is_none(),
            "the address of the server must be an http or https URL without query, and is {url:?}"
        );
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("safelight/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_secs(120)));
        let here = match base.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        // No proxy can reach this machine's own loopback for us.
        if here {
            config = config.proxy(None);
        }
        let base = base.as_str().trim_end_matches('/').to_owned();
        Ok(Client { agent: config.build().into(), base, token, account, own: OnceCell::new() })
    }

    /// What the token is. Asked once.
    pub(super) fn whoami(&self) -> anyhow::Result<&Whoami> {
        if let Some(own) = self.own.get() {
            return Ok(own);
        }
        let result = self.call(Method::GET, "/safelight/v1/whoami", None)?;
        let field = |name: &str| result.get(name).and_then(Value::as_str);
        let (Some(id), Some(hash)) = (field("account_id"), field("account_hash")) else {
            bail!("the server does not say whose token this is");
        };
        let own = Whoami { account: AccountId::parse(id)?, hash: hash.to_owned() };
        Ok(self.own.get_or_init(|| own))
    }

    /// Whether an account other than the token's own may be meant.
    pub(super) fn account_given(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    /// The path below which an account's images are managed, and `rest` behind it.
    pub(super) fn images_path(&self, rest: &str) -> anyhow::Result<String> {
        Ok(format!("{API}/accounts/{}/images{rest}", self.account_id()?))
    }

    /// The path of an account's tokens, and `rest` behind it.
    pub(super) fn tokens_path(&self, rest: &str) -> anyhow::Result<String> {
        Ok(format!("/safelight/v1/accounts/{}/tokens{rest}", self.account_id()?))
    }

    /// The path of an account's imports, and `rest` behind it.
    pub(super) fn imports_path(&self, rest: &str) -> anyhow::Result<String> {
        Ok(format!("/safelight/v1/accounts/{}/imports{rest}", self.account_id()?))
    }

    fn account_id(&self) -> anyhow::Result<&str> {
        match &self.account {
            Some(account) => Ok(account.as_str()),
            None => Ok(self.whoami()?.account.as_str()),
        }
    }

    /// The URL of a path on this server.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Sends a request of the API and returns the `result` of its answer.
    pub(super) fn call(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let url = self.url(path);
        let request = Request::builder().method(method).uri(&url).header("Authorization", self.bearer());
        let answer = match body {
            None => self.agent.run(request.body(())?),
            Some(body) => {
                let request = request.header("Content-Type", "application/json");
                self.agent.run(request.body(body.to_string())?)
            }
        };
        Ok(result(&url, answer)?)
    }

    /// Sends `length` bytes of a form and returns the `result` of the answer. The server may refuse
    /// before the form is sent.
    pub(super) fn send_form(
        &self,
        path: &str,
        content_type: &str,
        length: u64,
        mut form: impl Read,
    ) -> anyhow::Result<Value> {
        let url = self.url(path);
        let request = Request::post(&url)
            .header("Authorization", self.bearer())
            .header("Content-Type", content_type)
            .header("Content-Length", length)
            .header("Expect", "100-continue")
            .body(SendBody::from_reader(&mut form))?;
        Ok(result(&url, self.agent.run(request))?)
    }

    /// The bytes behind a path of the API.
    pub(super) fn download(&self, path: &str) -> anyhow::Result<impl Read + use<>> {
        let url = self.url(path);
        let request = Request::get(&url).header("Authorization", self.bearer()).body(())?;
        let answer = self.agent.run(request);
        match answer {
            Ok(answer) if answer.status().is_success() => {
                Ok(answer.into_body().into_with_config().limit(u64::MAX).reader())
            }
            answer => Err(result(&url, answer).err().context("there is no image in the answer")?.into()),
        }
    }

    /// Asks for a URL as a viewer without a token does.
    pub(super) fn view(&self, url: &str) -> anyhow::Result<View> {
        let answer = self.run(url, Request::get(url).body(())?)?;
        let status = answer.status().as_u16();
        let bytes = std::io::copy(&mut answer.into_body().into_reader(), &mut std::io::sink())
            .with_context(|| format!("the answer of {url} broke off"))?;
        Ok(View { status, bytes })
    }

    fn run(&self, url: &str, request: Request<impl AsSendBody>) -> Result<Response<Body>, ClientError> {
        self.agent.run(request).map_err(|source| no_answer(url, source))
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(text, KEPT).to_string()
}

/// The array under a name in a result; nothing if there is none.
pub(super) fn items<'a>(result: &'a Value, name: &str) -> &'a [Value] {
    result.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn no_answer(url: &str, source: ureq::Error) -> ClientError {
    ClientError::NoAnswer { url: url.to_owned(), source: Box::new(source) }
}

/// Takes the `result` out of the envelope.
fn result(url: &str, answer: Result<Response<Body>, ureq::Error>) -> Result<Value, ClientError> {
    let answer = answer.map_err(|source| no_answer(url, source))?;
    let status = answer.status().as_u16();
    let text = answer
        .into_body()
        .into_with_config()
        .limit(MAX_ANSWER_BYTES)
        .lossy_utf8(true)
        .read_to_string()
        .map_err(|source| no_answer(url, source))?;
    let mut envelope: Value = serde_json::from_str(&text).unwrap_or_default();
    match envelope.get("success").and_then(Value::as_bool) {
        Some(true) if (200..300).contains(&status) => {
            Ok(envelope.get_mut("result").map(Value::take).unwrap_or_default())
        }
        Some(_) => {
            let error = |error: &Value| {
                let code = error.get("code").map(Value::to_string).unwrap_or_default();
                let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
                super::output::harmless(&format!("error {code}: {message}"))
            };
            let errors: Vec<String> = items(&envelope, "errors").iter().map(error).collect();
            Err(ClientError::Refused { status, errors: errors.join("; ") })
        }
        None => {
            let start: String = text.chars().take(200).collect();
            Err(ClientError::NotOurs { url: url.to_owned(), status, start: super::output::harmless(&start) })
        }
    }
}

/// The token in a file.
pub(super) fn read_token(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_TOKEN_BYTES).read_to_string(&mut text))
        .with_context(|| format!("the token file {} cannot be read", path.display()))?;
    let token = text.trim_end();
    ensure!(!token.is_empty(), "the token file {} is empty", path.display());
    Ok(token.to_owned())
}
