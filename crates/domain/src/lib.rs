//! The rules of Safelight, without any input or output.
//!
//! Nothing here reads a clock, a file, a socket or a random number: whatever a decision needs is an
//! argument, so every rule can be tested at any moment in time. Reading order:
//!
//! 1. [`account`], [`image`], [`variant`], [`transform`]: the nouns; [`options`]: how transforms are written.
//! 2. [`delivery_url`] and [`signature`]: what a viewer's request says.
//! 3. [`access`]: the only place that decides who may see bytes.
//! 4. [`negotiate`], [`caching`], [`conditional`], [`warning`]: how the answer looks.
//! 5. [`token`]: who may use the management API.

pub mod access;
pub mod account;
pub mod caching;
pub mod conditional;
pub mod delivery_url;
pub mod image;
pub mod negotiate;
pub mod options;
pub mod signature;
pub mod time;
pub mod token;
pub mod transform;
pub mod variant;
pub mod warning;
