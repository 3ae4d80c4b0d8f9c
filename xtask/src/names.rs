//! One name, in the spellings of the places it is used in.

/// `get-user-by`, `STEPCHAT_UNIQUE_PHONE` or `AddUser` as one word: `GetUserBy`, `StepchatUniquePhone`, `AddUser`.
pub(crate) fn pascal(name: &str) -> String {
    let screaming = !name.chars().any(|letter| letter.is_ascii_lowercase());
    let words = name.split(['-', '_']).flat_map(|word| {
        let rest = move |letter: char| if screaming { letter.to_ascii_lowercase() } else { letter };
        word.char_indices().map(move |(at, letter)| if at == 0 { letter.to_ascii_uppercase() } else { rest(letter) })
    });
    words.collect()
}

/// A package's name as Rust code writes it: `stepchat-get-user` is `stepchat_get_user`.
pub(crate) fn snake(package: &str) -> String {
    package.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_becomes_one_word() {
        assert_eq!(pascal("stepchat-get-user-by"), "StepchatGetUserBy");
        assert_eq!(pascal("STEPCHAT_UNIQUE_PHONE"), "StepchatUniquePhone");
        assert_eq!(pascal("GetAccountInfo"), "GetAccountInfo");
    }
}
