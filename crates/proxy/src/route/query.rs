//! Query parameters, read in place.

/// Whether the first parameter `name` of `query` has the value `value`, both compared after decoding `%XX` and `+`
/// (application/x-www-form-urlencoded). A parameter without `=` has the empty value.
pub(super) fn first_equals(query: &[u8], name: &[u8], value: &[u8]) -> bool {
    let mut parameters = query.split(|byte| *byte == b'&').map(split);
    let first = parameters.find(|(key, _)| decoded(key).eq(name.iter().copied()));
    first.is_some_and(|(_, found)| decoded(found).eq(value.iter().copied()))
}

fn split(parameter: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'=', parameter) {
        Some(at) => (&parameter[..at], &parameter[at + 1..]),
        None => (parameter, &[]),
    }
}

/// The bytes behind the encoding; a `%` without two hexadecimal digits stands for itself.
fn decoded(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (byte, left) = decode_one(rest)?;
        rest = left;
        Some(byte)
    })
}

fn decode_one(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [] => None,
        [b'+', rest @ ..] => Some((b' ', rest)),
        [b'%', high, low, rest @ ..] => match (hex(*high), hex(*low)) {
            (Some(high), Some(low)) => Some((high << 4 | low, rest)),
            _ => Some((b'%', &text[1..])),
        },
        [byte, rest @ ..] => Some((*byte, rest)),
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_parameter_of_the_name_counts() {
        for (query, name, value, expected) in [
            ("a=1", "a", "1", true),
            ("a=1&a=2", "a", "2", false),
            ("b=2&a=1", "a", "1", true),
            ("a", "a", "", true),
            ("a=", "a", "", true),
            ("", "a", "", false),
            ("ab=1", "a", "1", false),
            ("A=1", "a", "1", false),
            ("a=b=c", "a", "b=c", true),
            ("a=x+y", "a", "x y", true),
            ("a=x%20y", "a", "x y", true),
            ("%61=%C3%a4", "a", "ä", true),
            ("a=100%", "a", "100%", true),
            ("a=%4", "a", "%4", true),
            ("a=%zz", "a", "%zz", true),
            ("a=1&&b=2", "b", "2", true),
        ] {
            let found = first_equals(query.as_bytes(), name.as_bytes(), value.as_bytes());
            assert_eq!(found, expected, "{name}={value} in {query}");
        }
    }
}
