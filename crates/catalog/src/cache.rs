//! Rows kept in memory, bounded, and never older than the last change that returned.

use lru::{DefaultHasher, LruCache};
use std::hash::{BuildHasher, Hash};
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shards, so that readers of different rows seldom wait for each other.
const SHARDS: usize = 16;

/// The most recently used rows. A row is put in by readers that missed it and taken out by the
/// writer after it committed a change of it.
pub(super) struct Cache<K, V> {
    shards: Vec<Mutex<Shard<K, V>>>,
    /// Keyed at random, like that of the shards themselves.
    hasher: DefaultHasher,
}

struct Shard<K, V> {
    /// Counts the changes of rows of this shard.
    changes: u64,
    rows: LruCache<K, V>,
}

/// What a reader found.
pub(super) enum Lookup<V> {
    /// The row.
    Hit(V),
    /// Nothing; the row may be loaded now and put in with this ticket.
    Miss(Ticket),
}

/// The state of the cache before a row was loaded.
pub(super) struct Ticket {
    changes: u64,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// A cache of about `rows` rows.
    pub(super) fn new(rows: usize) -> Cache<K, V> {
        let each = NonZeroUsize::new(rows / SHARDS).unwrap_or(NonZeroUsize::MIN);
        let shard = || Mutex::new(Shard { changes: 0, rows: LruCache::new(each) });
        Cache { shards: (0..SHARDS).map(|_| shard()).collect(), hasher: DefaultHasher::default() }
    }

    /// Looks a row up.
    pub(super) fn lookup(&self, key: &K) -> Lookup<V> {
        let mut shard = self.shard(key);
        match shard.rows.get(key) {
            Some(row) => Lookup::Hit(row.clone()),
            None => Lookup::Miss(Ticket { changes: shard.changes }),
        }
    }

    /// Puts a loaded row in, unless a row of its shard was changed since the ticket was given: the
    /// loaded one may then be the old one.
    pub(super) fn fill(&self, ticket: &Ticket, key: K, row: V) {
        let mut shard = self.shard(&key);
        if shard.changes == ticket.changes {
            shard.rows.put(key, row);
        }
    }

    /// Takes a row out. To be called after the change of it is committed and before it is
    /// acknowledged.
    pub(super) fn forget(&self, key: &K) {
        let mut shard = self.shard(key);
        shard.changes += 1;
        shard.rows.pop(key);
    }

    /// Takes every row out.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.changes += 1;
            shard.rows.clear();
        }
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K, V>> {
        // The remainder fits usize, since SHARDS does.
        let index = (self.hasher.hash_one(key) % SHARDS as u64) as usize;
        // In bounds: there are SHARDS shards. A poisoned shard is still whole: no step above panics
        // half-way through a change of it.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn miss<V>(lookup: Lookup<V>) -> Ticket {
        match lookup {
            Lookup::Miss(ticket) => ticket,
            Lookup::Hit(_) => panic!("a hit"),
        }
    }

    #[test]
    fn a_row_loaded_before_a_change_is_not_put_in_after_it() {
        let cache: Cache<u32, &str> = Cache::new(100);
        let ticket = miss(cache.lookup(&1));
        cache.forget(&1);
        cache.fill(&ticket, 1, "old");
        let ticket = miss(cache.lookup(&1));
        cache.fill(&ticket, 1, "new");
        assert!(matches!(cache.lookup(&1), Lookup::Hit("new")));
        cache.forget(&1);
        miss(cache.lookup(&1));
    }

    #[test]
    fn the_number_of_rows_is_bounded() {
        let cache: Cache<u32, u32> = Cache::new(64);
        for key in 0..10_000 {
            let ticket = miss(cache.lookup(&key));
            cache.fill(&ticket, key, key);
        }
        let kept = (0..10_000).filter(|key| matches!(cache.lookup(key), Lookup::Hit(_))).count();
        assert_eq!(kept, 64);
    }
}
