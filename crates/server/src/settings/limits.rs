//! Settings of how much accounts may keep and have made.

use super::SettingsError;
use super::sources::Values;
use super::table::{Fallback, Form, Row, Setting};
use crate::config::Limits;
use safelight_domain::quota::{Bound, Quota};

const OFF_OR_NUMBER: &str = "off, or a whole number from 0 to 9007199254700000";

pub(super) fn limits(values: &Values) -> Result<Limits, SettingsError> {
    Ok(Limits {
        quota: Quota {
            images: values.required(&QUOTA_IMAGES)?,
            bytes: values.required(&QUOTA_BYTES)?,
            renders_per_minute: values.required(&QUOTA_RENDERS_PER_MINUTE)?,
        },
    })
}

pub(super) const QUOTA_IMAGES: Setting<Bound> = Setting {
    row: Row {
        name: "quota-images",
        default: Fallback::Is("off"),
        form: Form::NumberOrWord,
        allowed: OFF_OR_NUMBER,
        about: "Images that an account may have which is given no quota of its own; 0 takes none, off any number.",
    },
    parse: Bound::parse,
};

pub(super) const QUOTA_BYTES: Setting<Bound> = Setting {
    row: Row {
        name: "quota-bytes",
        default: Fallback::Is("off"),
        form: Form::NumberOrWord,
        allowed: OFF_OR_NUMBER,
        about: "Bytes that the originals of such an account may have together.",
    },
    parse: Bound::parse,
};

pub(super) const QUOTA_RENDERS_PER_MINUTE: Setting<Bound> = Setting {
    row: Row {
        name: "quota-renders-per-minute",
        default: Fallback::Is("off"),
        form: Form::NumberOrWord,
        allowed: OFF_OR_NUMBER,
        about: "Pictures that viewers of such an account may have made in a minute, on each node; what is stored is \
                served without end.",
    },
    parse: Bound::parse,
};
