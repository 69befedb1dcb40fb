//! A transform beside its canonical text.

use crate::transform::Transform;
use std::sync::Arc;

/// A transform with its canonical text, which is written once. A clone shares both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    transform: Arc<Transform>,
    canonical: Arc<str>,
}

impl Recipe {
    /// Writes the text.
    pub fn new(transform: Transform) -> Recipe {
        let canonical = transform.canonical().into();
        Recipe { transform: Arc::new(transform), canonical }
    }

    /// The transform.
    pub fn transform(&self) -> &Transform {
        &self.transform
    }

    /// See [`Transform::canonical`].
    pub fn canonical(&self) -> &Arc<str> {
        &self.canonical
    }
}
