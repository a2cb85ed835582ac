//! Money in whole cents, and the one rounding rule: half up to the cent.

use rust_decimal::{Decimal, RoundingStrategy};
use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

/// An amount in euro, exact to the cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Euro(i64);

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an amount: write euro with two decimals, such as \"2411.11\"")]
pub struct InvalidEuro {
    /// The offending text.
    pub text: String,
}

impl Euro {
    /// No euro at all; an unknown amount is never written so.
    pub const ZERO: Euro = Euro(0);

    /// An amount of `cents`.
    pub const fn from_cents(cents: i64) -> Self {
        Self(cents)
    }

    /// The amount in cents.
    pub const fn cents(self) -> i64 {
        self.0
    }

    /// The amount in euro, with two decimals.
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// As Italian documents print it: `2.411,11 €`, with a no-break space.
    pub fn italian(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        format!("{sign}{},{:02}\u{a0}€", grouped(cents / 100), cents % 100)
    }

    /// With a decimal comma and without thousands separators, as Italian Excel reads it: `2411,11`.
    pub fn italian_cell(self) -> String {
        self.to_string().replace('.', ",")
    }

    /// `self` x `rate`, half up (away from zero) to the cent: Italian practice at the third decimal.
    /// A product beyond any amount of money saturates.
    pub fn times(self, rate: Decimal) -> Self {
        let Some(exact) = self.decimal().checked_mul(rate) else { return Self(i64::MAX) };
        let rounded = exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        let cents = rounded * Decimal::ONE_HUNDRED;
        Self(i64::try_from(cents.mantissa() / 10_i128.pow(cents.scale())).unwrap_or(i64::MAX))
    }
}

/// A whole number as Italian documents print it: `526.711`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

impl FromStr for Euro {
    type Err = InvalidEuro;
    fn from_str(text: &str) -> Result<Self, InvalidEuro> {
        let invalid = || InvalidEuro { text: text.to_owned() };
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, cents) = digits.split_once('.').ok_or_else(invalid)?;
        let numeric = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 13 || cents.len() != 2 || !numeric(whole) || !numeric(cents) {
            return Err(invalid());
        }
        let value: i64 = format!("{whole}{cents}").parse().map_err(|_| invalid())?;
        Ok(Self(if negative { -value } else { value }))
    }
}

/// Machine form: `2411.11`.
impl fmt::Display for Euro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        f.pad(&format!("{sign}{}.{:02}", cents / 100, cents % 100))
    }
}

/// In JSON an amount is a string with two decimals.
impl serde::Serialize for Euro {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Read back from our own JSON.
impl<'de> serde::Deserialize<'de> for Euro {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Add for Euro {
    type Output = Euro;
    fn add(self, other: Euro) -> Euro {
        Euro(self.0 + other.0)
    }
}

impl Sub for Euro {
    type Output = Euro;
    fn sub(self, other: Euro) -> Euro {
        Euro(self.0 - other.0)
    }
}

impl Neg for Euro {
    type Output = Euro;
    fn neg(self) -> Euro {
        Euro(-self.0)
    }
}

impl AddAssign for Euro {
    fn add_assign(&mut self, other: Euro) {
        self.0 += other.0;
    }
}

impl std::iter::Sum for Euro {
    fn sum<I: Iterator<Item = Euro>>(items: I) -> Euro {
        items.fold(Euro::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn euro(text: &str) -> Euro {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_in_italian() {
        for (cents, italian, cell) in [
            (241_111, "2.411,11\u{a0}€", "2411,11"),
            (0, "0,00\u{a0}€", "0,00"),
            (-5, "-0,05\u{a0}€", "-0,05"),
            (99_999, "999,99\u{a0}€", "999,99"),
            (1_300_000_000, "13.000.000,00\u{a0}€", "13000000,00"),
        ] {
            assert_eq!(Euro::from_cents(cents).italian(), italian);
            assert_eq!(Euro::from_cents(cents).italian_cell(), cell);
        }
        assert_eq!(grouped(526_711), "526.711");
    }

    #[test]
    fn half_a_cent_goes_away_from_zero() {
        let half = "0.5".parse().unwrap();
        assert_eq!(euro("0.25").times(half), euro("0.13"));
        assert_eq!(euro("-0.25").times(half), euro("-0.13"));
        assert_eq!(euro("1742.59").times("0.22".parse().unwrap()), euro("383.37"));
        assert_eq!(euro("9999999999999.99").times(Decimal::MAX).cents(), i64::MAX);
    }

    #[test]
    fn only_two_decimals_are_an_amount() {
        for bad in ["", "1", "1.1", "1.111", ".11", "1,11", "+1.11", "1.1a", "99999999999999.00", "--1.00"] {
            assert!(bad.parse::<Euro>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_reads_back(cents in -999_999_999_999_999..=999_999_999_999_999_i64) {
            let amount = Euro::from_cents(cents);
            prop_assert_eq!(amount.to_string().parse::<Euro>(), Ok(amount));
        }
    }
}
