//! What a statement is given: numbers, texts and bytes, each possibly absent. Both databases take these three and no others,
//! so that a schema says the same in either.

/// A parameter, or a column of a row. An absent value keeps its type, which PostgreSQL wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// BIGINT.
    Int(Option<i64>),
    /// TEXT.
    Text(Option<String>),
    /// BLOB, BYTEA.
    Bytes(Option<Vec<u8>>),
}

macro_rules! from {
    ($($source:ty => $kind:ident, $convert:expr;)*) => {$(
        impl From<$source> for Value {
            fn from(value: $source) -> Self {
                #[allow(clippy::redundant_closure_call, reason = "one closure for a value and for an absent one")]
                Self::$kind(Some(($convert)(value)))
            }
        }
        impl From<Option<$source>> for Value {
            fn from(value: Option<$source>) -> Self {
                Self::$kind(value.map($convert))
            }
        }
    )*};
}

from! {
    i64 => Int, |number| number;
    i32 => Int, i64::from;
    u32 => Int, i64::from;
    bool => Int, i64::from;
    &str => Text, str::to_owned;
    String => Text, |text| text;
    &String => Text, String::clone;
    &[u8] => Bytes, <[u8]>::to_vec;
    Vec<u8> => Bytes, |bytes| bytes;
    &Vec<u8> => Bytes, Vec::clone;
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        Self::Text(text.clone())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Bytes(Some(bytes.to_vec()))
    }
}

/// A type that a column can be read as. `'r` is the row, so that texts and bytes need not be copied.
pub trait FromValue<'r>: Sized {
    /// The value; `None` if it is of another kind.
    fn from_value(value: &'r Value) -> Option<Self>;
}

impl FromValue<'_> for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(number) => *number,
            _ => None,
        }
    }
}

impl<'r> FromValue<'r> for &'r str {
    fn from_value(value: &'r Value) -> Option<Self> {
        match value {
            Value::Text(text) => text.as_deref(),
            _ => None,
        }
    }
}

impl FromValue<'_> for String {
    fn from_value(value: &Value) -> Option<Self> {
        <&str>::from_value(value).map(str::to_owned)
    }
}

impl<'r> FromValue<'r> for &'r [u8] {
    fn from_value(value: &'r Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => bytes.as_deref(),
            _ => None,
        }
    }
}

impl FromValue<'_> for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        <&[u8]>::from_value(value).map(<[u8]>::to_vec)
    }
}

impl<'r, T: FromValue<'r>> FromValue<'r> for Option<T> {
    fn from_value(value: &'r Value) -> Option<Self> {
        match value {
            Value::Int(None) | Value::Text(None) | Value::Bytes(None) => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}
