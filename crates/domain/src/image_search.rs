//! Searching images by a text that stands anywhere in what is known of them, whatever its case.

use crate::image::Image;
use thiserror::Error;

/// Where a search looks (`in`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchIn {
    /// Everywhere below.
    #[default]
    Any,
    /// The id.
    Id,
    /// The file name.
    Filename,
    /// The creator.
    Creator,
    /// Keys and values of the metadata, each for itself.
    Metadata,
}

impl SearchIn {
    /// Every place.
    pub const ALL: [SearchIn; 5] =
        [SearchIn::Any, SearchIn::Id, SearchIn::Filename, SearchIn::Creator, SearchIn::Metadata];

    /// The word in API and index.
    pub fn as_str(self) -> &'static str {
        match self {
            SearchIn::Any => "any",
            SearchIn::Id => "id",
            SearchIn::Filename => "filename",
            SearchIn::Creator => "creator",
            SearchIn::Metadata => "metadata",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Option<SearchIn> {
        SearchIn::ALL.into_iter().find(|place| place.as_str() == text)
    }

    fn covers(self, place: SearchIn) -> bool {
        self == SearchIn::Any || self == place
    }
}

/// What is searched for, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchText(String);

/// Why a text cannot be searched for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("search must have 1 to {max} characters, none of them control characters", max = SearchText::MAX_CHARS)]
pub struct SearchTextError;

impl SearchText {
    /// Longest text in characters.
    pub const MAX_CHARS: usize = 200;

    /// Parses what someone looks for. Control characters are refused: with one of them [`search_fields`]
    /// keeps values apart.
    pub fn parse(text: &str) -> Result<SearchText, SearchTextError> {
        let fits = (1..=Self::MAX_CHARS).contains(&text.chars().count());
        if !fits || text.chars().any(char::is_control) {
            return Err(SearchTextError);
        }
        Ok(SearchText(folded(text)))
    }

    /// The text as [`folded`] makes it.
    pub fn folded(&self) -> &str {
        &self.0
    }
}

/// A text without its case: two texts that differ in case alone fold to the same, and what is part of a
/// text folds to a part. Upper case first, so that `ς` and `ß` meet `Σ` and `SS`. No character is lost,
/// but for NUL, which an index takes for the end of a text.
pub fn folded(text: &str) -> String {
    if text.is_ascii() && !text.contains('\0') {
        return text.to_ascii_lowercase();
    }
    let visible = text.chars().map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c });
    visible.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// What a search looks through: one image's texts, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchFields {
    /// The id.
    pub id: String,
    /// The file name, empty for none.
    pub filename: String,
    /// The creator, empty for none.
    pub creator: String,
    /// Keys and values of the metadata, a line feed after each.
    pub metadata: String,
}

/// The fields of an image. `metadata` has the keys and values of its metadata, in any order: this
/// package knows no JSON.
pub fn search_fields<'a>(image: &Image, metadata: impl Iterator<Item = &'a str>) -> SearchFields {
    let mut lines = String::new();
    for text in metadata {
        lines.push_str(&folded(text));
        lines.push('\n');
    }
    SearchFields {
        id: folded(image.id.as_str()),
        filename: image.filename.as_deref().map(folded).unwrap_or_default(),
        creator: image.creator.as_ref().map(|creator| folded(creator.as_str())).unwrap_or_default(),
        metadata: lines,
    }
}

impl SearchFields {
    /// Whether a text stands in one of the places.
    pub fn have(&self, text: &SearchText, within: SearchIn) -> bool {
        [
            (SearchIn::Id, &self.id),
            (SearchIn::Filename, &self.filename),
            (SearchIn::Creator, &self.creator),
            (SearchIn::Metadata, &self.metadata),
        ]
        .iter()
        .any(|(place, field)| within.covers(*place) && field.contains(text.folded()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountId;
    use crate::image::{BlobId, Creator, ImageId, Metadata, Privacy, SourceFormat, SourceInfo};

    fn image() -> Image {
        let source = SourceInfo {
            format: SourceFormat::Png,
            width: 1,
            height: 1,
            has_alpha: false,
            frames: 1,
            turn: crate::image::Turn::Upright,
        };
        Image {
            account: AccountId::from_random([1; 16]),
            id: ImageId::named("Reisen/2026"),
            blob: BlobId::from_random([1; 16]),
            source,
            bytes: 1,
            filename: Some("Größe ÄÖÜ.PNG".to_owned()),
            metadata: Metadata::default(),
            creator: Creator::parse("Привет").ok(),
            privacy: Privacy::Public,
            uploaded_ms: 0,
        }
    }

    #[test]
    fn case_makes_no_difference_in_any_usual_alphabet() {
        for (one, other) in [
            ("IMG_1.JPG", "img_1.jpg"),
            ("Ärger", "äRGER"),
            ("café", "CAFÉ"),
            ("ПРИВЕТ", "привет"),
            ("ΟΔΟΣ", "οδος"),
            ("straße", "STRASSE"),
            ("ÅØÆ", "åøæ"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        assert_ne!(folded("e"), folded("é"), "accents are letters of their own");
        assert_eq!(folded("a\0b"), "a\u{FFFD}b");
        assert_eq!(folded("画像🖼\u{202E}"), "画像🖼\u{202E}");
    }

    #[test]
    fn a_part_folds_to_a_part() {
        let text = "aÄßσςΣİŉ🖼ǅx";
        for (from, _) in text.char_indices() {
            for (to, _) in text.char_indices().filter(|(to, _)| *to >= from) {
                assert!(folded(text).contains(&folded(&text[from..to])), "{}", &text[from..to]);
            }
        }
    }

    #[test]
    fn texts_to_search_for_are_bounded_and_visible() {
        assert!(SearchText::parse(&"ä".repeat(200)).is_ok());
        for bad in ["", "a\0b", "a\nb", "\u{9B}"] {
            assert_eq!(SearchText::parse(bad), Err(SearchTextError), "{bad:?}");
        }
        assert_eq!(SearchText::parse(&"ä".repeat(201)), Err(SearchTextError));
        assert_eq!(SearchText::parse(" \"*").expect("a text").folded(), " \"*");
    }

    #[test]
    fn a_search_looks_where_it_is_told_to() {
        let fields = search_fields(&image(), ["Titel", "Sommer am See", "7"].into_iter());
        for (text, place) in [
            ("REISEN/", SearchIn::Id),
            ("grösse", SearchIn::Filename),
            ("größe äöü.p", SearchIn::Filename),
            ("вет", SearchIn::Creator),
            ("titel", SearchIn::Metadata),
            ("AM SEE", SearchIn::Metadata),
        ] {
            let text = SearchText::parse(text);
            // `ö` is no `o`, and `ß` is two letters.
            let text = text.expect("a text");
            for within in SearchIn::ALL {
                let expected = within == place || within == SearchIn::Any;
                assert_eq!(fields.have(&text, within), expected, "{text:?} in {}", within.as_str());
            }
        }
        for absent in ["titelsommer", "titel sommer", "sommer am see 7", "nothing"] {
            let text = SearchText::parse(absent).expect("a text");
            assert!(!fields.have(&text, SearchIn::Any), "{absent}");
        }
    }

    #[test]
    fn places_have_words() {
        for place in SearchIn::ALL {
            assert_eq!(SearchIn::parse(place.as_str()), Some(place));
        }
        assert_eq!(SearchIn::parse("everywhere"), None);
    }
}
