//! Sessions of browsers.

use super::database::{Connection, Row};
use super::rows::{change, first};
use super::tokens;
use super::{Catalog, CatalogError, InsertError};
use safelight_domain::session::{MAX_SESSIONS, Session};
use safelight_domain::token::TokenHash;

impl Catalog {
    /// The session of a hash with its token, dead or alive.
    pub async fn find_session(&self, hash: &TokenHash) -> Result<Option<Session>, CatalogError> {
        let hash = hash.clone();
        self.inner
            .readers
            .read(move |connection| {
                let sql =
                    "SELECT sessions.hash AS session, expires_ms, id, account, name, tokens.hash, scopes,
                                  role, tokens.created_ms, tokens.used_ms
                           FROM sessions JOIN tokens ON tokens.id = sessions.parent WHERE sessions.hash = ?1";
                first(connection, sql, [hash.as_bytes()], parse)
            })
            .await
    }

    /// Inserts a session that begins at `now_ms`; `Exists` when its hash is taken. Of more than
    /// [`MAX_SESSIONS`] of a token the oldest goes. Whether the token is still there: without it
    /// nothing is inserted.
    pub async fn insert_session(&self, session: Session, now_ms: i64) -> Result<bool, InsertError> {
        self.inner.writer.write(move |connection| insert(connection, &session, now_ms), |_| ()).await
    }

    /// Ends a session, if there is one.
    pub async fn delete_session(&self, hash: &TokenHash) -> Result<(), CatalogError> {
        let hash = hash.clone();
        let delete = move |connection: &dyn Connection| {
            change(connection, "DELETE FROM sessions WHERE hash = ?1", [hash.as_bytes()])?;
            Ok(())
        };
        self.inner.writer.write(delete, |()| ()).await
    }

    /// Deletes sessions whose time was over before `before_ms`, at most `most` (for the sweeper). How
    /// many there were.
    pub async fn delete_old_sessions(&self, before_ms: i64, most: u32) -> Result<u64, CatalogError> {
        let delete = move |connection: &dyn Connection| {
            let sql = "DELETE FROM sessions WHERE hash IN
                       (SELECT hash FROM sessions WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2)";
            Ok(change(connection, sql, (before_ms, most))? as u64)
        };
        self.inner.writer.write(delete, |_| ()).await
    }
}

fn insert(connection: &dyn Connection, session: &Session, now_ms: i64) -> Result<bool, InsertError> {
    let token = session.token.id.as_str();
    let sql = "DELETE FROM sessions WHERE hash IN
               (SELECT hash FROM sessions WHERE parent = ?1 ORDER BY created_ms DESC, hash LIMIT 1000000 OFFSET ?2)";
    change(connection, sql, (token, MAX_SESSIONS - 1))?;
    let sql = "INSERT INTO sessions (hash, parent, created_ms, expires_ms)
               SELECT ?1, id, ?2, ?3 FROM tokens WHERE id = ?4";
    Ok(change(connection, sql, (session.hash.as_bytes(), now_ms, session.expires_ms, token))? > 0)
}

fn parse(row: &Row<'_>) -> Result<Session, CatalogError> {
    Ok(Session {
        hash: TokenHash::from_bytes(row.get("session")?),
        token: tokens::parse(row)?,
        expires_ms: row.get("expires_ms")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{account, two_accounts};
    use safelight_domain::token::TokenRecord;

    async fn token(catalog: &Catalog) -> TokenRecord {
        catalog.tokens(&account('a')).await.expect("works").remove(0)
    }

    fn session(token: &TokenRecord, name: &str, expires_ms: i64) -> Session {
        Session { hash: TokenHash::of(name), token: token.clone(), expires_ms }
    }

    #[tokio::test]
    async fn a_session_is_found_with_its_token_and_goes_with_it() {
        let (_folder, catalog) = two_accounts().await;
        let token = token(&catalog).await;
        let made = session(&token, "one", 7);
        assert!(catalog.insert_session(made.clone(), 5).await.expect("new"));
        assert_eq!(catalog.find_session(&made.hash).await.expect("works"), Some(made.clone()));
        let again = catalog.insert_session(made.clone(), 6).await;
        assert!(matches!(again, Err(InsertError::Exists)), "{again:?}");
        assert!(catalog.insert_session(session(&token, "two", 7), 5).await.expect("new"));
        catalog.delete_session(&made.hash).await.expect("works");
        assert_eq!(catalog.find_session(&made.hash).await.expect("works"), None);

        assert!(catalog.delete_token(&token.account, &token.id).await.expect("works"));
        assert_eq!(catalog.find_session(&TokenHash::of("two")).await.expect("works"), None);
        assert!(!catalog.insert_session(made, 5).await.expect("works"), "its token has gone");
    }

    #[tokio::test]
    async fn of_too_many_the_oldest_goes_and_the_dead_are_swept() {
        let (_folder, catalog) = two_accounts().await;
        let token = token(&catalog).await;
        let other = catalog.tokens(&account('b')).await.expect("works").remove(0);
        assert!(catalog.insert_session(session(&other, "other", 10), 0).await.expect("new"));
        for number in 0..=MAX_SESSIONS {
            let made = session(&token, &number.to_string(), 10);
            assert!(catalog.insert_session(made, i64::from(number)).await.expect("new"));
        }
        let find = async |name: &str| catalog.find_session(&TokenHash::of(name)).await.expect("works");
        assert_eq!(find("0").await, None);
        assert!(find("1").await.is_some() && find(&MAX_SESSIONS.to_string()).await.is_some());
        assert!(find("other").await.is_some());
        assert_eq!(catalog.delete_old_sessions(10, u32::MAX).await.expect("works"), 0);
        assert_eq!(catalog.delete_old_sessions(11, 1).await.expect("works"), 1);
        let rest = u64::from(MAX_SESSIONS);
        assert_eq!(catalog.delete_old_sessions(11, u32::MAX).await.expect("works"), rest);
    }
}
