//! The headers of the usual exports, in English, Russian, German and Spanish.

/// What a well-known header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    FirstName,
    LastName,
    FullName,
    /// The first name; or the full name, if no column is a last name.
    Name,
    Email,
    Phone,
}

/// The headers in folded form: lower case, words separated by one blank.
const HEADERS: [(Known, &[&str]); 6] = [
    (
        Known::FirstName,
        &[
            "first name",
            "firstname",
            "given name",
            "forename",
            "имя клиента",
            "vorname",
            "nombre de pila",
            "primer nombre",
        ],
    ),
    (
        Known::LastName,
        &[
            "last name",
            "lastname",
            "surname",
            "family name",
            "second name",
            "фамилия",
            "nachname",
            "familienname",
            "apellido",
            "apellidos",
        ],
    ),
    (
        Known::FullName,
        &[
            "full name",
            "fullname",
            "contact name",
            "customer name",
            "client name",
            "display name",
            "contact",
            "customer",
            "фио",
            "ф и о",
            "полное имя",
            "контакт",
            "клиент",
            "полное наименование",
            "vollständiger name",
            "kontakt",
            "ansprechpartner",
            "kunde",
            "nombre completo",
            "nombre y apellidos",
            "contacto",
            "cliente",
        ],
    ),
    (Known::Name, &["name", "имя", "nombre", "наименование"]),
    (
        Known::Email,
        &[
            "email",
            "e mail",
            "mail",
            "email address",
            "e mail address",
            "primary email",
            "contact email",
            "work email",
            "e mail 1 value",
            "email 1",
            "e mail 1",
            "email 1 value",
            "billing email",
            "customer email",
            "почта",
            "электронная почта",
            "эл почта",
            "эл адрес",
            "адрес электронной почты",
            "имейл",
            "емейл",
            "рабочий email",
            "рабочий e mail",
            "e mail рабочий",
            "email рабочий",
            "e mail adresse",
            "email adresse",
            "mailadresse",
            "correo",
            "correo electrónico",
            "correo electronico",
            "email personal",
        ],
    ),
    (
        Known::Phone,
        &[
            "phone",
            "phone number",
            "telephone",
            "telephone number",
            "tel",
            "mobile",
            "mobile phone",
            "mobile number",
            "mobile phone number",
            "cell",
            "cell phone",
            "phone 1 value",
            "phone 1",
            "primary phone",
            "contact phone",
            "billing phone",
            "customer phone",
            "work phone",
            "business phone",
            "home phone",
            "телефон",
            "номер телефона",
            "тел",
            "мобильный",
            "мобильный телефон",
            "моб телефон",
            "сотовый",
            "сотовый телефон",
            "рабочий телефон",
            "телефон рабочий",
            "контактный телефон",
            "телефон мобильный",
            "telefon",
            "telefonnummer",
            "rufnummer",
            "handy",
            "handynummer",
            "mobil",
            "mobiltelefon",
            "mobilnummer",
            "telefon mobil",
            "teléfono",
            "telefono",
            "móvil",
            "movil",
            "celular",
            "teléfono móvil",
            "número de teléfono",
        ],
    ),
];

/// What a header means, if it is a well-known one.
pub(super) fn known(header: &str) -> Option<Known> {
    let folded = folded(header);
    HEADERS.iter().find(|(_, texts)| texts.contains(&folded.as_str())).map(|(known, _)| *known)
}

fn folded(header: &str) -> String {
    let signs = |letter: char| if letter.is_alphanumeric() { letter } else { ' ' };
    let text: String = header.to_lowercase().chars().map(signs).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_header_is_folded_and_says_one_thing() {
        let mut seen = HashSet::new();
        for text in HEADERS.iter().flat_map(|(_, texts)| *texts) {
            assert_eq!(folded(text), *text);
            assert!(seen.insert(*text), "{text}");
        }
    }

    #[test]
    fn signs_and_case_do_not_matter() {
        for (header, expected) in [
            ("E-mail 1 - Value", Known::Email),
            ("PHONE_NUMBER", Known::Phone),
            ("Ф.И.О.", Known::FullName),
            ("Эл. почта", Known::Email),
            ("  Surname: ", Known::LastName),
        ] {
            assert_eq!(known(header), Some(expected), "{header}");
        }
        assert_eq!(known("Company"), None);
    }
}
