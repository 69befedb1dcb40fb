//! Options: no text makes the parser panic, and what it accepts has one canonical text.

use crate::Verdict;
use safelight_domain::delivery_url::DeliveryPath;
use safelight_domain::options::{ClientHints, Options};
use safelight_domain::transform::Transform;

/// The bytes are tried as options of a URL, as a canonical text and as a path.
pub(crate) fn check(data: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(data) else { return Verdict::Reject };
    if let Ok(options) = Options::parse(text) {
        same_after_canonical(&options.transform);
        same_after_fields(&options.transform);
        let hints = ClientHints::read(|_| Some(text));
        same_after_canonical(&options.resolve(&hints));
    }
    if let Ok(transform) = Transform::from_canonical(text) {
        same_after_canonical(&transform);
    }
    // A path is only told apart; there is nothing to compare with.
    let _ = DeliveryPath::parse(text);
    Verdict::Keep
}

fn same_after_canonical(transform: &Transform) {
    let text = transform.canonical();
    let again = Transform::from_canonical(&text);
    // What changes nothing is left out, at the latest when the text is read.
    assert_eq!(again.as_ref(), Ok(&transform.clone().normalized()), "{text}");
    assert_eq!(again.map(|again| again.canonical()), Ok(transform.clone().normalized().canonical()));
}

/// The fields lack the overlays alone.
fn same_after_fields(transform: &Transform) {
    let fields = transform.fields();
    let again = Transform::from_fields(fields.iter().map(|(key, value)| (*key, value.as_str())));
    let mut expected = transform.clone().normalized();
    expected.draw.clear();
    assert_eq!(again, Ok(expected), "{fields:?}");
}
