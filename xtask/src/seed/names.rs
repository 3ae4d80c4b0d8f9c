//! Names as people of several scripts have them, with their Latin spellings for addresses and login names.

use fastrand::Rng;

/// A name as it is written, and in Latin letters.
pub(super) type Spelled = (&'static str, &'static str);

/// People of one language and script, and where they live.
#[derive(Debug)]
pub(super) struct People {
    /// How many of a hundred users are such people.
    share: u32,
    first: &'static [Spelled],
    last: &'static [Spelled],
    /// Country calling code.
    pub(super) code: &'static str,
    /// Code of the language.
    pub(super) language: &'static str,
    /// Where they live.
    pub(super) country: &'static str,
    /// Their cities.
    pub(super) cities: &'static [&'static str],
    /// Their time zone.
    pub(super) zone: &'static str,
}

impl People {
    /// Draws the people that a user belongs to.
    pub(super) fn some(rng: &mut Rng) -> &'static Self {
        let mut roll = rng.u32(0..100);
        let found = PEOPLE.iter().find(|people| {
            let hit = roll < people.share;
            roll = roll.saturating_sub(people.share);
            hit
        });
        found.unwrap_or(&PEOPLE[0])
    }

    /// A first name.
    pub(super) fn first(&self, rng: &mut Rng) -> Spelled {
        one(rng, self.first)
    }

    /// A last name.
    pub(super) fn last(&self, rng: &mut Rng) -> Spelled {
        one(rng, self.last)
    }
}

/// One of these, at random; there is always at least one.
pub(super) fn one<T: Copy + Default>(rng: &mut Rng, among: &[T]) -> T {
    rng.choice(among.iter()).copied().unwrap_or_default()
}

static PEOPLE: [People; 12] = [
    People {
        share: 30,
        first: &[
            ("Иван", "ivan"),
            ("Мария", "maria"),
            ("Алексей", "alexey"),
            ("Ольга", "olga"),
            ("Дмитрий", "dmitry"),
            ("Наталья", "natalya"),
            ("Пётр", "petr"),
            ("Юлия", "yulia"),
            ("Фёдор", "fedor"),
            ("Елена", "elena"),
        ],
        last: &[
            ("Иванов", "ivanov"),
            ("Смирнова", "smirnova"),
            ("Кузнецов", "kuznetsov"),
            ("Попова", "popova"),
            ("Соколов", "sokolov"),
            ("Щербакова", "shcherbakova"),
            ("Королёв", "korolev"),
            ("Ёлкина", "yolkina"),
            ("Чайковский", "tchaikovsky"),
            ("Римский-Корсаков", "rimsky-korsakov"),
        ],
        code: "7",
        language: "ru",
        country: "Россия",
        cities: &["Москва", "Санкт-Петербург", "Казань", "Новосибирск", "Йошкар-Ола"],
        zone: "Europe/Moscow",
    },
    People {
        share: 24,
        first: &[
            ("James", "james"),
            ("Mary", "mary"),
            ("Oliver", "oliver"),
            ("Charlotte", "charlotte"),
            ("Noah", "noah"),
            ("Siobhán", "siobhan"),
            ("Grace", "grace"),
            ("Ethan", "ethan"),
            ("Zoë", "zoe"),
            ("Mia", "mia"),
        ],
        last: &[
            ("Smith", "smith"),
            ("O'Connor", "oconnor"),
            ("Johnson", "johnson"),
            ("Williams", "williams"),
            ("Brown", "brown"),
            ("Taylor-Jones", "taylor-jones"),
            ("MacDonald", "macdonald"),
            ("Wright", "wright"),
            ("Hughes", "hughes"),
            ("Young", "young"),
        ],
        code: "44",
        language: "en",
        country: "United Kingdom",
        cities: &["London", "Leeds", "Bristol", "Cardiff", "Aberdeen"],
        zone: "Europe/London",
    },
    People {
        share: 8,
        first: &[
            ("Jürgen", "juergen"),
            ("Anna", "anna"),
            ("Björn", "bjoern"),
            ("Käthe", "kaethe"),
            ("Lukas", "lukas"),
            ("Heike", "heike"),
            ("Matthias", "matthias"),
            ("Änne", "aenne"),
        ],
        last: &[
            ("Müller", "mueller"),
            ("Schröder", "schroeder"),
            ("Weiß", "weiss"),
            ("Fuchs", "fuchs"),
            ("Jäger", "jaeger"),
            ("Köhler", "koehler"),
            ("von der Heide", "vonderheide"),
            ("Groß", "gross"),
        ],
        code: "49",
        language: "de",
        country: "Deutschland",
        cities: &["Berlin", "München", "Köln", "Düsseldorf", "Görlitz"],
        zone: "Europe/Berlin",
    },
    People {
        share: 6,
        first: &[
            ("José", "jose"),
            ("Lucía", "lucia"),
            ("Iñaki", "inaki"),
            ("Sofía", "sofia"),
            ("Ángel", "angel"),
            ("Begoña", "begona"),
        ],
        last: &[
            ("García Márquez", "garciamarquez"),
            ("Núñez", "nunez"),
            ("Peña", "pena"),
            ("López", "lopez"),
            ("Ibáñez", "ibanez"),
            ("Muñoz", "munoz"),
        ],
        code: "34",
        language: "es",
        country: "España",
        cities: &["Madrid", "Cádiz", "León", "A Coruña"],
        zone: "Europe/Madrid",
    },
    People {
        share: 5,
        first: &[
            ("Łukasz", "lukasz"),
            ("Małgorzata", "malgorzata"),
            ("Zbigniew", "zbigniew"),
            ("Agnieszka", "agnieszka"),
            ("Grażyna", "grazyna"),
        ],
        last: &[
            ("Kowalski", "kowalski"),
            ("Wiśniewska", "wisniewska"),
            ("Dąbrowski", "dabrowski"),
            ("Żółkiewska", "zolkiewska"),
            ("Szczęsny", "szczesny"),
        ],
        code: "48",
        language: "pl",
        country: "Polska",
        cities: &["Warszawa", "Łódź", "Kraków", "Gdańsk"],
        zone: "Europe/Warsaw",
    },
    People {
        share: 5,
        first: &[
            ("Γιώργος", "giorgos"),
            ("Ελένη", "eleni"),
            ("Νίκος", "nikos"),
            ("Κατερίνα", "katerina"),
            ("Άννα", "anna"),
        ],
        last: &[
            ("Παπαδόπουλος", "papadopoulos"),
            ("Γεωργίου", "georgiou"),
            ("Οικονόμου", "oikonomou"),
            ("Νικολαΐδης", "nikolaidis"),
        ],
        code: "30",
        language: "el",
        country: "Ελλάδα",
        cities: &["Αθήνα", "Θεσσαλονίκη", "Πάτρα"],
        zone: "Europe/Athens",
    },
    People {
        share: 4,
        first: &[("გიორგი", "giorgi"), ("ნინო", "nino"), ("დავით", "davit"), ("მარიამ", "mariam")],
        last: &[("ბერიძე", "beridze"), ("კაპანაძე", "kapanadze"), ("მაისურაძე", "maisuradze")],
        code: "995",
        language: "ka",
        country: "საქართველო",
        cities: &["თბილისი", "ბათუმი", "ქუთაისი"],
        zone: "Asia/Tbilisi",
    },
    People {
        share: 4,
        first: &[("محمد", "mohammed"), ("فاطمة", "fatima"), ("أحمد", "ahmed"), ("مريم", "maryam"), ("خالد", "khaled")],
        last: &[("الحداد", "haddad"), ("المصري", "masri"), ("عبد الله", "abdullah"), ("النجار", "najjar")],
        code: "20",
        language: "ar",
        country: "مصر",
        cities: &["القاهرة", "الإسكندرية", "أسوان"],
        zone: "Africa/Cairo",
    },
    People {
        share: 4,
        first: &[("अमित", "amit"), ("प्रिया", "priya"), ("राहुल", "rahul"), ("सुनीता", "sunita")],
        last: &[("शर्मा", "sharma"), ("वर्मा", "verma"), ("गुप्ता", "gupta"), ("श्रीवास्तव", "srivastava")],
        code: "91",
        language: "hi",
        country: "भारत",
        cities: &["दिल्ली", "मुंबई", "जयपुर"],
        zone: "Asia/Kolkata",
    },
    People {
        share: 4,
        first: &[("伟", "wei"), ("芳", "fang"), ("秀英", "xiuying"), ("建国", "jianguo"), ("丽", "li")],
        last: &[("王", "wang"), ("李", "li"), ("张", "zhang"), ("欧阳", "ouyang")],
        code: "86",
        language: "zh",
        country: "中国",
        cities: &["北京", "上海", "成都"],
        zone: "Asia/Shanghai",
    },
    People {
        share: 3,
        first: &[("さくら", "sakura"), ("健太", "kenta"), ("ハナ", "hana"), ("大輔", "daisuke")],
        last: &[("佐藤", "sato"), ("鈴木", "suzuki"), ("ワタナベ", "watanabe"), ("長谷川", "hasegawa")],
        code: "81",
        language: "ja",
        country: "日本",
        cities: &["東京", "大阪", "札幌"],
        zone: "Asia/Tokyo",
    },
    People {
        share: 3,
        first: &[("민준", "minjun"), ("서연", "seoyeon"), ("지훈", "jihoon"), ("하은", "haeun")],
        last: &[("김", "kim"), ("이", "lee"), ("박", "park"), ("남궁", "namgung")],
        code: "82",
        language: "ko",
        country: "대한민국",
        cities: &["서울", "부산", "인천"],
        zone: "Asia/Seoul",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_a_hundred_and_everybody_has_names() {
        assert_eq!(PEOPLE.iter().map(|people| people.share).sum::<u32>(), 100);
        for people in &PEOPLE {
            assert!(!people.first.is_empty() && !people.last.is_empty() && !people.cities.is_empty());
            for (_, latin) in people.first.iter().chain(people.last) {
                assert!(latin.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'-'), "{latin}");
            }
        }
    }
}
