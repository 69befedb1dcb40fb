//! Lists of `key=value` to types.

use super::value::{Dpr, whole};
use super::words::{blur, factor, flip, gravity, quality, ratio, rotate, saturation, sharpen};
use super::{AutoWidth, MAX_BYTES, OnError, Options, OptionsError, color, overlay};
use crate::delivery_url::percent_decode;
use crate::negotiate::FormatChoice;
use crate::transform::{
    Animation, Color, Compression, Fit, Gamut, MAX_OVERLAYS, MetadataPolicy, OptionError, Quality, Ratio,
    Side, Transform, Trim, TrimEnd,
};
use crate::variant::VariantName;

/// How far a sample may be from the border's colour unless told otherwise.
const BORDER_TOLERANCE: u8 = 10;

/// Cloudflare's widths for `width=auto`.
const BREAKPOINTS: [u64; 4] = [320, 768, 960, 1200];

/// Most widths that `wbreakpoints` may name.
const MAX_BREAKPOINTS: usize = 16;

/// Characters of a refused text that are repeated in its error.
const SHOWN: usize = 40;

/// See [`Options::parse`].
pub(super) fn url(text: &str) -> Result<Options, OptionsError> {
    let mut list = List::default();
    read(text, &mut list)?;
    list.finish()
}

/// See [`Transform::from_canonical`].
pub(super) fn canonical(text: &str) -> Result<Transform, OptionsError> {
    let mut list = List { source: Source::Canonical, ..List::default() };
    read(text, &mut list)?;
    let options = list.finish()?;
    Ok(options.transform)
}

/// See [`Transform::from_fields`].
pub(super) fn fields<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Transform, OptionsError> {
    let mut list = List { source: Source::Variant, ..List::default() };
    for (key, value) in fields {
        list.set(key, value, value)?;
    }
    let options = list.finish()?;
    Ok(options.transform)
}

fn read(text: &str, list: &mut List) -> Result<(), OptionsError> {
    // A canonical text may hold overlays, each with an image id of 4 KiB.
    if list.source == Source::Url && text.len() > MAX_BYTES {
        return Err(OptionsError::TooLong);
    }
    for item in items(text) {
        let shape = || OptionsError::Shape(shown(item));
        let (key, value) = item.split_once('=').ok_or_else(shape)?;
        if list.source == Source::Url && stands_for_variant(key, value) {
            continue;
        }
        list.set(key, value, &percent_decode(value).ok_or_else(shape)?)?;
    }
    Ok(())
}

/// Whether an item is a named variant that a loader took for an option: unpic makes
/// `public=undefined,w=200` of a URL that ends in `public`. It asks for nothing.
fn stands_for_variant(key: &str, value: &str) -> bool {
    value == "undefined" && VariantName::parse(key).is_ok() && NAMES.iter().all(|(name, _)| *name != key)
}

/// The parts between commas that are not in brackets.
fn items(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |c| {
        match c {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

/// As much of a refused text as an error repeats.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

/// The options that were given so far.
#[derive(Default)]
pub(super) struct Seen(Vec<&'static str>);

impl Seen {
    /// Refuses an option that was given before.
    pub(super) fn first(&mut self, option: &'static str) -> Result<(), OptionsError> {
        if self.0.contains(&option) {
            return Err(OptionsError::Repeated(option));
        }
        self.0.push(option);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Source {
    #[default]
    Url,
    Canonical,
    Variant,
}

/// The values of a list before they are put together.
#[derive(Default)]
struct List {
    source: Source,
    seen: Seen,
    transform: Transform,
    format: FormatChoice,
    slow_connection_quality: Option<Quality>,
    on_error: Option<OnError>,
    dpr: Option<Dpr>,
    width: Option<Width>,
    height: Option<u64>,
    gravity: Option<String>,
    zoom: Ratio,
    breakpoints: Option<Vec<u64>>,
    mobile: Option<u64>,
    desktop: Option<u64>,
    edges: [Option<u64>; 4],
    size: [Option<u64>; 2],
    border: Option<Border>,
}

enum Width {
    Pixels(u64),
    Auto,
}

#[derive(Default)]
struct Border {
    color: Option<Color>,
    tolerance: Option<u8>,
    keep: Option<u64>,
}

const TOP: usize = 0;
const RIGHT: usize = 1;
const BOTTOM: usize = 2;
const LEFT: usize = 3;

impl List {
    fn set(&mut self, key: &str, raw: &str, value: &str) -> Result<(), OptionsError> {
        let known = NAMES.iter().find(|(alias, _)| *alias == key).map(|(_, option)| *option);
        let option = known.ok_or_else(|| OptionsError::Unknown(shown(key)))?;
        if option != "draw" {
            self.seen.first(option)?;
        }
        let by_request =
            matches!(option, "format" | "slow-connection-quality" | "wbreakpoints" | "wmobile" | "wdesktop");
        if self.source != Source::Url && (by_request || (option, value) == ("width", "auto")) {
            let why = "what depends on the request is for options in URLs";
            return Err(OptionsError::Unavailable { option, why });
        }
        match option {
            "draw" => self.draw(raw),
            "trim" => self.trim(value),
            _ if option.starts_with("trim.") => self.trim_part(option, value),
            "width" | "height" | "dpr" | "wbreakpoints" | "wmobile" | "wdesktop" => self.size(option, value),
            "format"
            | "quality"
            | "slow-connection-quality"
            | "compression"
            | "anim"
            | "metadata"
            | "gamut" => self.encoding(option, value),
            "fit" | "gravity" | "zoom" | "rotate" | "flip" => self.geometry(option, value),
            "upscale" | "segment" | "onerror" | "border" | "origin-auth" => self.special(option, value),
            _ => self.color(option, value),
        }
    }

    fn geometry(&mut self, option: &'static str, value: &str) -> Result<(), OptionsError> {
        match option {
            "fit" => self.transform.fit = Fit::parse(value)?,
            "gravity" => self.gravity = Some(value.to_owned()),
            "zoom" => self.zoom = ratio("zoom", value)?,
            "rotate" => self.transform.rotate = rotate(value)?,
            _ => self.transform.flip = flip(value)?,
        }
        Ok(())
    }

    fn size(&mut self, option: &'static str, value: &str) -> Result<(), OptionsError> {
        let refused = OptionError {
            option,
            allowed: match option {
                "width" => "auto or a whole number from 1 to 12000",
                "wbreakpoints" => "1 to 16 whole numbers from 1 to 12000 with semicolons between",
                _ => "a whole number from 1 to 12000",
            },
        };
        let pixels = |text: &str| whole(text).filter(|pixels| (1..=u64::from(Side::MAX)).contains(pixels));
        match option {
            "dpr" => self.dpr = Some(Dpr::parse(value)?),
            "width" if value == "auto" => self.width = Some(Width::Auto),
            "width" => self.width = Some(Width::Pixels(pixels(value).ok_or(refused)?)),
            "height" => self.height = Some(pixels(value).ok_or(refused)?),
            "wmobile" => self.mobile = Some(pixels(value).ok_or(refused)?),
            "wdesktop" => self.desktop = Some(pixels(value).ok_or(refused)?),
            _ => {
                let widths: Option<Vec<u64>> =
                    value.split(';').map(pixels).take(MAX_BREAKPOINTS + 1).collect();
                self.breakpoints = Some(widths.filter(|w| w.len() <= MAX_BREAKPOINTS).ok_or(refused)?);
            }
        }
        Ok(())
    }

    fn color(&mut self, option: &'static str, value: &str) -> Result<(), OptionsError> {
        let transform = &mut self.transform;
        match option {
            "brightness" => transform.brightness = factor(option, value)?,
            "contrast" => transform.contrast = factor(option, value)?,
            "gamma" => transform.gamma = factor(option, value)?,
            "saturation" => transform.saturation = saturation(value)?,
            "sharpen" => transform.sharpen = sharpen(value)?,
            "blur" => transform.blur = blur(value)?,
            _ => transform.background = Some(color::parse("background", value)?),
        }
        Ok(())
    }

    fn encoding(&mut self, option: &'static str, value: &str) -> Result<(), OptionsError> {
        let transform = &mut self.transform;
        match option {
            "format" => self.format = FormatChoice::parse(value)?,
            "quality" => transform.quality = Some(quality("quality", value)?),
            "slow-connection-quality" => self.slow_connection_quality = Some(quality(option, value)?),
            "compression" if value == "fast" => transform.compression = Compression::Fast,
            "compression" => return Err(OptionError { option, allowed: "fast" }.into()),
            "anim" => {
                transform.animation = match value {
                    "true" => Animation::Keep,
                    "false" => Animation::FirstFrame,
                    _ => return Err(OptionError { option, allowed: "true or false" }.into()),
                }
            }
            "metadata" => transform.metadata = MetadataPolicy::parse(value)?,
            _ => {
                transform.gamut = match value {
                    "srgb" => Gamut::Srgb,
                    "display-p3" => Gamut::DisplayP3,
                    _ => return Err(OptionError { option, allowed: "srgb or display-p3" }.into()),
                }
            }
        }
        Ok(())
    }

    fn special(&mut self, option: &'static str, value: &str) -> Result<(), OptionsError> {
        let why = match (option, value) {
            ("upscale", "interpolate") => return Ok(()),
            ("upscale", "generate") => "no model to make up detail is part of this program; use interpolate",
            ("upscale", _) => return Err(OptionError { option, allowed: "interpolate" }.into()),
            ("onerror", "redirect") => {
                self.on_error = Some(OnError::Redirect);
                return Ok(());
            }
            ("onerror", _) => return Err(OptionError { option, allowed: "redirect" }.into()),
            ("segment", _) => "no model to find the foreground is part of this program",
            _ => "Cloudflare has it in Workers alone",
        };
        Err(OptionsError::Unavailable { option, why })
    }

    fn draw(&mut self, raw: &str) -> Result<(), OptionsError> {
        if self.source != Source::Canonical {
            let why = "overlays are a part of named variants";
            return Err(OptionsError::Unavailable { option: "draw", why });
        }
        if self.transform.draw.len() >= MAX_OVERLAYS {
            return Err(OptionError { option: "draw", allowed: "at most 5 overlays" }.into());
        }
        self.transform.draw.push(overlay::parse_text(raw)?);
        Ok(())
    }

    fn trim(&mut self, value: &str) -> Result<(), OptionsError> {
        if value == "border" {
            self.border.get_or_insert_default();
            return Ok(());
        }
        let allowed = "border, or four whole numbers with semicolons between: top;right;bottom;left";
        let refused = OptionError { option: "trim", allowed };
        let mut parts = value.split(';');
        for (edge, name) in
            [TOP, RIGHT, BOTTOM, LEFT].into_iter().zip(["trim.top", "trim.right", "trim.bottom", "trim.left"])
        {
            self.seen.first(name)?;
            let pixels = parts.next().and_then(whole).filter(|pixels| *pixels <= TRIM_MAX).ok_or(refused)?;
            if let Some(slot) = self.edges.get_mut(edge) {
                *slot = Some(pixels);
            }
        }
        if parts.next().is_some() { Err(refused.into()) } else { Ok(()) }
    }

    fn trim_part(&mut self, option: &'static str, value: &str) -> Result<(), OptionsError> {
        let pixels = || {
            let refused = OptionError { option, allowed: "a whole number of pixels up to 65535" };
            whole(value).filter(|pixels| *pixels <= TRIM_MAX).ok_or(refused)
        };
        match option {
            "trim.top" => self.edges[TOP] = Some(pixels()?),
            "trim.right" => self.edges[RIGHT] = Some(pixels()?),
            "trim.bottom" => self.edges[BOTTOM] = Some(pixels()?),
            "trim.left" => self.edges[LEFT] = Some(pixels()?),
            "trim.width" => self.size[0] = Some(pixels()?),
            "trim.height" => self.size[1] = Some(pixels()?),
            "trim.border.color" => {
                self.border.get_or_insert_default().color = Some(color::parse(option, value)?);
            }
            "trim.border.tolerance" => {
                let allowed = "a whole number from 0 to 255";
                let tolerance = whole(value).and_then(|number| u8::try_from(number).ok());
                self.border.get_or_insert_default().tolerance =
                    Some(tolerance.ok_or(OptionError { option, allowed })?);
            }
            _ => {
                let keep = pixels()?;
                self.border.get_or_insert_default().keep = Some(keep);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Options, OptionsError> {
        let dpr = self.dpr.unwrap_or(Dpr::ONE);
        let trim = self.trim_of(dpr)?;
        let mut transform = self.transform;
        transform.trim = trim;
        if let Some(height) = self.height {
            transform.height = Some(dpr.side(height)?);
        }
        if let Some(text) = &self.gravity {
            transform.gravity = gravity(text, self.zoom)?;
        }
        let mut auto_width = None;
        match self.width {
            None => {}
            Some(Width::Pixels(width)) => transform.width = Some(dpr.side(width)?),
            Some(Width::Auto) => {
                let mut widths = self.breakpoints.unwrap_or_else(|| BREAKPOINTS.to_vec());
                widths.sort_unstable();
                let breakpoints = widths.into_iter().map(Side::parse).collect::<Result<Vec<Side>, _>>()?;
                auto_width = Some(AutoWidth {
                    breakpoints,
                    mobile: Side::parse(self.mobile.unwrap_or(768))?,
                    desktop: Side::parse(self.desktop.unwrap_or(1200))?,
                    dpr: self.dpr,
                });
            }
        }
        // With `width=auto` there will be a width, so the gravity is left alone until it is resolved.
        let transform = if auto_width.is_some() { transform } else { transform.normalized() };
        Ok(Options {
            transform,
            dpr,
            format: self.format,
            format_given: self.seen.0.contains(&"format"),
            slow_connection_quality: self.slow_connection_quality,
            auto_width,
            on_error: self.on_error.unwrap_or(OnError::Report),
        })
    }

    fn trim_of(&self, dpr: Dpr) -> Result<Option<Trim>, OptionsError> {
        // At most TRIM_MAX * 10, so it fits.
        let scaled = |pixels: u64| dpr.scale(pixels) as u32;
        let [top, right, bottom, left] = self.edges;
        let [width, height] = self.size;
        let rectangle = self.edges.iter().chain(&self.size).any(Option::is_some);
        if let Some(border) = &self.border {
            if rectangle {
                let allowed = "either border or a rectangle";
                return Err(OptionError { option: "trim", allowed }.into());
            }
            return Ok(Some(Trim::Border {
                color: border.color,
                tolerance: border.tolerance.unwrap_or(BORDER_TOLERANCE),
                keep: scaled(border.keep.unwrap_or(0)),
            }));
        }
        if !rectangle {
            return Ok(None);
        }
        let end = |before: Option<u64>, length: Option<u64>, allowed: &'static str| match (before, length) {
            (Some(_), Some(_)) | (_, Some(0)) => Err(OptionError { option: "trim", allowed }),
            (None, Some(length)) => Ok(TrimEnd::Length(scaled(length).max(1))),
            (before, None) => Ok(TrimEnd::Before(scaled(before.unwrap_or(0)))),
        };
        Ok(Some(Trim::Rectangle {
            left: scaled(left.unwrap_or(0)),
            top: scaled(top.unwrap_or(0)),
            right: end(right, width, "given with one of right and width, and a width of at least 1")?,
            bottom: end(bottom, height, "given with one of bottom and height, and a height of at least 1")?,
        }))
    }
}

/// Largest number of pixels in a trim: more than any side.
const TRIM_MAX: u64 = 65_535;

/// Every name of an option in URLs, and the option that it stands for.
const NAMES: [(&str, &str); 48] = [
    ("width", "width"),
    ("w", "width"),
    ("height", "height"),
    ("h", "height"),
    ("dpr", "dpr"),
    ("fit", "fit"),
    ("gravity", "gravity"),
    ("g", "gravity"),
    ("zoom", "zoom"),
    ("face-zoom", "zoom"),
    ("trim", "trim"),
    ("trim.top", "trim.top"),
    ("trim.right", "trim.right"),
    ("trim.bottom", "trim.bottom"),
    ("trim.left", "trim.left"),
    ("trim.width", "trim.width"),
    ("trim.height", "trim.height"),
    ("trim.border.color", "trim.border.color"),
    ("trim.border.tolerance", "trim.border.tolerance"),
    ("trim.border.keep", "trim.border.keep"),
    ("rotate", "rotate"),
    ("flip", "flip"),
    ("background", "background"),
    ("border", "border"),
    ("blur", "blur"),
    ("sharpen", "sharpen"),
    ("brightness", "brightness"),
    ("contrast", "contrast"),
    ("gamma", "gamma"),
    ("saturation", "saturation"),
    ("quality", "quality"),
    ("q", "quality"),
    ("slow-connection-quality", "slow-connection-quality"),
    ("scq", "slow-connection-quality"),
    ("format", "format"),
    ("f", "format"),
    ("compression", "compression"),
    ("anim", "anim"),
    ("metadata", "metadata"),
    ("gamut", "gamut"),
    ("upscale", "upscale"),
    ("segment", "segment"),
    ("onerror", "onerror"),
    ("origin-auth", "origin-auth"),
    ("draw", "draw"),
    ("wbreakpoints", "wbreakpoints"),
    ("wmobile", "wmobile"),
    ("wdesktop", "wdesktop"),
];
