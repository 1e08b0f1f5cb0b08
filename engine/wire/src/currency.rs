//! How many decimals a currency's minor unit stands for, as ISO 4217 says: 2 for EUR, 0 for KRW, 3 for KWD.

use gavel_core::Currency;

/// The exponent of the currency's minor unit: an amount is so many tenths of tenths of … of one unit. `None` for a code that
/// ISO 4217 does not have or gives no minor unit (`XXX`, gold): amounts then count what the market says they count.
#[must_use]
pub fn currency_exponent(currency: Currency) -> Option<u8> {
    let code = currency.code();
    let known = iso_currency::Currency::from_code(std::str::from_utf8(&code).ok()?)?;
    known.exponent().and_then(|exponent| u8::try_from(exponent).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_those_of_the_standard() {
        let exponent = |code: &[u8; 3]| currency_exponent(Currency::new(*code).unwrap());
        assert_eq!(exponent(b"EUR"), Some(2));
        assert_eq!(exponent(b"KRW"), Some(0));
        assert_eq!(exponent(b"KWD"), Some(3));
        assert_eq!(exponent(b"CLF"), Some(4));
        assert_eq!([exponent(b"XXX"), exponent(b"XAU"), exponent(b"QQQ")], [None; 3]);
    }
}
