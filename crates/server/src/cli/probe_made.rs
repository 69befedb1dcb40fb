//! The pictures of a probe: made by the API, and deleted again.

use super::client::{Client, ClientError, segment};
use super::demo::SAMPLE;
use super::output::cell;
use super::upload::form_head;
use super::{note, sign};
use crate::random;
use anyhow::{Context, bail};
use bytes::Bytes;
use http::Method;
use safelight_domain::signature::SigningKey;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use url::Url;

/// Bytes of the upload through the proxy; more than any default of one, and less than Safelight's.
const LARGE_BYTES: usize = 8_000_000;

/// Whether whoever started it wants it to end.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn check(&self) -> anyhow::Result<()> {
        if self.0.load(Ordering::Relaxed) { bail!("interrupted") } else { Ok(()) }
    }
}

/// A path that a proxy may be tempted to tidy up.
pub(super) struct Odd {
    pub(super) check: &'static str,
    /// The end of the id.
    id: &'static str,
    /// The same in the path, as it is sent.
    sent: &'static str,
}

/// One picture for each id.
pub(super) const ODD: [Odd; 8] = [
    Odd { check: "path: a slash in the id", id: "a/b", sent: "/a/b" },
    Odd { check: "path: the same, encoded", id: "a/b", sent: "%2Fa%2Fb" },
    Odd { check: "path: an encoded percent sign", id: "50%2Fx", sent: "/50%252Fx" },
    Odd { check: "path: letters beyond ASCII", id: "ä日本", sent: "/%C3%A4%E6%97%A5%E6%9C%AC" },
    Odd { check: "path: encoded in small letters", id: "ä日本", sent: "/%c3%a4%e6%97%a5%e6%9c%ac" },
    Odd { check: "path: plus and space", id: "a+b c", sent: "/a+b%20c" },
    Odd { check: "path: a dot at the end", id: "dot.", sent: "/dot." },
    Odd { check: "path: semicolon, comma and others", id: "x;y,z=(1)&@:!", sent: "/x;y,z=(1)&@:!" },
];

/// What was made, and what signs for it.
pub(super) struct Made {
    client: Client,
    /// What every id and name of this probe begins with.
    name: String,
    hash: String,
    pub(super) key: Option<SigningKey>,
    images: Vec<String>,
    has_variant: bool,
    /// Whether pictures with ids of one's own are private; Cloudflare's rules refuse that.
    pub(super) odd_are_private: bool,
    private: String,
    /// The path of a link that takes one upload, where there is one.
    pub(super) upload_path: Option<String>,
    /// What the server says of who asks it, at the address of the management API.
    pub(super) whoami: Value,
    /// Where that is.
    pub(super) management: String,
}

impl Made {
    /// Makes everything. What was made before a failure is in it, to be removed.
    pub(super) fn make(client: Client, stop: &Stop) -> (Made, Option<anyhow::Error>) {
        let management = client.url("");
        let mut made = Made {
            client,
            name: format!("probe{}", &random::hex_id()[..12]),
            hash: String::new(),
            key: None,
            images: Vec::new(),
            has_variant: false,
            odd_are_private: true,
            private: String::new(),
            upload_path: None,
            whoami: Value::Null,
            management,
        };
        let fault = made.try_make(stop).err();
        (made, fault)
    }

    fn try_make(&mut self, stop: &Stop) -> anyhow::Result<()> {
        self.whoami = self.client.call(Method::GET, "/safelight/v1/whoami", None)?;
        self.hash = self.client.whoami()?.hash.clone();
        let key = sign::fetched(&self.client)?.into_iter().next();
        self.key = Some(key.context("the account has no signing key")?);
        let variant = json!({
            "id": self.name,
            "options": {"fit": "scale-down", "width": 64, "height": 64, "metadata": "none"},
        });
        let variants = self.client.images_path("/v1/variants")?;
        self.client
            .call(Method::POST, &variants, Some(&variant))
            .context("no variant can be made for the probe")?;
        self.has_variant = true;
        stop.check()?;
        self.upload(&[("id", self.public_id())])?;
        stop.check()?;
        self.private = self.upload(&[("requireSignedURLs", "true".to_owned())])?;
        for id in distinct_ids() {
            stop.check()?;
            self.upload_odd(id)?;
        }
        stop.check()?;
        match self.link() {
            Ok(path) => self.upload_path = Some(path),
            Err(error) => note(&format!("no upload link can be made: {error:#}")),
        }
        Ok(())
    }

    fn upload_odd(&mut self, id: &str) -> anyhow::Result<()> {
        let id = format!("{}/{id}", self.name);
        if self.odd_are_private {
            match self.upload(&[("id", id.clone()), ("requireSignedURLs", "true".to_owned())]) {
                Err(error) if is_bad_request(&error) => self.odd_are_private = false,
                other => return other.map(drop),
            }
        }
        self.upload(&[("id", id)]).map(drop)
    }

    fn link(&mut self) -> anyhow::Result<String> {
        let path = self.client.images_path("/v2/direct_upload")?;
        let result = self.send(&path, form_of(&[("requireSignedURLs", "true".to_owned())], None))?;
        self.images.push(cell(&result, "id"));
        let url = Url::parse(&cell(&result, "uploadURL")).context("the answer has no link")?;
        Ok(url.path().to_owned())
    }

    fn upload(&mut self, fields: &[(&str, String)]) -> anyhow::Result<String> {
        let path = self.client.images_path("/v1")?;
        let image = self.send(&path, form_of(fields, Some(SAMPLE)))?;
        let id = cell(&image, "id");
        self.images.push(id.clone());
        Ok(id)
    }

    fn send(&self, path: &str, form: Vec<u8>) -> anyhow::Result<Value> {
        self.client.send_form(path, FORM, form.len() as u64, form.as_slice())
    }

    /// Deletes everything; what cannot be deleted is named.
    pub(super) fn remove(&self) {
        let delete = |what: &str, path: anyhow::Result<String>| {
            let deleted = path.and_then(|path| self.client.call(Method::DELETE, &path, None));
            if let Err(error) = deleted {
                note(&format!("{what} could not be deleted: {error:#}"));
            }
        };
        for id in &self.images {
            delete(&format!("the image {id}"), self.client.images_path(&format!("/v1/{}", segment(id))));
        }
        if self.has_variant {
            let path = self.client.images_path(&format!("/v1/variants/{}", self.name));
            delete(&format!("the variant {}", self.name), path);
        }
    }

    fn public_id(&self) -> String {
        format!("{}/public", self.name)
    }

    /// The path of the public picture.
    pub(super) fn public(&self) -> String {
        format!("/{}/{}/{}", self.hash, self.public_id(), self.name)
    }

    /// The same with a slash more.
    pub(super) fn public_by_two_slashes(&self) -> String {
        format!("/{}//{}/{}", self.hash, self.public_id(), self.name)
    }

    /// The path of the private picture.
    pub(super) fn private(&self) -> String {
        format!("/{}/{}/{}", self.hash, self.private, self.name)
    }

    /// The path of one with an odd id.
    pub(super) fn odd(&self, odd: &Odd) -> String {
        format!("/{}/{}{}/{}", self.hash, self.name, odd.sent, self.name)
    }
}

fn distinct_ids() -> Vec<&'static str> {
    let mut ids: Vec<&str> = ODD.iter().map(|odd| odd.id).collect();
    ids.dedup();
    ids
}

fn is_bad_request(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ClientError::Refused { status: 400, .. }))
}

/// The type of the forms that are sent, and the line that their parts are told apart by.
pub(super) const FORM: &str = "multipart/form-data; boundary=safelight-probe";
const BOUNDARY: &str = "safelight-probe";

fn form_of(fields: &[(&str, String)], file: Option<&[u8]>) -> Vec<u8> {
    let mut form = match file {
        Some(file) => [form_head(BOUNDARY, fields, "probe.jpg", "image/jpeg").as_bytes(), file].concat(),
        None => {
            let field = |(name, value): &(&str, String)| {
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}")
            };
            fields.iter().map(field).collect::<Vec<_>>().join("\r\n").into_bytes()
        }
    };
    form.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    form
}

/// A form with a picture of some megabytes.
pub(super) fn large_form() -> Bytes {
    form_of(&[], Some(&large_picture())).into()
}

/// The sample, with comments that nobody looks at.
fn large_picture() -> Vec<u8> {
    const COMMENT: usize = 65_000;
    let (start, rest) = SAMPLE.split_at(2);
    let mut file = start.to_vec();
    while file.len() < LARGE_BYTES {
        file.extend([0xFF, 0xFE]);
        file.extend(((COMMENT + 2) as u16).to_be_bytes());
        file.extend(std::iter::repeat_n(b'.', COMMENT));
    }
    file.extend(rest);
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use safelight_domain::delivery_url::DeliveryPath;
    use safelight_domain::image::ImageId;

    #[test]
    fn odd_paths_name_their_ids() {
        for Odd { id, sent, check } in ODD {
            let id = format!("probe/{id}");
            ImageId::custom(&id).expect(check);
            let path = format!("/cheeW4oKsx5ljh8e8BoL2A/probe{sent}/v");
            let parsed = DeliveryPath::parse(&path).expect(check);
            assert_eq!(parsed.id.as_str(), id, "{check}");
        }
        assert_eq!(distinct_ids().len(), 6);
    }

    #[test]
    fn the_large_picture_is_one() {
        let file = large_picture();
        assert!((LARGE_BYTES..LARGE_BYTES + 1_000_000).contains(&file.len()), "{}", file.len());
        assert!(file.starts_with(&[0xFF, 0xD8, 0xFF, 0xFE]) && file.ends_with(&[0xFF, 0xD9]));
    }

    #[test]
    fn a_form_ends() {
        let form = String::from_utf8(form_of(&[("a", "b".to_owned())], None)).expect("text");
        assert_eq!(
            form,
            "--safelight-probe\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--safelight-probe--\r\n"
        );
    }
}
