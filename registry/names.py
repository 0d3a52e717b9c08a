"""The words that made-up people are named with: flora, fauna and weather of the archipelago."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FLORA = _words(
    """
    Anggrek Asoka Bakung Bambu Beringin Bidara Bungur Cempaka Cendana Dahlia Damar Flamboyan Gaharu
    Jati Kaktus Kamboja Kantil Kenanga Ketapang Lontar Mahoni Mangrove Matahari Mawar Melati Meranti
    Nangka Nipah Pandan Pinus Rambutan Randu Rotan Sawo Sengon Seroja Soka Teratai Trembesi
    Wijayakusuma
    """
)
FAUNA = _words(
    """
    Anoa Badak Bangau Banteng Belibis Beo Beruang Cendrawasih Cucak Elang Gagak Gajah Gelatik Jalak
    Kakaktua Kancil Kasuari Kenari Kepodang Komodo Kuntul Kutilang Lumba Lutung Maleo Merak Merpati
    Murai Musang Nuri Orangutan Pelikan Penyu Perkutut Rangkong Rusa Tapir Tarsius Trenggiling Walet
    """
)
WEATHER = _words(
    """
    Angin Awan Bayu Embun Fajar Gerimis Guntur Halimun Hujan Kabut Kemarau Kilat Mega Mendung
    Pelangi Petir Purnama Sabit Sagara Samudra Senja Surya Taufan Terang Tirta
    """
)
