//! Names and places of made customers.

use crate::random::Random;

/// Country with the names and cities of its customers.
struct Country {
    name: &'static str,
    /// Share of the customers, in percent.
    share: u64,
    first_names: &'static [&'static str],
    last_names: &'static [&'static str],
    cities: &'static [&'static str],
}

const COUNTRIES: [Country; 7] = [
    Country {
        name: "Germany",
        share: 30,
        first_names: &[
            "Anna", "Ben", "Clara", "Emil", "Frieda", "Greta", "Hannes", "Ida", "Jonas", "Jürgen",
            "Katrin", "Lena", "Malte", "Nele", "Oskar", "Paula",
        ],
        last_names: &[
            "Albrecht", "Becker", "Brandt", "Fischer", "Graf", "Hoffmann", "Keller", "Krüger",
            "Lehmann", "Müller", "Neumann", "Schäfer", "Vogel", "Winkler",
        ],
        cities: &["Berlin", "Cologne", "Hamburg", "Leipzig", "Munich"],
    },
    Country {
        name: "France",
        share: 16,
        first_names: &[
            "Adrien", "Amélie", "Camille", "Chloé", "Hugo", "Inès", "Jules", "Louise", "Lucas",
            "Margaux", "Noé", "Zoé",
        ],
        last_names: &[
            "Bernard",
            "Blanc",
            "Chevalier",
            "Dubois",
            "Fontaine",
            "Garnier",
            "Girard",
            "Lambert",
            "Lefèvre",
            "Moreau",
            "Perrin",
            "Rousseau",
        ],
        cities: &["Bordeaux", "Lyon", "Marseille", "Paris"],
    },
    Country {
        name: "United Kingdom",
        share: 15,
        first_names: &[
            "Alfie", "Amelia", "Callum", "Daisy", "Eleanor", "Finlay", "Harriet", "Isla", "Lewis",
            "Poppy", "Rhys", "Rosie",
        ],
        last_names: &[
            "Barnes",
            "Chapman",
            "Clarke",
            "Davies",
            "Ellis",
            "Foster",
            "Griffiths",
            "Hughes",
            "Marshall",
            "Palmer",
            "Stewart",
            "Wright",
        ],
        cities: &["Bristol", "Edinburgh", "London", "Manchester"],
    },
    Country {
        name: "Italy",
        share: 12,
        first_names: &[
            "Alessia", "Bianca", "Chiara", "Davide", "Elisa", "Federico", "Giulia", "Lorenzo",
            "Matteo", "Sara", "Tommaso", "Viola",
        ],
        last_names: &[
            "Barbieri", "Bianchi", "Conti", "Costa", "De Luca", "Ferrari", "Greco", "Marini",
            "Ricci", "Rinaldi", "Romano", "Villa",
        ],
        cities: &["Bologna", "Milan", "Rome", "Turin"],
    },
    Country {
        name: "Spain",
        share: 11,
        first_names: &[
            "Alba", "Álvaro", "Carmen", "Diego", "Elena", "Iker", "Lucía", "Marta", "Nuria",
            "Pablo", "Rocío", "Sergio",
        ],
        last_names: &[
            "Aguilar",
            "Blanco",
            "Castillo",
            "Delgado",
            "Fernández",
            "Herrera",
            "Iglesias",
            "Molina",
            "Navarro",
            "Ortega",
            "Ramos",
            "Vidal",
        ],
        cities: &["Barcelona", "Madrid", "Valencia"],
    },
    Country {
        name: "Austria",
        share: 6,
        first_names: &[
            "Elias",
            "Hannah",
            "Johanna",
            "Lukas",
            "Magdalena",
            "Moritz",
            "Theresa",
            "Valentin",
        ],
        last_names: &[
            "Bauer", "Egger", "Gruber", "Hofer", "Huber", "Leitner", "Pichler", "Steiner",
        ],
        cities: &["Graz", "Innsbruck", "Vienna"],
    },
    Country {
        name: "United States",
        share: 10,
        first_names: &[
            "Aiden", "Brooke", "Caleb", "Dana", "Ethan", "Grace", "Harper", "Jordan", "Logan",
            "Madison", "Riley", "Tyler",
        ],
        last_names: &[
            "Adams", "Brooks", "Carter", "Diaz", "Evans", "Hayes", "Jenkins", "Lopez", "Nguyen",
            "Parker", "Reed", "Turner",
        ],
        cities: &["Austin", "Chicago", "New York", "Portland", "Seattle"],
    },
];

/// Mail providers of customers. The domain `example` is reserved (RFC 2606), so
/// that no address belongs to anyone.
const PROVIDERS: [&str; 4] = [
    "mail.example",
    "post.example",
    "inbox.example",
    "letters.example",
];

/// A made person.
pub(crate) struct Person {
    /// Full name.
    pub(crate) name: String,
    /// Address that is unique with `number`.
    pub(crate) email: String,
    /// Phone number of a range that is reserved for fiction, if the country has
    /// one.
    pub(crate) phone: Option<String>,
    pub(crate) city: &'static str,
    pub(crate) country: &'static str,
}

impl Person {
    /// Makes the person with this number.
    pub(crate) fn new(random: &mut Random, number: usize) -> Self {
        let shares = COUNTRIES.each_ref().map(|country| country.share);
        let country = &COUNTRIES[random.weighted(&shares)];
        let first = random.pick(country.first_names);
        let last = random.pick(country.last_names);
        let provider = random.pick(&PROVIDERS);
        let phone = match country.name {
            "United States" => Some(format!("+1202555{:04}", random.between(100, 199))),
            "United Kingdom" => Some(format!("+447700{:06}", random.between(900_000, 900_999))),
            _ => None,
        };
        Self {
            name: format!("{first} {last}"),
            email: format!("{}.{}.{number}@{provider}", plain(first), plain(last)),
            phone,
            city: random.pick(country.cities),
            country: country.name,
        }
    }
}

/// Returns a name in the letters of an email address.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    for letter in name.to_lowercase().chars() {
        match letter {
            'á' | 'ä' => plain.push('a'),
            'é' | 'è' => plain.push('e'),
            'í' => plain.push('i'),
            'ó' | 'ö' => plain.push('o'),
            'ü' => plain.push('u'),
            letter if letter.is_ascii_alphanumeric() => plain.push(letter),
            _ => {}
        }
    }
    plain
}
