//! Filters of a list by metadata: `meta.<field>[<operator>]=<value>` in a query.
//!
//! Operators are `eq`, `in`, `gt`, `gte`, `lt` and `lte`. `eq` and `in` compare texts unless they end
//! in `:number` (or, `eq` alone, in `:boolean`); the others compare numbers. Dots in a field step into
//! nested objects, and no operator means `eq`. A value matches what has its type and no other: the
//! text `5` and the number 5 differ. Elements of arrays match nothing.

use thiserror::Error;

/// Most filters in one request (Cloudflare's limit).
pub const MAX_FILTERS: usize = 5;

/// Most values of `in` (Cloudflare's limit).
pub const MAX_VALUES: usize = 10;

/// Most of an unknown operator that an error repeats, in characters.
const MAX_QUOTED: usize = 40;

/// Where a value stands in metadata: keys from the outermost object on, joined with dots.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetadataPath(String);

impl MetadataPath {
    /// Most keys (Cloudflare's limit).
    pub const MAX_DEPTH: usize = 5;

    /// Longest key in characters (Cloudflare's limit).
    pub const MAX_KEY_CHARS: usize = 100;

    /// The path of a value that lies below these keys; `None` when no filter can name it, since there
    /// are too many keys, or one is empty, too long or has a dot or a bracket.
    pub fn of_keys(keys: &[&str]) -> Option<MetadataPath> {
        let good = (1..=Self::MAX_DEPTH).contains(&keys.len())
            && keys.iter().all(|key| !key.is_empty() && !key.contains(['.', '[', ']']) && !too_long(key));
        good.then(|| MetadataPath(keys.join(".")))
    }

    /// The keys, joined with dots.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn too_long(key: &str) -> bool {
    key.chars().count() > MetadataPath::MAX_KEY_CHARS
}

/// A number as filters compare them: finite, 64 bits, no negative zero. Whole numbers beyond 2^53 are
/// told apart only as far as such a number tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct MetadataNumber(f64);

impl MetadataNumber {
    /// `None` for infinities and for what is no number.
    pub fn new(number: f64) -> Option<MetadataNumber> {
        // Zero with either sign plus zero is positive zero.
        number.is_finite().then_some(MetadataNumber(number + 0.0))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// A value that filters can find.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataValue {
    /// A text, compared byte by byte.
    Text(String),
    /// A number.
    Number(MetadataNumber),
    /// True or false.
    Flag(bool),
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataTest {
    /// One of these, at most [`MAX_VALUES`] and all different.
    AnyOf(Vec<MetadataValue>),
    /// A number from `low` to `high`, both included; none when `low` is above `high`.
    Range {
        /// Lowest that matches.
        low: f64,
        /// Highest that matches.
        high: f64,
    },
}

impl MetadataTest {
    /// Whether a value passes.
    pub fn accepts(&self, value: &MetadataValue) -> bool {
        match (self, value) {
            (MetadataTest::AnyOf(values), value) => values.contains(value),
            (MetadataTest::Range { low, high }, MetadataValue::Number(number)) => {
                (*low..=*high).contains(&number.get())
            }
            (MetadataTest::Range { .. }, _) => false,
        }
    }
}

/// One filter: an image matches when its metadata has a value there that passes.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataFilter {
    /// Where.
    pub path: MetadataPath,
    /// What.
    pub test: MetadataTest,
}

/// Why a query has no filters that could be applied (400, error 5400).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetadataFilterError {
    /// More than [`MAX_FILTERS`].
    #[error("Too many metadata filters: {provided} provided, maximum {MAX_FILTERS} allowed")]
    TooMany {
        /// In the query.
        provided: usize,
    },
    /// None of the operators and types above.
    #[error("Unsupported metadata filter operator: '{0}'")]
    Operator(String),
    /// Not of the form.
    #[error(
        "Malformed metadata filter: expected meta.<field>[<operator>]=<value>, with dots between nested fields"
    )]
    Malformed,
    /// More keys than [`MetadataPath::MAX_DEPTH`].
    #[error(
        "Metadata filter nested too deep: {provided} levels provided, maximum {max} allowed",
        max = MetadataPath::MAX_DEPTH
    )]
    TooDeep {
        /// Keys given.
        provided: usize,
    },
    /// A key of more than [`MetadataPath::MAX_KEY_CHARS`].
    #[error(
        "Metadata filter key too long: {provided} characters provided, maximum {max} allowed",
        max = MetadataPath::MAX_KEY_CHARS
    )]
    KeyTooLong {
        /// Characters given.
        provided: usize,
    },
    /// More values than [`MAX_VALUES`].
    #[error("Too many values in a metadata filter: {provided} provided, maximum {MAX_VALUES} allowed")]
    TooManyValues {
        /// Values given.
        provided: usize,
    },
    /// No finite number where one is needed.
    #[error("Invalid metadata filter value: the operator '{0}' needs numbers")]
    Number(&'static str),
    /// Neither `true` nor `false` where one is needed.
    #[error("Invalid metadata filter value: the operator 'eq:boolean' needs true or false")]
    Flag,
}

/// Whether a query parameter is a filter, or was meant as one. Ignored, it would let the list show
/// images that were to be left out.
pub fn is_filter(parameter: &str) -> bool {
    parameter == "meta" || parameter.starts_with("meta.") || parameter.starts_with("meta[")
}

/// Reads the filters among the decoded parameters of a query. All of them must match; ranges of one
/// field are joined into one.
pub fn parse_filters(query: &[(&str, &str)]) -> Result<Vec<MetadataFilter>, MetadataFilterError> {
    let given: Vec<_> = query.iter().filter(|(name, _)| is_filter(name)).collect();
    if given.len() > MAX_FILTERS {
        return Err(MetadataFilterError::TooMany { provided: given.len() });
    }
    let mut filters: Vec<MetadataFilter> = Vec::with_capacity(given.len());
    for (name, value) in given {
        let filter = parse_filter(name, value)?;
        if !filters.iter_mut().any(|known| join(known, &filter)) {
            filters.push(filter);
        }
    }
    Ok(filters)
}

/// Narrows a range by another of the same field; false when they are not that.
fn join(known: &mut MetadataFilter, other: &MetadataFilter) -> bool {
    match (&mut known.test, &other.test) {
        (MetadataTest::Range { low, high }, MetadataTest::Range { low: other_low, high: other_high })
            if known.path == other.path =>
        {
            *low = low.max(*other_low);
            *high = high.min(*other_high);
            true
        }
        _ => false,
    }
}

fn parse_filter(name: &str, value: &str) -> Result<MetadataFilter, MetadataFilterError> {
    let rest = name.strip_prefix("meta.").ok_or(MetadataFilterError::Malformed)?;
    let (field, operator) = match rest.split_once('[') {
        Some((field, operator)) => (field, operator.strip_suffix(']').ok_or(MetadataFilterError::Malformed)?),
        None => (rest, "eq"),
    };
    Ok(MetadataFilter { path: parse_path(field)?, test: parse_test(operator, value)? })
}

fn parse_path(field: &str) -> Result<MetadataPath, MetadataFilterError> {
    let keys: Vec<&str> = field.split('.').collect();
    if keys.len() > MetadataPath::MAX_DEPTH {
        return Err(MetadataFilterError::TooDeep { provided: keys.len() });
    }
    if let Some(long) = keys.iter().find(|key| too_long(key)) {
        return Err(MetadataFilterError::KeyTooLong { provided: long.chars().count() });
    }
    MetadataPath::of_keys(&keys).ok_or(MetadataFilterError::Malformed)
}

fn parse_test(operator: &str, value: &str) -> Result<MetadataTest, MetadataFilterError> {
    let text = |text: &str| Ok(MetadataValue::Text(text.to_owned()));
    let number = |operator| move |text: &str| parse_number(text, operator).map(MetadataValue::Number);
    let range = |operator, test: fn(f64) -> (f64, f64)| {
        let (low, high) = test(parse_number(value, operator)?.get());
        Ok(MetadataTest::Range { low, high })
    };
    match operator {
        "eq" | "eq:string" => Ok(MetadataTest::AnyOf(vec![text(value)?])),
        "eq:number" => Ok(MetadataTest::AnyOf(vec![number("eq:number")(value)?])),
        "eq:boolean" => match value {
            "true" => Ok(MetadataTest::AnyOf(vec![MetadataValue::Flag(true)])),
            "false" => Ok(MetadataTest::AnyOf(vec![MetadataValue::Flag(false)])),
            _ => Err(MetadataFilterError::Flag),
        },
        "in" | "in:string" => any_of(value, text),
        "in:number" => any_of(value, number("in:number")),
        // Between a number and the next of 64 bits there is none.
        "gt" | "gt:number" => range("gt", |bound| (bound.next_up(), f64::MAX)),
        "gte" | "gte:number" => range("gte", |bound| (bound, f64::MAX)),
        "lt" | "lt:number" => range("lt", |bound| (f64::MIN, bound.next_down())),
        "lte" | "lte:number" => range("lte", |bound| (f64::MIN, bound)),
        other => Err(MetadataFilterError::Operator(other.chars().take(MAX_QUOTED).collect())),
    }
}

fn any_of(
    list: &str,
    parse: impl Fn(&str) -> Result<MetadataValue, MetadataFilterError>,
) -> Result<MetadataTest, MetadataFilterError> {
    let provided = list.split('|').count();
    if provided > MAX_VALUES {
        return Err(MetadataFilterError::TooManyValues { provided });
    }
    let mut values = Vec::with_capacity(provided);
    for text in list.split('|') {
        let value = parse(text)?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(MetadataTest::AnyOf(values))
}

fn parse_number(text: &str, operator: &'static str) -> Result<MetadataNumber, MetadataFilterError> {
    // Rust also reads `inf` and `nan`, which are not finite.
    text.parse().ok().and_then(MetadataNumber::new).ok_or(MetadataFilterError::Number(operator))
}

#[cfg(test)]
#[path = "metadata_filter_tests.rs"]
mod tests;
