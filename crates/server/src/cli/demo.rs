//! `safelight demo`: private images shown on a throwaway server, over the same HTTP as everything.

use super::client::{Client, ClientError};
use super::output::Printer;
use super::serve::{listener, stop_signal};
use super::sign::{self, Place};
use super::throwaway::ThrowawayFolder;
use super::{Surroundings, note, upload};
use crate::bootstrap;
use crate::clock::Clock;
use crate::config::Config;
use crate::settings::{Environment, Sources, load};
use crate::{Listeners, run};
use anyhow::{Context, bail, ensure};
use clap::Args;
use http::Method;
use safelight_domain::signature::{KeyName, SigningKey};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

pub(super) const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

#[derive(Args)]
pub(super) struct Demo {
    /// Image to show; a sample photograph unless given
    file: Option<PathBuf>,
    /// Stop after the last step; fail if any step did not do what it should
    #[arg(long)]
    exit: bool,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

impl Demo {
    pub(super) fn run(self, surroundings: &Surroundings) -> anyhow::Result<ExitCode> {
        let folder = ThrowawayFolder::make(&std::env::temp_dir(), "demo")?;
        let picture = match &self.file {
            Some(file) => {
                std::fs::File::open(file)
                    .with_context(|| format!("the file {} cannot be opened", file.display()))?;
                std::path::absolute(file)?
            }
            None => {
                let sample = folder.0.join("sample.jpg");
                std::fs::write(&sample, SAMPLE).context("the sample cannot be written")?;
                sample
            }
        };
        let data = folder.0.join("data");
        let runtime = Runtime::new().context("the demo cannot start")?;
        let result = runtime.block_on(self.show(data, picture, surroundings));
        // A step that still waits for an answer ends with the process.
        runtime.shutdown_background();
        result
    }

    async fn show(
        self,
        data: PathBuf,
        picture: PathBuf,
        surroundings: &Surroundings,
    ) -> anyhow::Result<ExitCode> {
        let mut stop = std::pin::pin!(stop_signal()?);
        let listener = listener(self.listen).await?;
        let config = config(&data, listener.local_addr()?, surroundings)?;
        let started = bootstrap::start(config, surroundings.clock.clone()).await?;
        let url = started.app.config.public_url.to_string();
        let token = started.first_account.token.context("the demo has no token")?;
        let tour = Tour {
            client: Client::new(&url, token, None)?,
            token_file: data.join(bootstrap::TOKEN_FILE),
            clock: surroundings.clock.clone(),
            wrong: 0,
        };
        let (end, ended) = oneshot::channel::<()>();
        let app = Arc::clone(&started.app);
        let listeners =
            Listeners { delivery: listener, admin: None, dashboard: None, metrics: None, tls: None };
        let mut server = tokio::spawn(run(listeners, app, async { drop(ended.await) }));
        let mut steps = tokio::task::spawn_blocking(move || tour.take(&picture));
        let result = tokio::select! {
            () = &mut stop => bail!("interrupted"),
            ended = &mut server => { ended??; bail!("the server stopped") }
            result = &mut steps => result?,
        };
        if result.is_ok() && !self.exit {
            note("Serving until Ctrl-C; everything is deleted then.");
            stop.await;
        }
        drop(end);
        server.await??;
        let wrong = result?;
        ensure!(wrong == 0, "{wrong} steps did not do what they should");
        Ok(ExitCode::SUCCESS)
    }
}

/// Settings of its own: those of a server on the same machine do not reach the demo.
fn config(data: &Path, bound: SocketAddr, surroundings: &Surroundings) -> anyhow::Result<Config> {
    let mut settings = load(&Sources {
        // Its pictures are few, and so may be the room for temporary files.
        flags: vec![("shutdown-timeout", "1s".to_owned()), ("min-free-bytes", "0".to_owned())],
        config_file: None,
        environment: Environment::default(),
        program: surroundings.program.clone(),
        parallelism: surroundings.parallelism,
    })?;
    settings.bound_to(bound);
    settings.config.data = data.to_owned();
    Ok(settings.config)
}

/// The steps, and how many of them went wrong.
struct Tour {
    client: Client,
    token_file: PathBuf,
    clock: Clock,
    wrong: u32,
}

impl Tour {
    /// Takes every step and returns how many went wrong.
    fn take(mut self, picture: &Path) -> anyhow::Result<u32> {
        let mut stdout = std::io::stdout();
        let out = &mut Printer::new(&mut stdout);
        let image = self.upload(picture, out)?;
        let plain = plain_url(&image)?;
        let place = Place::parse(&plain)?;
        let keys = sign::fetched(&self.client)?;
        let key =
            keys.iter().find(|key| key.name().as_str() == KeyName::DEFAULT).context("there is no key")?;
        let now = self.clock.now();

        self.view("plain link to the private image", 403, &plain, out)?;
        let signed = place.signed(Some(now.plus(3_600)), key);
        self.view("signed link, valid for an hour", 200, &signed, out)?;
        self.make_variant(out)?;
        let preview =
            format!("{}/preview", plain.rsplit_once('/').map_or(plain.as_str(), |(start, _)| start));
        self.view("preview, blurred and always public, without a token", 200, &preview, out)?;
        self.refused_links(&place, key, &signed, out)?;

        out.line("")?;
        out.line("Open in a browser:")?;
        for (what, url) in [("signed ", &signed), ("preview", &preview), ("plain  ", &plain)] {
            out.line(&format!("  {what}  {url}"))?;
        }
        out.line(&format!("  dashboard, with the token in {}", self.token_file.display()))?;
        out.line(&format!("           {}", self.client.url("/dashboard/")))?;
        Ok(self.wrong)
    }

    fn refused_links(
        &mut self,
        place: &Place,
        key: &SigningKey,
        signed: &str,
        out: &mut Printer,
    ) -> anyhow::Result<()> {
        let now = self.clock.now();
        let before = safelight_domain::time::UnixTime(now.0.saturating_sub(60));
        self.view("link that expired a minute ago", 403, &place.signed(Some(before), key), out)?;
        let (start, exp) = signed.split_once("exp=").context("the signed link has no expiry")?;
        let (exp, sig) = exp.split_once('&').context("the signed link has no signature")?;
        let later = exp.parse::<u64>()?.saturating_add(86_400);
        self.view(
            "signed link with its expiry moved by a day",
            403,
            &format!("{start}exp={later}&{sig}"),
            out,
        )
    }

    fn upload(&mut self, picture: &Path, out: &mut Printer) -> anyhow::Result<Value> {
        let private = [("requireSignedURLs", "true".to_owned())];
        let image = upload::send(&self.client, picture, &private);
        let image = image.with_context(|| format!("the file {} was not uploaded", picture.display()))?;
        let form = format!("file=@\"{}\"", picture.display());
        let url = self.client.url(&self.client.images_path("/v1")?);
        let curl = format!(
            "curl -i {} -F {} -F requireSignedURLs=true {}",
            self.authorization(),
            quoted(&form),
            quoted(&url)
        );
        self.report("upload as a private image", 200, 200, &curl, out)?;
        Ok(image)
    }

    fn make_variant(&mut self, out: &mut Printer) -> anyhow::Result<()> {
        let body = json!({
            "id": "preview",
            "options": {"fit": "scale-down", "width": 320, "blur": 12, "metadata": "none"},
            "neverRequireSignedURLs": true,
        });
        let path = self.client.images_path("/v1/variants")?;
        let status = match self.client.call(Method::POST, &path, Some(&body)) {
            Ok(_) => 200,
            Err(error) => match error.downcast_ref() {
                Some(ClientError::Refused { status, .. }) => *status,
                _ => return Err(error),
            },
        };
        let curl = format!(
            "curl -i {} --json {} {}",
            self.authorization(),
            quoted(&body.to_string()),
            quoted(&self.client.url(&path))
        );
        self.report("make the variant preview, always public", 200, status, &curl, out)
    }

    fn view(&mut self, what: &str, expected: u16, url: &str, out: &mut Printer) -> anyhow::Result<()> {
        let view = self.client.view(url)?;
        let what = match view.status {
            200 => format!("{what} ({} bytes)", view.bytes),
            _ => what.to_owned(),
        };
        self.report(&what, expected, view.status, &format!("curl -so /dev/null -D- {}", quoted(url)), out)
    }

    fn report(
        &mut self,
        what: &str,
        expected: u16,
        status: u16,
        curl: &str,
        out: &mut Printer,
    ) -> anyhow::Result<()> {
        let mark = if status == expected {
            "ok".to_owned()
        } else {
            self.wrong += 1;
            format!("WRONG, not {expected}")
        };
        Ok(out.line(&format!("{status} {mark}  {what:<66}  {curl}"))?)
    }

    /// The token stays out of the line: the shell reads it from its file.
    fn authorization(&self) -> String {
        let file = quoted(&self.token_file.display().to_string());
        format!("-H \"Authorization: Bearer $(cat {file})\"")
    }
}

/// The URL of the variant `public`, which every account has.
fn plain_url(image: &Value) -> anyhow::Result<String> {
    let urls = super::client::items(image, "variants").iter().filter_map(Value::as_str);
    let public = urls.filter(|url| url.ends_with("/public")).map(str::to_owned).next();
    public.context("the uploaded image has no variant public")
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_words_survive_a_shell() {
        for text in ["plain", "a b", "it's", "$(rm)", "a\"b&c;d"] {
            let shell = std::process::Command::new("sh")
                .arg("-c")
                .arg(format!("printf %s {}", quoted(text)))
                .output();
            assert_eq!(String::from_utf8_lossy(&shell.expect("a shell").stdout), text);
        }
    }
}
