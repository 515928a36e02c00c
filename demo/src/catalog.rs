//! Articles of the demo shop, an outfitter for the outdoors.

/// Article of the shop.
#[derive(Clone, Copy)]
pub(crate) struct Article {
    pub(crate) sku: &'static str,
    pub(crate) name: &'static str,
    pub(crate) category: &'static str,
    /// Price of one unit, in minor units.
    pub(crate) price: i64,
    /// Relative demand.
    pub(crate) demand: u64,
}

const fn article(
    sku: &'static str,
    name: &'static str,
    category: &'static str,
    price: i64,
    demand: u64,
) -> Article {
    Article {
        sku,
        name,
        category,
        price,
        demand,
    }
}

/// All articles.
pub(crate) const ARTICLES: [Article; 24] = [
    article("TNT-200", "Two-person tent", "tents", 24_900, 3),
    article("TNT-400", "Family tent", "tents", 44_900, 1),
    article("TNT-TRP", "Tarp", "tents", 6_900, 3),
    article(
        "SLP-COM",
        "Sleeping bag, comfort 5 °C",
        "sleeping",
        11_900,
        4,
    ),
    article("SLP-WIN", "Sleeping bag, winter", "sleeping", 19_900, 2),
    article("SLP-MAT", "Sleeping mat", "sleeping", 5_900, 6),
    article("BAG-DAY", "Day pack 22 l", "packs", 7_900, 7),
    article("BAG-TRK", "Trekking pack 60 l", "packs", 16_900, 3),
    article("BAG-DRY", "Dry bag", "packs", 1_900, 9),
    article("BOT-HIK", "Hiking boots", "footwear", 15_900, 5),
    article("BOT-TRL", "Trail shoes", "footwear", 12_900, 6),
    article("SOC-MER", "Merino socks", "footwear", 1_790, 14),
    article("JCK-RAN", "Rain jacket", "clothing", 13_900, 5),
    article("JCK-DWN", "Down jacket", "clothing", 18_900, 3),
    article("SHR-MER", "Merino shirt", "clothing", 6_490, 9),
    article("TRS-ZIP", "Zip-off trousers", "clothing", 7_990, 6),
    article("HAT-SUN", "Sun hat", "clothing", 2_490, 8),
    article("CKR-GAS", "Gas stove", "cooking", 4_990, 5),
    article("CKR-POT", "Pot set", "cooking", 3_990, 5),
    article("CKR-CUP", "Enamel cup", "cooking", 990, 14),
    article("BTL-INS", "Insulated bottle", "cooking", 2_990, 12),
    article("LMP-HED", "Head torch", "gear", 3_490, 9),
    article("POL-CAR", "Carbon poles", "gear", 9_900, 4),
    article("MAP-PRN", "Printed map", "gear", 1_290, 10),
];
