//! Options as text: the grammar of flexible variants and of `/cdn-cgi/image/`, and the one canonical
//! text of a [`Transform`].
//!
//! ```
//! use safelight_domain::options::Options;
//! let short = Options::parse("w=400,h=300,f=webp").unwrap();
//! let long = Options::parse("format=webp,height=300,width=400").unwrap();
//! assert_eq!(short.transform.canonical(), long.transform.canonical());
//! ```

mod canonical;
mod color;
mod hints;
mod overlay;
mod parse;
mod recipe;
mod value;
mod words;

pub use hints::ClientHints;
pub use overlay::{overlay_fields, parse_overlay};
pub use recipe::Recipe;
pub use value::Dpr;

use crate::negotiate::FormatChoice;
use crate::transform::{OptionError, Quality, Side, Transform};
use thiserror::Error;

/// Longest text of options, in bytes.
pub const MAX_BYTES: usize = 2048;

/// Options of a URL. The transform still lacks what the request's headers decide: see
/// [`Options::resolve`].
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// What is done to the pixels, `dpr` multiplied in.
    pub transform: Transform,
    /// `dpr`, for [`crate::warning`] alone.
    pub dpr: Dpr,
    /// `format`.
    pub format: FormatChoice,
    /// See [`Options::gives_format`].
    format_given: bool,
    /// `slow-connection-quality`: replaces the quality on a slow connection.
    pub slow_connection_quality: Option<Quality>,
    /// `width=auto`.
    pub auto_width: Option<AutoWidth>,
    /// `onerror`, which means something for remote images alone.
    pub on_error: OnError,
}

/// What is answered when a remote image cannot be rendered (`onerror`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The error.
    Report,
    /// A redirect to the source.
    Redirect,
}

/// The widths that `width=auto` chooses from.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoWidth {
    /// `wbreakpoints`: in rising order, at least one.
    breakpoints: Vec<Side>,
    /// `wmobile`: for phones that send no hints.
    mobile: Side,
    /// `wdesktop`: for everything else that sends none.
    desktop: Side,
    /// A `dpr` in the options counts instead of that of the hints.
    dpr: Option<Dpr>,
}

/// Why a text is not a list of options (error 9401).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OptionsError {
    /// Longer than [`MAX_BYTES`].
    #[error("options have at most {MAX_BYTES} bytes")]
    TooLong,
    /// Not `key=value`, or with a broken percent-encoding. The text is cut.
    #[error("'{0}' is not of the form option=value")]
    Shape(String),
    /// No such option. The name is cut.
    #[error("there is no option '{0}'")]
    Unknown(String),
    /// Given twice, perhaps under two names.
    #[error("{0} is given twice")]
    Repeated(&'static str),
    /// It exists elsewhere and not here.
    #[error("{option} is not available: {why}")]
    Unavailable {
        /// Its name.
        option: &'static str,
        /// The reason.
        why: &'static str,
    },
    /// A value out of range.
    #[error(transparent)]
    Value(#[from] OptionError),
}

impl Options {
    /// Parses the last segment of a delivery path, or the first after `/cdn-cgi/image/`: `key=value`
    /// with commas between, in any order. Values are percent-decoded once, after the commas are
    /// found; commas within brackets belong to a colour.
    pub fn parse(text: &str) -> Result<Options, OptionsError> {
        parse::url(text)
    }

    /// The transform for one request. The answer depends on the headers of [`ClientHints`] if
    /// [`Options::uses_hints`].
    pub fn resolve(&self, hints: &ClientHints) -> Transform {
        let mut transform = self.transform.clone();
        if let Some(auto) = &self.auto_width {
            transform.width = Some(auto.width(hints));
        }
        if self.slow_connection_quality.is_some() && hints.is_slow() {
            transform.quality = self.slow_connection_quality;
        }
        transform.normalized()
    }

    /// Whether `format` was given. Without it a hosted image has the best format that the viewer
    /// accepts, and a remote one that of its kind, JPEG, PNG or GIF (Cloudflare's defaults).
    pub fn gives_format(&self) -> bool {
        self.format_given
    }

    /// Whether the request's client hints change the result.
    pub fn uses_hints(&self) -> bool {
        self.auto_width.is_some() || self.slow_connection_quality.is_some()
    }
}

impl AutoWidth {
    /// The smallest breakpoint that fills the viewport; the largest if none does.
    fn width(&self, hints: &ClientHints) -> Side {
        let Some(viewport) = hints.viewport_width else {
            return if hints.is_mobile { self.mobile } else { self.desktop };
        };
        let dpr = self.dpr.map_or(hints.dpr.unwrap_or(1.0), Dpr::value);
        let wanted = f64::from(viewport) * dpr;
        let fitting = self.breakpoints.iter().find(|side| f64::from(side.pixels()) >= wanted);
        fitting.or(self.breakpoints.last()).copied().unwrap_or(self.desktop)
    }
}

impl Transform {
    /// The one text for this transform: equal transforms give equal texts, and different ones
    /// different texts. It is a part of the key that renditions are stored under, so a change of
    /// its form makes every stored rendition unreachable.
    pub fn canonical(&self) -> String {
        canonical::write(self)
    }

    /// The options that [`Transform::from_fields`] takes for this transform: `fit`, and of the rest
    /// what is not the default; without the overlays.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        canonical::fields(self)
    }

    /// The transform of a text that [`Transform::canonical`] gave.
    pub fn from_canonical(text: &str) -> Result<Transform, OptionsError> {
        parse::canonical(text)
    }

    /// The transform of a named variant: any options but those that depend on the request, and
    /// without its overlays. Names and values as in URLs, decoded.
    pub fn from_fields<'a>(
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Transform, OptionsError> {
        parse::fields(fields)
    }

    /// Without what changes nothing: a gravity where nothing is cut.
    pub fn normalized(mut self) -> Transform {
        use crate::transform::{Fit, Gravity};
        let cuts = matches!(self.fit, Fit::Cover | Fit::Crop | Fit::AspectCrop);
        if !cuts || self.width.is_none() || self.height.is_none() {
            self.gravity = Gravity::CENTER;
        }
        self
    }
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
