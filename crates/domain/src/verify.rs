//! Why a delivery URL is or is not accepted, step by step, for the account that owns it.
//!
//! Nothing here decides: the facts are what delivery itself saw, and the last check is its answer.

use crate::access::Segment;
use crate::delivery_url::DeliveryPathError;
use crate::image::{Image, Privacy};
use crate::signature::Token;
use crate::time::UnixTime;
use crate::variant::VariantAccess;

/// What is looked at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckName {
    /// Whether it has the form of a delivery URL.
    Url,
    /// Whether it is of this account.
    Account,
    /// Who signed it.
    Signature,
    /// Whether the link still lives.
    Expiry,
    /// Whether the account has the variant, or serves options.
    Variant,
    /// Whether there is such an image.
    Image,
    /// What delivery answers.
    Access,
}

impl CheckName {
    /// As the API names it.
    pub fn as_str(self) -> &'static str {
        match self {
            CheckName::Url => "url",
            CheckName::Account => "account",
            CheckName::Signature => "signature",
            CheckName::Expiry => "expiry",
            CheckName::Variant => "variant",
            CheckName::Image => "image",
            CheckName::Access => "access",
        }
    }
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckState {
    /// Nothing is wrong there.
    Passed,
    /// That is wrong.
    Failed,
    /// It was not looked at, or does not matter.
    Skipped,
}

impl CheckState {
    /// As the API names it.
    pub fn as_str(self) -> &'static str {
        match self {
            CheckState::Passed => "passed",
            CheckState::Failed => "failed",
            CheckState::Skipped => "skipped",
        }
    }
}

/// One step, with a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Of what.
    pub name: CheckName,
    /// How it went.
    pub state: CheckState,
    /// What was seen, and what helps.
    pub text: String,
}

/// What the last segment of the URL was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundVariant {
    /// Something that is served.
    Served(Segment),
    /// The reason why not.
    Refused(String),
}

/// What delivery saw of a URL of this account.
pub struct Facts<'a> {
    /// The token in it.
    pub token: &'a Token,
    /// Its last segment.
    pub variant: &'a FoundVariant,
    /// The image of its id.
    pub image: Option<&'a Image>,
    /// What delivery says: nothing where it is let in, else the text of its refusal.
    pub refusal: Option<&'a str>,
    /// The moment of the question.
    pub now: UnixTime,
}

/// The checks of what is no delivery URL.
pub fn no_delivery_url(error: DeliveryPathError) -> Vec<Check> {
    vec![check(CheckName::Url, CheckState::Failed, format!("This is no delivery URL: {error}."))]
}

/// The checks of a URL whose hash is not the account's. It is not told whose it is, or whether it is anybody's.
pub fn other_account() -> Vec<Check> {
    let text = "The account hash is not that of this account: it is another account's, or nobody's.";
    vec![form_is_right(), check(CheckName::Account, CheckState::Failed, text)]
}

/// The checks of a URL of this account.
pub fn checks(facts: &Facts<'_>) -> Vec<Check> {
    vec![
        form_is_right(),
        check(CheckName::Account, CheckState::Passed, "The account hash is that of this account."),
        signature(facts),
        expiry(facts),
        variant(facts.variant),
        image(facts.image),
        access(facts.refusal),
    ]
}

fn check(name: CheckName, state: CheckState, text: impl Into<String>) -> Check {
    Check { name, state, text: text.into() }
}

fn form_is_right() -> Check {
    check(CheckName::Url, CheckState::Passed, "It has the form of a delivery URL.")
}

/// Whether the picture is shown to anyone, so that a token does not matter.
fn needs_no_token(facts: &Facts<'_>) -> bool {
    let is_public = facts.image.is_some_and(|image| image.privacy == Privacy::Public);
    is_public || *facts.variant == FoundVariant::Served(Segment::Variant(VariantAccess::AlwaysPublic))
}

fn signature(facts: &Facts<'_>) -> Check {
    let (state, text) = match facts.token {
        Token::Valid { key, .. } | Token::Expired { key, .. } => {
            (CheckState::Passed, format!("The signing key {} made the signature.", key.as_str()))
        }
        _ if needs_no_token(facts) => (CheckState::Skipped, "No signature is needed.".to_owned()),
        Token::Absent => (
            CheckState::Failed,
            "There is no sig in the query. Sign the URL with one of the account's keys.".to_owned(),
        ),
        Token::Malformed(malformed) => {
            (CheckState::Failed, format!("The token cannot be read: {malformed}."))
        }
        Token::Mismatch => (
            CheckState::Failed,
            "No active key made this signature for this URL. Compare the text that was signed with the one \
             that has to be, byte by byte, and the key with those of the account; a deleted key opens \
             nothing."
                .to_owned(),
        ),
    };
    check(CheckName::Signature, state, text)
}

fn expiry(facts: &Facts<'_>) -> Check {
    let (state, text) = match facts.token {
        Token::Valid { until: Some(until), .. } => {
            let left = facts.now.seconds_until(*until);
            (CheckState::Passed, format!("It is valid for {} more.", duration(left)))
        }
        Token::Valid { until: None, .. } => {
            (CheckState::Passed, "It never expires; it ends with its key.".to_owned())
        }
        _ if needs_no_token(facts) => (CheckState::Skipped, "No expiry matters.".to_owned()),
        Token::Expired { since, .. } => {
            let past = since.seconds_until(facts.now);
            (CheckState::Failed, format!("It expired {} ago. Sign a new one.", duration(past)))
        }
        Token::Absent | Token::Malformed(_) | Token::Mismatch => {
            (CheckState::Skipped, "It is looked at once the signature is right.".to_owned())
        }
    };
    check(CheckName::Expiry, state, text)
}

fn variant(found: &FoundVariant) -> Check {
    match found {
        FoundVariant::Served(Segment::Variant(VariantAccess::AlwaysPublic)) => check(
            CheckName::Variant,
            CheckState::Passed,
            "The account has this variant, and always allows public access to it.",
        ),
        FoundVariant::Served(Segment::Variant(VariantAccess::FollowImage)) => {
            check(CheckName::Variant, CheckState::Passed, "The account has this variant.")
        }
        FoundVariant::Served(Segment::Options(_)) => {
            check(CheckName::Variant, CheckState::Passed, "The account serves flexible variants.")
        }
        FoundVariant::Refused(why) => check(CheckName::Variant, CheckState::Failed, format!("{why}.")),
    }
}

fn image(image: Option<&Image>) -> Check {
    match image.map(|image| image.privacy) {
        Some(Privacy::Public) => {
            check(CheckName::Image, CheckState::Passed, "The image exists and is public.")
        }
        Some(Privacy::RequireSigned) => {
            check(CheckName::Image, CheckState::Passed, "The image exists and requires signed URLs.")
        }
        None => check(CheckName::Image, CheckState::Failed, "The account has no image with this ID."),
    }
}

fn access(refusal: Option<&str>) -> Check {
    match refusal {
        None => check(CheckName::Access, CheckState::Passed, "The picture is served."),
        Some(text) => check(CheckName::Access, CheckState::Failed, format!("It is refused: {text}.")),
    }
}

/// Seconds in the largest two units.
fn duration(seconds: u64) -> String {
    let unit = |count: u64, name: &str| format!("{count} {name}{}", if count == 1 { "" } else { "s" });
    match seconds {
        0..60 => unit(seconds, "second"),
        60..3_600 => unit(seconds / 60, "minute"),
        3_600..86_400 => {
            format!("{} and {}", unit(seconds / 3_600, "hour"), unit(seconds / 60 % 60, "minute"))
        }
        _ => format!("{} and {}", unit(seconds / 86_400, "day"), unit(seconds / 3_600 % 24, "hour")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_in_words() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (61, "1 minute"),
            (3_720, "1 hour and 2 minutes"),
            (90_000, "1 day and 1 hour"),
            (u64::MAX, "213503982334601 days and 7 hours"),
        ] {
            assert_eq!(duration(seconds), words);
        }
    }

    #[test]
    fn a_token_matters_only_where_one_is_needed() {
        let always = FoundVariant::Served(Segment::Variant(VariantAccess::AlwaysPublic));
        let follows = FoundVariant::Served(Segment::Variant(VariantAccess::FollowImage));
        for (variant, expected) in [(&always, CheckState::Skipped), (&follows, CheckState::Failed)] {
            let facts =
                Facts { token: &Token::Absent, variant, image: None, refusal: Some("no"), now: UnixTime(7) };
            let seen = checks(&facts);
            assert_eq!(seen.len(), 7);
            assert_eq!(seen[2].state, expected, "{}", seen[2].text);
            assert_eq!(seen[6].state, CheckState::Failed);
        }
    }
}
