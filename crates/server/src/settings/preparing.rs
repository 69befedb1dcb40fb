//! Settings of what is made of an original before anybody asks for it.

use super::table::{Fallback, Form, Row, Setting};
use crate::config::Levels;

pub(super) const LEVELS: Setting<Levels> = Setting {
    row: Row {
        name: "levels",
        default: Fallback::Is("small"),
        form: Form::Text,
        allowed: "off, small or full",
        about: "Reduced pictures that are made of each original of a megapixel or more, so that renditions of it \
                take a fraction of the time: small are a quarter of its sides and less, full adds a half.",
    },
    parse: |text| match text {
        "off" => Some(Levels::Off),
        "small" => Some(Levels::Small),
        "full" => Some(Levels::Full),
        _ => None,
    },
};
