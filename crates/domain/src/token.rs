//! Tokens of the management API: what a request presents, what is stored, what it may do.

use crate::account::AccountId;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a token may do. `sign` guards the signing keys' values, apart from `read` and `write`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every GET, except the values of signing keys.
    Read,
    /// Every change.
    Write,
    /// The values of signing keys, and making signed URLs.
    Sign,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::Write, Scope::Sign];

    /// The word in API, CLI and table.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Sign => "sign",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// Whether a token may make accounts on this instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its own account only.
    Member,
    /// May make and list accounts and act for each of them.
    InstanceAdmin,
}

/// SHA-256 of a token's text. Tokens carry 256 random bits, so no slow hash is needed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Hashes the text that a client presents.
    pub fn of(text: &str) -> TokenHash {
        TokenHash(Sha256::digest(text.as_bytes()).into())
    }

    /// The stored form.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash that was stored as these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> TokenHash {
        TokenHash(bytes)
    }
}

/// A stored token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// 32 hexadecimal digits; names the token in lists, not a secret.
    pub id: String,
    /// Owner.
    pub account: AccountId,
    /// For people.
    pub name: String,
    /// See [`TokenHash`].
    pub hash: TokenHash,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Whether it reaches beyond its account.
    pub role: Role,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: i64,
    /// When it was last used, in the same, to a minute; `None` for never.
    pub used_ms: Option<i64>,
}

/// Life of a batch token in milliseconds (one hour, as in Cloudflare's example).
pub const BATCH_TOKEN_MS: i64 = 60 * 60 * 1000;

/// A stored token of the batch API: short-lived, for one account, and for images alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchToken {
    /// Owner.
    pub account: AccountId,
    /// The [`TokenRecord::id`] of the token that asked for it. When that goes, this goes too.
    pub parent: String,
    /// See [`TokenHash`].
    pub hash: TokenHash,
    /// What it may do: see [`batch_scopes`].
    pub scopes: Vec<Scope>,
    /// From this moment on it opens nothing; milliseconds since 1970-01-01T00:00:00Z.
    pub expires_ms: i64,
}

/// What a batch token may do that a caller asks for: no more than the caller, and nothing with
/// signing keys.
pub fn batch_scopes(caller: &Caller) -> Vec<Scope> {
    [Scope::Read, Scope::Write].into_iter().filter(|scope| caller.require(*scope).is_ok()).collect()
}

/// Proves that `presented` is the stored batch token and still lives. It acts for its own account.
/// `stored` is the record found by the hash of `presented`, if any.
pub fn authenticate_batch(
    presented: &str,
    stored: Option<&BatchToken>,
    now_ms: i64,
) -> Result<Caller, Refusal> {
    let stored = stored.filter(|stored| now_ms < stored.expires_ms).ok_or(Refusal::Unauthenticated)?;
    if !bool::from(TokenHash::of(presented).0.ct_eq(&stored.hash.0)) {
        return Err(Refusal::Unauthenticated);
    }
    let name = "batch token".to_owned();
    Ok(Caller { account: stored.account.clone(), name, scopes: stored.scopes.clone(), role: Role::Member })
}

/// A request's proven right to act for one account. Only [`authenticate`], [`authenticate_batch`] and an
/// [open session](crate::session::OpenSession) make one.
#[derive(Clone, Debug)]
pub struct Caller {
    account: AccountId,
    name: String,
    scopes: Vec<Scope>,
    role: Role,
}

/// Why a request may not do what it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No token, or one that is not stored.
    Unauthenticated,
    /// A token of another account.
    OtherAccount,
    /// The token lacks this scope.
    MissingScope(Scope),
    /// Only an instance-admin token may.
    NotInstanceAdmin,
    /// A session's request without the value that only its own pages know.
    NoCsrf,
    /// A session's request, or a login, from a page of another site.
    OtherSite,
}

/// Proves that `presented` is the stored token and may act for `account`.
/// `stored` is the record found by the hash of `presented`, if any.
pub fn authenticate(
    presented: &str,
    stored: Option<&TokenRecord>,
    account: &AccountId,
) -> Result<Caller, Refusal> {
    let stored = stored.ok_or(Refusal::Unauthenticated)?;
    if !bool::from(TokenHash::of(presented).0.ct_eq(&stored.hash.0)) {
        return Err(Refusal::Unauthenticated);
    }
    acting(stored, account)
}

/// The right of a token that has been proven to act for `account`.
pub(crate) fn acting(stored: &TokenRecord, account: &AccountId) -> Result<Caller, Refusal> {
    if stored.account != *account && stored.role != Role::InstanceAdmin {
        return Err(Refusal::OtherAccount);
    }
    let (account, name) = (account.clone(), stored.name.clone());
    Ok(Caller { account, name, scopes: stored.scopes.clone(), role: stored.role })
}

impl Caller {
    /// The account the request acts for.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The name of its token, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Demands a scope.
    pub fn require(&self, scope: Scope) -> Result<(), Refusal> {
        if self.scopes.contains(&scope) { Ok(()) } else { Err(Refusal::MissingScope(scope)) }
    }

    /// Demands the right to administer the instance.
    pub fn require_instance_admin(&self) -> Result<(), Refusal> {
        match self.role {
            Role::InstanceAdmin => Ok(()),
            Role::Member => Err(Refusal::NotInstanceAdmin),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn account(digit: char) -> AccountId {
        AccountId::parse(&digit.to_string().repeat(32)).expect("32 hexadecimal digits")
    }

    pub(crate) fn record(role: Role, scopes: &[Scope]) -> TokenRecord {
        TokenRecord {
            id: "1".repeat(32),
            account: account('a'),
            name: "t".to_owned(),
            hash: TokenHash::of("secret"),
            scopes: scopes.to_vec(),
            role,
            created_ms: 0,
            used_ms: None,
        }
    }

    #[test]
    fn a_token_reaches_its_own_account_only() {
        let member = record(Role::Member, &Scope::ALL);
        assert!(authenticate("secret", Some(&member), &account('a')).is_ok());
        for (presented, stored, id, refusal) in [
            ("secret", None, account('a'), Refusal::Unauthenticated),
            ("other", Some(&member), account('a'), Refusal::Unauthenticated),
            ("secret", Some(&member), account('b'), Refusal::OtherAccount),
        ] {
            assert_eq!(authenticate(presented, stored, &id).err(), Some(refusal));
        }
    }

    #[test]
    fn an_instance_admin_acts_for_any_account_within_its_scopes() {
        let admin = record(Role::InstanceAdmin, &[Scope::Read]);
        let caller = authenticate("secret", Some(&admin), &account('b')).expect("admin");
        assert_eq!(caller.account(), &account('b'));
        assert_eq!(caller.require_instance_admin(), Ok(()));
        assert_eq!(caller.require(Scope::Sign), Err(Refusal::MissingScope(Scope::Sign)));
    }

    #[test]
    fn scopes_do_not_imply_each_other() {
        for held in Scope::ALL {
            let member = record(Role::Member, &[held]);
            let caller = authenticate("secret", Some(&member), &account('a')).expect("member");
            assert_eq!(caller.require_instance_admin(), Err(Refusal::NotInstanceAdmin));
            for wanted in Scope::ALL {
                assert_eq!(caller.require(wanted).is_ok(), held == wanted);
            }
        }
    }

    #[test]
    fn a_batch_token_does_what_its_parent_may_with_images_for_an_hour() {
        for (parent, scopes) in [
            (&Scope::ALL[..], &[Scope::Read, Scope::Write][..]),
            (&[Scope::Read, Scope::Sign], &[Scope::Read]),
            (&[Scope::Sign], &[]),
        ] {
            let parent = record(Role::InstanceAdmin, parent);
            let caller = authenticate("secret", Some(&parent), &account('b')).expect("admin");
            assert_eq!(batch_scopes(&caller), scopes);
        }
        let batch = BatchToken {
            account: account('b'),
            parent: "1".repeat(32),
            hash: TokenHash::of("batch"),
            scopes: vec![Scope::Read],
            expires_ms: 10,
        };
        let caller = authenticate_batch("batch", Some(&batch), 9).expect("lives");
        assert_eq!(caller.account(), &account('b'));
        assert_eq!(caller.require(Scope::Write), Err(Refusal::MissingScope(Scope::Write)));
        assert_eq!(caller.require_instance_admin(), Err(Refusal::NotInstanceAdmin));
        for (presented, stored, now_ms) in
            [("batch", None, 9), ("other", Some(&batch), 9), ("batch", Some(&batch), 10)]
        {
            let refused = authenticate_batch(presented, stored, now_ms).err();
            assert_eq!(refused, Some(Refusal::Unauthenticated), "{presented} at {now_ms}");
        }
    }
}
