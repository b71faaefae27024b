//! The spellings of a time that dialects use beside a number of seconds, each read strictly and written.
use super::Time;

/// A spelling of a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimeFormat {
    /// Ten digits of seconds.
    Seconds,
    /// Thirteen digits of milliseconds.
    Millis,
    /// `2026-10-01T12:30:15.123Z` (RFC 3339 in UTC, the fraction optional).
    Rfc3339,
    /// `2026-10-01T12:30:15Z` (RFC 3339 in UTC, no fraction).
    Rfc3339Seconds,
    /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
    HttpDate,
    /// `20261001T123015Z`.
    Basic,
}

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl TimeFormat {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Seconds, "s"),
        (Self::Millis, "ms"),
        (Self::Rfc3339, "rfc3339"),
        (Self::Rfc3339Seconds, "rfc3339-seconds"),
        (Self::HttpDate, "http-date"),
        (Self::Basic, "basic"),
    ];

    /// # Errors
    /// The name, when it is none.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|(_, known)| *known == name);
        known.map(|(format, _)| format).ok_or_else(|| {
            format!("wanted a time as s, ms, rfc3339, rfc3339-seconds, http-date or basic, found {name}")
        })
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(known, _)| *known == self).map_or("", |(_, name)| name)
    }

    /// Reads the one spelling of an instant; `None` for any other text.
    pub(crate) fn read(self, text: &str) -> Option<Time> {
        let digits = |wanted: usize| {
            let good = text.len() == wanted && text.bytes().all(|byte| byte.is_ascii_digit());
            good.then(|| text.parse::<i64>().ok()).flatten()
        };
        match self {
            // So many digits from the year 2001 to 2286: where parts stand side by side, none runs into the time.
            Self::Seconds => digits(10).map(Time::from_seconds),
            Self::Millis => digits(13).map(Time::from_millis),
            Self::Rfc3339 => {
                let (whole, fraction) = match text.strip_suffix('Z')?.split_once('.') {
                    Some((whole, fraction)) => (whole, fraction),
                    None => (text.strip_suffix('Z')?, "0"),
                };
                if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit())
                {
                    return None;
                }
                let nanos: i128 = format!("{fraction:0<9}").parse().ok()?;
                let time = of(whole, "0000-00-00T00:00:00", [0, 5, 8, 11, 14, 17])?;
                Some(Time::from_nanos(time.nanos() + nanos))
            }
            Self::Rfc3339Seconds => of(text.strip_suffix('Z')?, "0000-00-00T00:00:00", [0, 5, 8, 11, 14, 17]),
            Self::Basic => of(text, "00000000T000000Z", [0, 4, 6, 9, 11, 13]),
            Self::HttpDate => {
                let month = MONTHS.iter().position(|month| text.get(8..11) == Some(*month))? + 1;
                let clock = text.get(17..)?;
                let plain = format!("{}-{month:02}-{}T{clock}", text.get(12..16)?, text.get(5..7)?);
                let time = of(plain.strip_suffix(" GMT")?, "0000-00-00T00:00:00", [0, 5, 8, 11, 14, 17])?;
                // The day of the week and every mark between are as they are written.
                (self.write(time) == text).then_some(time)
            }
        }
    }

    /// Writes an instant.
    pub(crate) fn write(self, time: Time) -> String {
        let seconds = time.seconds();
        let (days, clock) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = date(days);
        let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
        match self {
            Self::Seconds => seconds.to_string(),
            Self::Millis => time.millis().to_string(),
            Self::Rfc3339 => {
                let millis = time.millis().rem_euclid(1000);
                format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
            }
            Self::Rfc3339Seconds => {
                format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
            }
            Self::Basic => format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z"),
            Self::HttpDate => {
                let name = |list: &[&'static str], at: i64| {
                    usize::try_from(at).ok().and_then(|at| list.get(at).copied()).unwrap_or_default()
                };
                let (week, month) = (name(&DAYS, days.rem_euclid(7)), name(&MONTHS, month - 1));
                format!("{week}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
            }
        }
    }
}

/// Reads digits at the places where `shape` has zeros; everything else stands as it is.
fn of(text: &str, shape: &str, at: [usize; 6]) -> Option<Time> {
    let fits = text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            mark => byte == mark,
        });
    if !fits {
        return None;
    }
    let number = |from: usize, len: usize| text.get(from..from + len)?.parse::<i64>().ok();
    let [year, month, day, hour, minute, second] = at;
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days(year, month, day);
    // The 30th of February is no day: it does not come back.
    (date(days) == (year, month, day))
        .then(|| Time::from_seconds(days * 86_400 + hour * 3600 + minute * 60 + second))
}

/// Days since 1970-01-01 in the Gregorian calendar, counted from March so that the leap day ends a year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9).rem_euclid(12)) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_instants_are_spelt_as_their_standards_say() {
        let time = Time::from_seconds(784_111_777);
        assert_eq!(TimeFormat::HttpDate.write(time), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(TimeFormat::Basic.write(time), "19941106T084937Z");
        assert_eq!(TimeFormat::Rfc3339Seconds.write(time), "1994-11-06T08:49:37Z");
        assert_eq!(TimeFormat::Rfc3339.read("1994-11-06T08:49:37Z"), Some(time));
        assert_eq!(
            TimeFormat::Rfc3339.read("2000-02-29T00:00:00.5Z"),
            Some(Time::from_millis(951_782_400_500))
        );
    }

    #[test]
    fn what_is_spelt_otherwise_is_no_time() {
        let bad = [
            (TimeFormat::Seconds, "01700000000"),
            (TimeFormat::Seconds, "1700000000.0"),
            (TimeFormat::Millis, "1700000000"),
            (TimeFormat::Millis, "17000000000000"),
            (TimeFormat::Rfc3339, "2026-02-30T00:00:00Z"),
            (TimeFormat::Rfc3339, "2026-02-28T24:00:00Z"),
            (TimeFormat::Rfc3339, "2026-02-28T23:00:00+01:00"),
            (TimeFormat::Rfc3339, "2026-02-28T23:00:00.Z"),
            (TimeFormat::Rfc3339Seconds, "2026-02-28T23:00:00.0Z"),
            (TimeFormat::Rfc3339Seconds, "2026-02-28T23:00:00"),
            (TimeFormat::HttpDate, "Mon, 06 Nov 1994 08:49:37 GMT"),
            (TimeFormat::HttpDate, "Sun, 6 Nov 1994 08:49:37 GMT"),
            (TimeFormat::HttpDate, "Sun, 06 Nov 1994 08:49:37 UTC"),
            (TimeFormat::Basic, "19941106T084937"),
        ];
        for (format, text) in bad {
            assert_eq!(format.read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(millis in 1_000_000_000_000_i64..9_000_000_000_000, junk in ".{0,30}") {
            let (time, whole) = (Time::from_millis(millis), Time::from_seconds(millis / 1000));
            for (format, _) in TimeFormat::ALL {
                let wanted = if matches!(format, TimeFormat::Millis | TimeFormat::Rfc3339) { time } else { whole };
                prop_assert_eq!(format.read(&format.write(time)), Some(wanted));
                let _ = format.read(&junk);
            }
        }
    }
}
