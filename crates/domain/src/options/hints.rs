//! What browsers tell of their screen and connection.

use super::value;

/// The client hints of a request, as far as options depend on them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClientHints {
    /// `Sec-CH-Viewport-Width`, in CSS pixels.
    pub(super) viewport_width: Option<u32>,
    /// `Sec-CH-DPR`.
    pub(super) dpr: Option<f64>,
    /// `Sec-CH-UA-Mobile`, or the user agent's own word.
    pub(super) is_mobile: bool,
    slow: bool,
}

impl ClientHints {
    /// The request headers that are read, in lower case: what `Vary` has to name.
    pub const HEADERS: [&'static str; 10] = [
        "sec-ch-viewport-width",
        "viewport-width",
        "sec-ch-dpr",
        "dpr",
        "sec-ch-ua-mobile",
        "user-agent",
        "rtt",
        "save-data",
        "ect",
        "downlink",
    ];

    /// Reads the hints. `header` gives the value of a header by its lower-case name; values that make
    /// no sense are as good as none.
    pub fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> ClientHints {
        let either = |new: &str, old: &str| header(new).or_else(|| header(old)).map(str::trim);
        let number = |name: &str| header(name).map(str::trim).and_then(value::decimal);
        let mobile = match header("sec-ch-ua-mobile").map(str::trim) {
            Some(hint) => hint == "?1",
            None => header("user-agent").is_some_and(|agent| agent.contains("Mobi")),
        };
        let save_data = header("save-data").is_some_and(|text| text.trim().eq_ignore_ascii_case("on"));
        let slow_type = header("ect").is_some_and(|text| matches!(text.trim(), "slow-2g" | "2g" | "3g"));
        ClientHints {
            viewport_width: either("sec-ch-viewport-width", "viewport-width")
                .and_then(value::whole)
                .and_then(|width| u32::try_from(width).ok())
                .filter(|width| *width > 0),
            dpr: either("sec-ch-dpr", "dpr")
                .and_then(value::decimal)
                .filter(|dpr| (0.1..=10.0).contains(dpr)),
            is_mobile: mobile,
            slow: save_data
                || slow_type
                || number("rtt").is_some_and(|milliseconds| milliseconds > 150.0)
                || number("downlink").is_some_and(|megabits| megabits < 5.0),
        }
    }

    /// Cloudflare's thresholds: a round trip above 150 ms, less than 5 Mbit/s, 3G or slower, or the
    /// user's wish to save data.
    pub fn is_slow(&self) -> bool {
        self.slow
    }
}
