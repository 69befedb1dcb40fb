//! The API and delivery on the real router, with the real catalog, store and worker processes.

mod accounts;
mod attacks;
mod delivery;
mod images;
mod lists;
mod negotiation;
mod test_app;
mod variants_and_keys;
