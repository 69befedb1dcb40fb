//! The HTTP side: every route of the product in one list.

use crate::app::App;
use axum::Router;
use std::sync::Arc;

/// Everything on one listener.
#[allow(unused_variables)]
pub fn router(app: Arc<App>) -> Router {
    unimplemented!()
}

/// Delivery alone.
#[allow(unused_variables)]
pub fn delivery_router(app: Arc<App>) -> Router {
    unimplemented!()
}

/// Everything but delivery.
#[allow(unused_variables)]
pub fn admin_router(app: Arc<App>) -> Router {
    unimplemented!()
}
