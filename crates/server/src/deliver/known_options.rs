//! Options in URLs, read once: the same few are asked for again and again. What a text means never changes, so
//! nothing here grows stale.

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use safelight_domain::options::{ClientHints, Options, OptionsError, Recipe};
use std::sync::Arc;

/// Bytes of all that is kept. Anybody may ask for any options, so there is a bound.
const BOUND: usize = 2 << 20;

/// Parts with a lock each; the longest text fits into one.
const SHARDS: usize = 4;

/// Bytes that one text takes beside its own: what it means, with its canonical text.
const ENTRY_BYTES: usize = 1024;

/// Texts that were read. What is read once does not push out what is read often.
pub struct KnownOptions(Cache<Box<str>, Arc<Known>, Weight>);

/// What a text means.
pub(super) struct Known {
    /// As parsed.
    pub(super) options: Options,
    /// `None` where it depends on the request.
    recipe: Option<Recipe>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Box<str>, Arc<Known>> for Weight {
    fn weight(&self, text: &Box<str>, _known: &Arc<Known>) -> u64 {
        // Of overlays the meaning is about as long as the text.
        (3 * text.len() + ENTRY_BYTES) as u64
    }
}

impl Default for KnownOptions {
    fn default() -> KnownOptions {
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .weight_capacity(BOUND as u64)
            .estimated_items_capacity(BOUND / ENTRY_BYTES)
            .build();
        #[allow(clippy::expect_used)] // Both sizes that it wants are set above.
        let options = options.expect("sizes are given");
        KnownOptions(Cache::with_options(
            options,
            Weight,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        ))
    }
}

impl KnownOptions {
    /// What a text means. Errors are not kept.
    pub(super) fn read(&self, text: &str) -> Result<Arc<Known>, OptionsError> {
        if let Some(known) = self.0.get(text) {
            return Ok(known);
        }
        let options = Options::parse(text)?;
        let settled = || Recipe::new(options.resolve(&ClientHints::default()));
        let recipe = (!options.uses_hints()).then(settled);
        let known = Arc::new(Known { options, recipe });
        self.0.insert(text.into(), Arc::clone(&known));
        Ok(known)
    }
}

impl Known {
    /// What is done to the pixels for a request with these headers.
    pub(super) fn recipe<'a>(&self, header: impl Fn(&str) -> Option<&'a str>) -> Recipe {
        match &self.recipe {
            Some(recipe) => recipe.clone(),
            None => Recipe::new(self.options.resolve(&ClientHints::read(header))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width(known: &Known, viewport: &'static str) -> Option<u32> {
        let hint = |name: &str| (name == "sec-ch-viewport-width").then_some(viewport);
        known.recipe(hint).transform().width.map(|side| side.pixels())
    }

    #[test]
    fn hints_count_each_time_and_for_the_options_that_ask_alone() {
        let options = KnownOptions::default();
        for _ in 0..2 {
            let known = options.read("width=auto").expect("options");
            assert_eq!((width(&known, "300"), width(&known, "1200")), (Some(320), Some(1200)));
            let known = options.read("width=70").expect("options");
            assert_eq!((width(&known, "300"), width(&known, "1200")), (Some(70), Some(70)));
            assert!(options.read("width=x").is_err());
        }
    }

    #[test]
    fn the_bound_holds_and_what_is_read_often_stays() {
        let options = KnownOptions::default();
        let often = options.read("width=1").and_then(|_| options.read("width=1")).expect("options");
        for width in 2..12_000 {
            options.read(&format!("width={width}")).expect("options");
            assert!(options.0.weight() <= BOUND as u64);
        }
        assert!(Arc::ptr_eq(&often, &options.read("width=1").expect("options")));
    }
}
