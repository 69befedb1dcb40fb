//! Settings of what is made of an original before anybody asks for it.

use super::SettingsError;
use super::sources::Values;
use super::table::{Fallback, Form, Row, Setting, Switch, in_range, switch};
use crate::config::{Levels, PreparedFormat, Refine};
use safelight_domain::first_answer::FirstAnswerBudget;
use std::time::Duration;

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

pub(super) const REFINE: Setting<Switch> = Setting {
    row: Row {
        name: "refine",
        default: Fallback::Is("on"),
        form: Form::Text,
        allowed: "on or off",
        about: "Whether each rendition is made again in the background, smaller and from the original, after the \
                first answer was given.",
    },
    parse: switch,
};

pub(super) const FIRST_ANSWER_MS: Setting<u64> = Setting {
    row: Row {
        name: "first-answer-ms",
        default: Fallback::Is("100"),
        form: Form::Number,
        allowed: "a whole number of milliseconds from 0 to 60000",
        about: "Most time that the encoder of a first answer may take, by estimate. Where AVIF or WebP would take \
                longer, the first answers are in a quicker format, until the better one was made in the \
                background. Has no effect with refine = \"off\".",
    },
    parse: |text| in_range(text, 0..=60_000),
};

pub(super) const PREPARED_FORMATS: Setting<Vec<PreparedFormat>> = Setting {
    row: Row {
        name: "prepared-formats",
        default: Fallback::Is(""),
        form: Form::List,
        allowed: "avif, webp and plain, each once",
        about: "Whom the named variants of each upload are rendered for in the background, so that the first view is \
                warm: clients that take AVIF, those that take WebP, and those that take neither. Nobody unless \
                given.",
    },
    parse: prepared_formats,
};

fn prepared_formats(text: &str) -> Option<Vec<PreparedFormat>> {
    let mut formats = Vec::new();
    for word in text.split(',').map(str::trim).filter(|_| !text.trim().is_empty()) {
        let format = match word {
            "avif" => PreparedFormat::Avif,
            "webp" => PreparedFormat::WebP,
            "plain" => PreparedFormat::Plain,
            _ => return None,
        };
        if formats.contains(&format) {
            return None;
        }
        formats.push(format);
    }
    Some(formats)
}

pub(super) fn refine(values: &Values) -> Result<Refine, SettingsError> {
    let budget = FirstAnswerBudget::new(Duration::from_millis(values.required(&FIRST_ANSWER_MS)?));
    Ok(match values.required(&REFINE)? {
        Switch::Off => Refine::Off,
        Switch::On => Refine::On(budget),
    })
}
