//! The rules of Safelight, without any input or output.
//!
//! Nothing here reads a clock, a file, a socket or a random number: whatever a decision needs is an
//! argument, so every rule can be tested at any moment in time. Reading order:
//!
//! 1. [`account`], [`image`], [`variant`], [`transform`]: the nouns; [`options`]: how transforms are written.
//! 2. [`delivery_url`] and [`signature`]: what a viewer's request says.
//! 3. [`access`]: the only place that decides who may see bytes.
//! 4. [`negotiate`], [`caching`], [`conditional`], [`warning`]: how the answer looks.
//! 5. [`token`]: who may use the management API; [`session`] and [`rate_limit`]: how browsers do;
//!    [`metadata_filter`] and [`image_search`]: what its lists can be narrowed by; [`direct_upload`]: uploads by
//!    who may not use it; [`import`]: what is brought from elsewhere; [`quota`]: how much an account may keep.
//!    [`verify`] explains a decision to whoever owns the image.
//! 6. [`remote_url`], [`origin`] and [`address`]: remote images, where they may come from, and what may be
//!    connected to.

pub mod access;
pub mod account;
pub mod address;
pub mod caching;
pub mod conditional;
pub mod delivery_url;
pub mod direct_upload;
pub mod first_answer;
pub mod hex;
pub mod image;
pub mod image_search;
pub mod import;
pub mod metadata_filter;
pub mod negotiate;
pub mod options;
pub mod origin;
pub mod quota;
pub mod rate_limit;
pub mod remote_url;
pub mod session;
pub mod signature;
pub mod sourcing;
pub mod time;
pub mod token;
pub mod transform;
pub mod variant;
pub mod verify;
pub mod warning;
