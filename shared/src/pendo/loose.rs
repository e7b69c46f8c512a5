//! Texts and numbers in whatever form Pendo sends them.

use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// Text that may arrive as a number: Pendo's ids are what the customer sent.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("text or a number")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A whole number that may arrive as `5`, `5.0` or `"5"`; null and absent are `None`.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    struct Visitor;
    impl serde::de::Visitor<'_> for Visitor {
        type Value = Option<i64>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a whole number")
        }
        fn visit_unit<E>(self) -> Result<Option<i64>, E> {
            Ok(None)
        }
        fn visit_i64<E>(self, number: i64) -> Result<Option<i64>, E> {
            Ok(Some(number))
        }
        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Option<i64>, E> {
            i64::try_from(number).map(Some).map_err(E::custom)
        }
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked just before")]
        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Option<i64>, E> {
            if number.is_finite() && number.abs() < 9.0e18 {
                Ok(Some(number as i64))
            } else {
                Err(E::custom("not a whole number"))
            }
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Option<i64>, E> {
            if text.is_empty() {
                return Ok(None);
            }
            text.parse::<f64>().map_err(E::custom).and_then(|number| self.visit_f64(number))
        }
    }
    deserializer.deserialize_any(Visitor)
}

/// A whole number from zero on, in the same forms; null and absent are 0.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = whole(deserializer)?.unwrap_or_default();
    u64::try_from(number).map_err(|_| serde::de::Error::custom("a count below zero"))
}
