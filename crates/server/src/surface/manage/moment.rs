//! Instants and lengths of time as the management API writes and reads them: RFC 3339 in UTC, and `7d` or `12h`.
use countersign::time::{Span, Time};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

/// An instant in UTC, as RFC 3339 writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-22T15:00:00Z")]
pub(crate) struct Moment(pub(crate) Time);

/// A length of time: a whole number and `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "7d")]
pub(crate) struct Length(pub(crate) Span);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The calendar of the time library ends two days before ours does; both mean "never".
        let last = jiff::Timestamp::MAX.as_nanosecond();
        let first = jiff::Timestamp::MIN.as_nanosecond();
        let instant = jiff::Timestamp::from_nanosecond(self.0.nanos().clamp(first, last));
        serializer.serialize_str(&instant.map_err(serde::ser::Error::custom)?.to_string())
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant: jiff::Timestamp = text
            .parse()
            .map_err(|_| D::Error::custom("wanted an instant with its zone, such as 2026-11-22T15:00:00Z"))?;
        Ok(Self(Time::from_nanos(instant.as_nanosecond())))
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Span::parse(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom("wanted a number and a unit (ms, s, m, h or d), such as 7d"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_go_out_and_come_back() {
        let moment = Moment(Time::from_millis(1_700_000_000_250));
        let text = serde_json::to_string(&moment).unwrap();
        assert_eq!(text, "\"2023-11-14T22:13:20.25Z\"");
        assert_eq!(serde_json::from_str::<Moment>(&text).unwrap(), moment);
        assert_eq!(
            serde_json::from_str::<Moment>("\"2023-11-14T23:13:20.25+01:00\"").unwrap(),
            moment,
            "another zone, the same instant"
        );
        assert!(serde_json::to_string(&Moment(Time::MAX)).unwrap().starts_with("\"9999-12-30"));
    }

    #[test]
    fn what_is_no_instant_or_length_says_what_was_wanted() {
        for bad in ["\"2023-11-14T22:13:20\"", "\"tomorrow\"", "\"\"", "1700000000"] {
            assert!(serde_json::from_str::<Moment>(bad).is_err(), "{bad}");
        }
        assert_eq!(serde_json::from_str::<Length>("\"7d\"").unwrap().0, Span::from_seconds(604_800));
        let error = serde_json::from_str::<Length>("\"a week\"").unwrap_err().to_string();
        assert!(error.contains("such as 7d"), "{error}");
    }
}
