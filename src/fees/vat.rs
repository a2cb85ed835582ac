//! Value added tax: per line, per document, and the cents between the two.

use crate::model::Euro;
use crate::model::fees::{Vat, VatScope};
use std::iter::Sum;
use std::ops::{Add, Sub};

/// An amount with its tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Amount {
    /// Imponibile.
    pub net: Euro,
    /// IVA.
    pub vat: Euro,
    /// Totale.
    pub gross: Euro,
}

impl Amount {
    /// `net` with tax at `rate`, rounded half up to the cent (`Decimal`, such as 0.22).
    pub(super) fn of(net: Euro, vat: &Vat) -> Self {
        Self::new(net, net.times(vat.rate))
    }

    fn new(net: Euro, vat: Euro) -> Self {
        Self { net, vat, gross: net + vat }
    }
}

impl Add for Amount {
    type Output = Amount;
    fn add(self, other: Amount) -> Amount {
        Amount::new(self.net + other.net, self.vat + other.vat)
    }
}

impl Sub for Amount {
    type Output = Amount;
    fn sub(self, other: Amount) -> Amount {
        Amount::new(self.net - other.net, self.vat - other.vat)
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(amounts: I) -> Amount {
        amounts.fold(Amount::default(), Add::add)
    }
}

/// The line `arrotondamento`: the tax of the document less the rounded taxes of its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rounding {
    /// The cents, either way.
    pub(super) vat: Euro,
}

/// The total of one payer's `lines`, and the rounding that makes them add up to it.
pub(super) fn total(lines: &[Amount], vat: &Vat) -> (Amount, Option<Rounding>) {
    let added: Amount = lines.iter().copied().sum();
    let document = match vat.scope {
        VatScope::Line => added,
        VatScope::Document => Amount::of(added.net, vat),
    };
    let cents = document.vat - added.vat;
    (document, (cents != Euro::ZERO).then_some(Rounding { vat: cents }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vat(scope: VatScope) -> Vat {
        Vat { rate: "0.22".parse().unwrap(), scope }
    }

    fn gross(net: &str, times: usize, scope: VatScope) -> String {
        let vat = vat(scope);
        let lines = vec![Amount::of(net.parse().unwrap(), &vat); times];
        total(&lines, &vat).0.gross.to_string()
    }

    #[test]
    fn line_and_document_rounding_differ_where_the_documents_say() {
        for (times, by_line, by_document) in [
            (1, "2941.55", "2941.55"),
            (2, "5883.10", "5883.11"),
            (6, "17649.30", "17649.33"),
            (17, "50006.35", "50006.42"),
            (21, "61772.55", "61772.64"),
        ] {
            assert_eq!(gross("2411.11", times, VatScope::Line), by_line, "{times}");
            assert_eq!(gross("2411.11", times, VatScope::Document), by_document, "{times}");
        }
        for times in 1..=21 {
            assert_eq!(gross("1742.59", times, VatScope::Line), gross("1742.59", times, VatScope::Document));
        }
        assert_eq!(gross("4153.70", 6, VatScope::Line), "30405.06");
        assert_eq!(gross("4153.70", 6, VatScope::Document), "30405.08");
    }

    #[test]
    fn two_small_lines_need_a_cent_of_rounding() {
        let lines = [Amount::of("1.02".parse().unwrap(), &vat(VatScope::Document)); 2];
        assert_eq!(lines[0].vat, Euro::from_cents(22));
        let (document, rounding) = total(&lines, &vat(VatScope::Document));
        assert_eq!(document.vat, Euro::from_cents(45));
        assert_eq!(rounding, Some(Rounding { vat: Euro::from_cents(1) }));
        assert_eq!(total(&lines, &vat(VatScope::Line)).1, None);
    }

    proptest! {
        #[test]
        fn lines_and_rounding_always_add_up_to_the_document(
            nets in prop::collection::vec(0..100_000_000_i64, 0..40), rate in 0..100_i64, by_line: bool,
        ) {
            let scope = if by_line { VatScope::Line } else { VatScope::Document };
            let vat = Vat { rate: rust_decimal::Decimal::new(rate, 2), scope };
            let lines: Vec<Amount> = nets.iter().map(|cents| Amount::of(Euro::from_cents(*cents), &vat)).collect();
            let (document, rounding) = total(&lines, &vat);
            let added: Amount = lines.iter().copied().sum();
            let cents = rounding.map_or(Euro::ZERO, |rounding| rounding.vat);
            prop_assert_eq!(added.vat + cents, document.vat);
            prop_assert_eq!(document.net + document.vat, document.gross);
            // Each line is off by half a cent at most.
            prop_assert!(cents.cents().abs() * 2 <= i64::try_from(lines.len()).unwrap() + 1);
            prop_assert!(!by_line || rounding.is_none());
        }
    }
}
