//! Sessions of browsers: a token that was shown once, and a cookie in its place.

use crate::account::AccountId;
use crate::hex;
use crate::token::{Caller, Refusal, TokenHash, TokenRecord, acting};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Life of a session in milliseconds: twelve hours, so that a working day needs one login.
pub const SESSION_MS: i64 = 12 * 60 * 60 * 1000;

/// Most sessions of a token; the oldest goes when there is one more.
pub const MAX_SESSIONS: u32 = 100;

/// Keeps the values of [`OpenSession::csrf`] apart from every other hash of the same secret.
const CSRF_LABEL: &[u8] = b"safelight csrf\0";

/// A stored session. The secret in the cookie is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Hash of the secret, which carries 256 random bits.
    pub hash: TokenHash,
    /// The token that opened it and lends it its rights. When that goes, the session goes too.
    pub token: TokenRecord,
    /// From this moment on it opens nothing; milliseconds since 1970-01-01T00:00:00Z.
    pub expires_ms: i64,
}

/// A session whose secret has been shown. Only [`authenticate_session`] makes one.
#[derive(Clone, Debug)]
pub struct OpenSession {
    session: Session,
    csrf: String,
}

/// Where the page is that makes a request, as browsers say in `Sec-Fetch-Site`. Pages cannot forge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchSite {
    /// The same origin, no page at all (typed, or a bookmark), or a client that does not say.
    OwnOrUnknown,
    /// Any other.
    Other,
}

impl FetchSite {
    /// Reads the header; `None` when it is absent.
    pub fn parse(header: Option<&[u8]>) -> FetchSite {
        match header {
            None | Some(b"same-origin" | b"none") => FetchSite::OwnOrUnknown,
            Some(_) => FetchSite::Other,
        }
    }

    /// Refuses pages of other sites.
    pub fn require_own(self) -> Result<(), Refusal> {
        match self {
            FetchSite::OwnOrUnknown => Ok(()),
            FetchSite::Other => Err(Refusal::OtherSite),
        }
    }
}

/// Proves that `presented` is the secret of the stored session, and that it still lives. `stored` is
/// the record found by the hash of `presented`, if any.
pub fn authenticate_session(
    presented: &str,
    stored: Option<Session>,
    now_ms: i64,
) -> Result<OpenSession, Refusal> {
    let session = stored.filter(|stored| now_ms < stored.expires_ms).ok_or(Refusal::Unauthenticated)?;
    if !bool::from(TokenHash::of(presented).as_bytes().ct_eq(session.hash.as_bytes())) {
        return Err(Refusal::Unauthenticated);
    }
    Ok(OpenSession { session, csrf: csrf_of(presented) })
}

/// The value that a session's changes carry beside the cookie: 64 hexadecimal digits that follow from
/// its secret, and from which the secret does not follow.
pub fn csrf_of(secret: &str) -> String {
    let digest: [u8; 32] = Sha256::new().chain_update(CSRF_LABEL).chain_update(secret).finalize().into();
    hex::digits(&digest)
}

impl OpenSession {
    /// As it is stored.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// See [`csrf_of`].
    pub fn csrf(&self) -> &str {
        &self.csrf
    }

    /// Demands the value of [`OpenSession::csrf`], which other sites' pages cannot read. Browsers add
    /// the cookie to what such pages send; the value they do not.
    pub fn require_csrf(&self, presented: Option<&[u8]>) -> Result<(), Refusal> {
        let same = presented.is_some_and(|presented| presented.ct_eq(self.csrf.as_bytes()).into());
        if same { Ok(()) } else { Err(Refusal::NoCsrf) }
    }

    /// The right to act for `account`: that of the token.
    pub fn caller(&self, account: &AccountId) -> Result<Caller, Refusal> {
        acting(&self.session.token, account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::{account, record};
    use crate::token::{Role, Scope};

    fn session(role: Role) -> Session {
        Session { hash: TokenHash::of("cookie"), token: record(role, &[Scope::Read]), expires_ms: 10 }
    }

    #[test]
    fn a_session_opens_until_it_expires_and_for_its_secret_alone() {
        for (presented, stored, now_ms, opens) in [
            ("cookie", Some(session(Role::Member)), 9, true),
            ("cookie", Some(session(Role::Member)), 10, false),
            ("other", Some(session(Role::Member)), 9, false),
            // The token that it stands for is no cookie.
            ("secret", Some(session(Role::Member)), 9, false),
            ("cookie", None, 9, false),
        ] {
            let opened = authenticate_session(presented, stored, now_ms);
            let refused = opened.map(|_| ()).err();
            assert_eq!(refused, (!opens).then_some(Refusal::Unauthenticated), "{presented} at {now_ms}");
        }
    }

    #[test]
    fn its_rights_are_those_of_the_token() {
        let open = |role| authenticate_session("cookie", Some(session(role)), 9).expect("opens");
        let member = open(Role::Member);
        let caller = member.caller(&account('a')).expect("its own account");
        assert_eq!(caller.require(Scope::Write), Err(Refusal::MissingScope(Scope::Write)));
        assert_eq!(caller.require_instance_admin(), Err(Refusal::NotInstanceAdmin));
        assert_eq!(member.caller(&account('b')).err(), Some(Refusal::OtherAccount));
        let admin = open(Role::InstanceAdmin).caller(&account('b')).expect("any account");
        assert_eq!(admin.require_instance_admin(), Ok(()));
    }

    #[test]
    fn changes_need_the_value_of_the_same_session() {
        let open = authenticate_session("cookie", Some(session(Role::Member)), 9).expect("opens");
        assert_eq!((open.csrf().len(), open.csrf()), (64, csrf_of("cookie").as_str()));
        // Neither what the cookie holds nor what is stored of it.
        let stored = hex::digits(TokenHash::of("cookie").as_bytes());
        assert_ne!(open.csrf(), stored);
        assert_eq!(open.require_csrf(Some(open.csrf().as_bytes())), Ok(()));
        let (upper, other) = (open.csrf().to_uppercase(), csrf_of("other"));
        for wrong in [None, Some(""), Some("cookie"), Some(&stored), Some(&upper), Some(&other)] {
            let wrong = wrong.map(str::as_bytes);
            assert_eq!(open.require_csrf(wrong), Err(Refusal::NoCsrf), "{wrong:?}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_told_from_the_own() {
        for own in [None, Some("same-origin"), Some("none")] {
            assert_eq!(FetchSite::parse(own.map(str::as_bytes)).require_own(), Ok(()), "{own:?}");
        }
        for other in ["cross-site", "same-site", "", "Same-Origin", "same-origin, none"] {
            let site = FetchSite::parse(Some(other.as_bytes()));
            assert_eq!(site.require_own(), Err(Refusal::OtherSite), "{other}");
        }
    }
}
