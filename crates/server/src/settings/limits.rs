//! Settings of how much accounts may keep and have made, how often strangers may fail, and what stays free.

use super::SettingsError;
use super::sources::Values;
use super::table::{Fallback, Form, Row, Setting, in_range};
use crate::config::Limits;
use safelight_domain::quota::{Bound, Quota};

const OFF_OR_NUMBER: &str = "off, or a whole number from 0 to 9007199254700000";
const OFF_OR_TIMES: &str = "off, or a whole number from 1 to 1000000";

pub(super) fn limits(values: &Values) -> Result<Limits, SettingsError> {
    Ok(Limits {
        quota: Quota {
            images: values.required(&QUOTA_IMAGES)?,
            bytes: values.required(&QUOTA_BYTES)?,
            renders_per_minute: values.required(&QUOTA_RENDERS_PER_MINUTE)?,
        },
        failed_logins_per_minute: values.required(&FAILED_LOGINS_PER_MINUTE)?,
        failed_signatures_per_minute: values.required(&FAILED_SIGNATURES_PER_MINUTE)?,
        free_bytes: values.required(&MIN_FREE_BYTES)?,
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

pub(super) const FAILED_LOGINS_PER_MINUTE: Setting<Bound> = Setting {
    row: Row {
        name: "failed-logins-per-minute",
        default: Fallback::Is("10"),
        form: Form::NumberOrWord,
        allowed: OFF_OR_TIMES,
        about: "Unknown tokens, at login and at the API, that one client (an IPv4 address or an IPv6 network of 64 bits) \
                may present in a minute; then it may not log in for the rest of it.",
    },
    parse: times,
};

pub(super) const FAILED_SIGNATURES_PER_MINUTE: Setting<Bound> = Setting {
    row: Row {
        name: "failed-signatures-per-minute",
        default: Fallback::Is("600"),
        form: Form::NumberOrWord,
        allowed: OFF_OR_TIMES,
        about: "Wrong signatures that one client may present in a minute; further ones are answered 429 without a look \
                at the catalog. Right ones, expired ones and none are not counted.",
    },
    parse: times,
};

pub(super) const MIN_FREE_BYTES: Setting<u64> = Setting {
    row: Row {
        name: "min-free-bytes",
        default: Fallback::Is("1073741824"),
        form: Form::Number,
        allowed: "a whole number of bytes from 0 to 1000000000000000",
        about: "Bytes that stay free on the disk of the data folder: where less is left, uploads are refused with 507 and \
                renditions are not kept, and deleting works. 0 leaves it to the disk to be full.",
    },
    parse: |text| in_range(text, 0..=1_000_000_000_000_000),
};

/// A bound that lets someone fail at all.
fn times(text: &str) -> Option<Bound> {
    Bound::parse(text).filter(|bound| bound.most().is_none_or(|most| (1..=1_000_000).contains(&most)))
}
