//! Removes from a text what must not be logged.

/// Words of this many characters with a digit are taken for secrets: tokens have 40, API keys 36, ids at most 12.
const SECRET_CHARS: usize = 24;

/// Replaces everything that could be a token, a key, a hash or an e-mail address.
///
/// Causes come from the database and from libraries, which may quote what they were given; the rule is coarse on
/// purpose, since a log that says too little is the smaller harm.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for word in text.split_inclusive(|letter: char| !is_word(letter)) {
        let letters = word.trim_end_matches(|letter: char| !is_word(letter));
        let rest = word.get(letters.len()..).unwrap_or_default();
        let secret =
            letters.contains('@') || (letters.len() >= SECRET_CHARS && letters.contains(|c: char| c.is_ascii_digit()));
        clean.push_str(if secret { "[redacted]" } else { letters });
        clean.push_str(rest);
    }
    clean
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '@' | '.' | '_' | '-' | '+' | '/' | '=' | '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keys_and_addresses_go_words_stay() {
        let token = "a521773c5a566a251c3fb00e93162b20ff955b12";
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOjF9.c2ln";
        let text = format!("GetItem failed: key T#{token}, Bearer {jwt}, user ivan@example.com, id 123456");
        let clean = redact(&text);
        assert_eq!(clean, "GetItem failed: key T#[redacted], Bearer [redacted], user [redacted], id 123456");
    }

    #[test]
    fn names_of_errors_survive() {
        let text = "ProvisionedThroughputExceededException: slow down";
        assert_eq!(redact(text), text);
    }
}
