//! The two-letter code of a language, however people and browsers write it.

/// ISO 639-1 codes, each with its ISO 639-2 codes and the names by which people write it: in English, in the language
/// itself, in Russian and in German. Lower case.
const LANGUAGES: &[(&str, &[&str])] = &[
    ("af", &["afr", "afrikaans", "африкаанс"]),
    ("am", &["amh", "amharic", "አማርኛ", "амхарский", "amharisch"]),
    ("ar", &["ara", "arabic", "العربية", "عربي", "арабский", "arabisch"]),
    ("az", &["aze", "azerbaijani", "azeri", "azərbaycan", "azərbaycan dili", "азербайджанский", "aserbaidschanisch"]),
    ("be", &["bel", "belarusian", "беларуская", "белорусский", "belarussisch"]),
    ("bg", &["bul", "bulgarian", "български", "болгарский", "bulgarisch"]),
    ("bn", &["ben", "bengali", "bangla", "বাংলা", "бенгальский", "bengalisch"]),
    ("bs", &["bos", "bosnian", "bosanski", "боснийский", "bosnisch"]),
    ("ca", &["cat", "catalan", "català", "каталанский", "katalanisch"]),
    ("cs", &["ces", "cze", "czech", "čeština", "česky", "чешский", "tschechisch"]),
    ("cy", &["cym", "wel", "welsh", "cymraeg", "валлийский", "walisisch"]),
    ("da", &["dan", "danish", "dansk", "датский", "dänisch"]),
    ("de", &["deu", "ger", "german", "deutsch", "немецкий", "allemand", "alemán", "tedesco"]),
    ("el", &["ell", "gre", "greek", "ελληνικά", "греческий", "griechisch"]),
    ("en", &["eng", "english", "английский", "englisch", "anglais", "inglés", "inglese", "inglês"]),
    ("eo", &["epo", "esperanto", "эсперанто"]),
    ("es", &["spa", "spanish", "español", "castellano", "castilian", "испанский", "spanisch", "espagnol", "espanol"]),
    ("et", &["est", "estonian", "eesti", "эстонский", "estnisch"]),
    ("eu", &["eus", "baq", "basque", "euskara", "баскский", "baskisch"]),
    ("fa", &["fas", "per", "persian", "farsi", "فارسی", "персидский", "persisch"]),
    ("fi", &["fin", "finnish", "suomi", "финский", "finnisch"]),
    ("fr", &["fra", "fre", "french", "français", "francais", "французский", "französisch", "francés", "francese"]),
    ("ga", &["gle", "irish", "gaeilge", "ирландский", "irisch"]),
    ("gl", &["glg", "galician", "galego", "галисийский", "galicisch"]),
    ("gu", &["guj", "gujarati", "ગુજરાતી", "гуджарати"]),
    ("he", &["heb", "hebrew", "עברית", "иврит", "hebräisch"]),
    ("hi", &["hin", "hindi", "हिन्दी", "हिंदी", "хинди"]),
    ("hr", &["hrv", "croatian", "hrvatski", "хорватский", "kroatisch"]),
    ("hu", &["hun", "hungarian", "magyar", "венгерский", "ungarisch"]),
    ("hy", &["hye", "arm", "armenian", "հայերեն", "армянский", "armenisch"]),
    ("id", &["ind", "indonesian", "bahasa indonesia", "индонезийский", "indonesisch"]),
    ("is", &["isl", "ice", "icelandic", "íslenska", "исландский", "isländisch"]),
    ("it", &["ita", "italian", "italiano", "итальянский", "italienisch", "italien"]),
    ("ja", &["jpn", "japanese", "日本語", "японский", "japanisch"]),
    ("ka", &["kat", "geo", "georgian", "ქართული", "грузинский", "georgisch"]),
    ("kk", &["kaz", "kazakh", "қазақ", "қазақ тілі", "қазақша", "казахский", "kasachisch"]),
    ("km", &["khm", "khmer", "ភាសាខ្មែរ", "ខ្មែរ", "кхмерский"]),
    ("kn", &["kan", "kannada", "ಕನ್ನಡ", "каннада"]),
    ("ko", &["kor", "korean", "한국어", "корейский", "koreanisch"]),
    ("ky", &["kir", "kyrgyz", "kirghiz", "кыргызча", "киргизский", "kirgisisch"]),
    ("lo", &["lao", "laotian", "ລາວ", "лаосский", "laotisch"]),
    ("lt", &["lit", "lithuanian", "lietuvių", "литовский", "litauisch"]),
    ("lv", &["lav", "latvian", "latviešu", "латышский", "lettisch"]),
    ("mk", &["mkd", "mac", "macedonian", "македонски", "македонский", "mazedonisch"]),
    ("ml", &["mal", "malayalam", "മലയാളം", "малаялам"]),
    ("mn", &["mon", "mongolian", "монгол", "монгольский", "mongolisch"]),
    ("mr", &["mar", "marathi", "मराठी", "маратхи"]),
    ("ms", &["msa", "may", "malay", "bahasa melayu", "малайский", "malaiisch"]),
    ("my", &["mya", "bur", "burmese", "မြန်မာ", "бирманский", "birmanisch"]),
    ("nb", &["nob", "bokmål", "norsk bokmål", "norwegian bokmål"]),
    ("ne", &["nep", "nepali", "नेपाली", "непальский"]),
    ("nl", &["nld", "dut", "dutch", "nederlands", "flemish", "нидерландский", "голландский", "niederländisch"]),
    ("nn", &["nno", "nynorsk", "norsk nynorsk", "norwegian nynorsk"]),
    ("no", &["nor", "norwegian", "norsk", "норвежский", "norwegisch"]),
    ("pa", &["pan", "punjabi", "ਪੰਜਾਬੀ", "пенджаби"]),
    ("pl", &["pol", "polish", "polski", "польский", "polnisch"]),
    ("pt", &["por", "portuguese", "português", "portugues", "португальский", "portugiesisch"]),
    ("ro", &["ron", "rum", "romanian", "română", "moldovan", "румынский", "rumänisch"]),
    ("ru", &["rus", "russian", "русский", "russisch", "russe", "ruso", "russo"]),
    ("si", &["sin", "sinhala", "sinhalese", "සිංහල", "сингальский"]),
    ("sk", &["slk", "slo", "slovak", "slovenčina", "словацкий", "slowakisch"]),
    ("sl", &["slv", "slovenian", "slovene", "slovenščina", "словенский", "slowenisch"]),
    ("sq", &["sqi", "alb", "albanian", "shqip", "албанский", "albanisch"]),
    ("sr", &["srp", "serbian", "српски", "srpski", "сербский", "serbisch"]),
    ("sv", &["swe", "swedish", "svenska", "шведский", "schwedisch"]),
    ("sw", &["swa", "swahili", "kiswahili", "суахили", "suaheli"]),
    ("ta", &["tam", "tamil", "தமிழ்", "тамильский"]),
    ("te", &["tel", "telugu", "తెలుగు", "телугу"]),
    ("tg", &["tgk", "tajik", "тоҷикӣ", "таджикский", "tadschikisch"]),
    ("th", &["tha", "thai", "ไทย", "ภาษาไทย", "тайский", "thailändisch"]),
    ("tk", &["tuk", "turkmen", "türkmençe", "туркменский", "turkmenisch"]),
    ("tl", &["tgl", "tagalog", "filipino", "тагальский"]),
    ("tr", &["tur", "turkish", "türkçe", "turkce", "турецкий", "türkisch"]),
    ("tt", &["tat", "tatar", "татарча", "татарский", "tatarisch"]),
    ("uk", &["ukr", "ukrainian", "українська", "украинский", "ukrainisch"]),
    ("ur", &["urd", "urdu", "اردو", "урду"]),
    ("uz", &["uzb", "uzbek", "oʻzbek", "o'zbek", "o‘zbek", "узбекский", "usbekisch"]),
    ("vi", &["vie", "vietnamese", "tiếng việt", "вьетнамский", "vietnamesisch"]),
    ("zh", &["zho", "chi", "chinese", "mandarin", "中文", "汉语", "漢語", "китайский", "chinesisch"]),
    ("zu", &["zul", "zulu", "isizulu", "зулу"]),
];

/// The code of a language: of `EN`, `pt-BR`, `de_DE`, `deu`, `German`, `Deutsch`, `русский язык` or a browser's list
/// `uk-UA,uk;q=0.9`, which begins with the preferred one. `None` for a word that is no known language.
#[must_use]
pub fn language_code(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let name = text.trim_end_matches(" язык").trim_end_matches(" language");
    if let Some(code) = named(name) {
        return Some(code.to_owned());
    }
    // `German (Germany)`, `English, US`, `pt-BR`
    let first = name.split([',', ';', '(', '-', '_', '/', '.']).next().map(str::trim)?;
    let is_code = |word: &str| word.len() == 2 && word.bytes().all(|letter| letter.is_ascii_lowercase());
    if is_code(first) {
        return Some(first.to_owned());
    }
    named(first).map(str::to_owned)
}

fn named(name: &str) -> Option<&'static str> {
    let found = LANGUAGES.iter().find(|(code, names)| *code == name || names.contains(&name));
    found.map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_language_has_one_code_however_it_is_written() {
        for (written, expected) in [
            ("EN", Some("en")),
            (" en ", Some("en")),
            ("pt-BR", Some("pt")),
            ("de_DE.UTF-8", Some("de")),
            ("uk-UA,uk;q=0.9,en;q=0.8", Some("uk")),
            ("German", Some("de")),
            ("deutsch", Some("de")),
            ("немецкий", Some("de")),
            ("Русский язык", Some("ru")),
            ("English (United States)", Some("en")),
            ("deu", Some("de")),
            ("ger", Some("de")),
            ("spa-ES", Some("es")),
            ("Estonian", Some("et")),
            ("Chinese", Some("zh")),
            ("ไทย", Some("th")),
            ("ie", Some("ie")),
            ("Klingon", None),
            ("x", None),
            ("", None),
            ("12", None),
            ("[object Object]", None),
        ] {
            assert_eq!(language_code(written).as_deref(), expected, "{written:?}");
        }
    }

    #[test]
    fn no_name_means_two_languages() {
        let mut seen = BTreeSet::new();
        for name in LANGUAGES.iter().flat_map(|(code, names)| names.iter().chain([code])) {
            assert!(seen.insert(*name), "{name}");
            assert_eq!(*name, name.to_lowercase(), "{name}");
        }
    }
}
