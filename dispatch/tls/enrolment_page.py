"""The page that enrols phones: steps for Android, iPhone and computers, in Indonesian and English."""

from __future__ import annotations

from html import escape


def page(https: str, own: str, mark: str, authority: str) -> str:
    """Return the page.

    https: address of the system over HTTPS. own: this page's address, for the next phone. mark: the
    authority's SHA-256 fingerprint. authority: its name, as it appears in a phone's list.
    """
    https, own, name = escape(https), escape(own), escape(authority)
    return f"""<!doctype html>
<html lang="id">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>SEMAR · Daftarkan ponsel</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/enrolment.css">
</head>
<body>
<header><strong>SEMAR</strong><button type="button" id="language">{_t("EN", "ID")}</button></header>
<main>
<h1>{_t("Daftarkan ponsel ini", "Enrol this phone")}</h1>
<p>{
        _t(
            "Supaya lokasi, layar yang tetap menyala, dan kerja tanpa sinyal dapat dipakai, ponsel harus "
            "percaya "
            "pada server ini. Cukup sekali untuk setiap ponsel, sekitar dua menit.",
            "For location, a screen that stays on, and work without signal, the phone has to trust this "
            "server. "
            "Once for each phone, about two minutes.",
        )
    }</p>
<section id="state" class="card" data-state="asking" data-https="{https}" role="status">
<p class="asking">{_t("Memeriksa ponsel ini…", "Checking this phone…")}</p>
<p class="yes"><b>✓ {_t("Ponsel ini sudah percaya.", "This phone trusts the server.")}</b>
{_t("Buka halaman Anda di bawah.", "Open your page below.")}</p>
<p class="no"><b>✗ {_t("Ponsel ini belum percaya.", "This phone does not trust the server yet.")}</b>
{_t("Ikuti langkah 1 dan 2.", "Follow steps 1 and 2.")}</p>
<button type="button" id="again" hidden>{_t("Periksa lagi", "Check again")}</button>
</section>

<h2>1. {_t("Pasang sertifikat", "Install the certificate")}</h2>
{_android()}
{_iphone(name)}
{_computer()}

<h2>2. {_t("Cocokkan sidik jari", "Compare the fingerprint")}</h2>
<p>{
        _t(
            "Alamat ini sendiri belum terlindungi. Buka rincian sertifikat di ponsel: sidik jarinya "
            "harus sama "
            "dengan yang di layar server (dispatch tls show), sedikitnya awal dan akhirnya. Berbeda: "
            "hapus lagi.",
            "This address itself is not protected. Open the certificate's details on the phone: its "
            "fingerprint "
            "must be the one on the server's screen (dispatch tls show), at least at both ends. If not, "
            "remove it.",
        )
    }</p>
<p class="card"><span class="soft">{name} · SHA-256</span><br><code>{_pairs(mark)}</code></p>

<h2 id="open">3. {_t("Buka halaman Anda", "Open your page")}</h2>
<div id="pages">
<a class="button first" href="{https}/pengemudi">{_t("Pengemudi", "Driver")}</a>
<a class="button first" href="{https}/warga">{
        _t("Warga: panggil ambulans", "Resident: call an ambulance")
    }</a>
<a class="button" href="{https}/">{_t("Halaman lain", "Other pages")}</a>
</div>
<p class="soft">{
        _t(
            "Di menu peramban pilih “Tambahkan ke layar utama”: halaman lalu terbuka seperti aplikasi.",
            "In the browser's menu choose “Add to home screen”: the page then opens like an app.",
        )
    }</p>

<h2>{_t("Ponsel berikutnya", "The next phone")}</h2>
<p>{
        _t(
            "Sambungkan ke Wi-Fi yang sama, lalu pindai dengan kamera:",
            "Join the same Wi-Fi, then scan with the camera:",
        )
    }</p>
<img class="qr" src="/qr.svg" alt="{own}" width="240" height="240">
<p><code>{own}</code></p>

<h2>{_t("Apa yang dipercaya, dan melepasnya", "What is trusted, and how to undo it")}</h2>
<p>{
        _t(
            "Sertifikat ini hanya berlaku untuk jaringan lokal dan nama server ini; ia tidak dapat "
            "dipakai untuk "
            "bank, surel atau situs lain. Ponsel mungkin tetap memberi peringatan umum.",
            "This certificate counts for local networks and this server's names alone; it cannot be used for "
            "banks, mail or other sites. The phone may show its general warning all the same.",
        )
    }</p>
<p>{
        _t(
            "Melepas di Android: Setelan → Enkripsi &amp; kredensial → Kredensial tepercaya → Pengguna. "
            "Di iPhone: Pengaturan → Umum → VPN &amp; Manajemen Perangkat → hapus profil.",
            "To undo on Android: Settings → Encryption &amp; credentials → Trusted credentials → User. "
            "On an iPhone: Settings → General → VPN &amp; Device Management → remove the profile.",
        )
    }</p>
<p><strong>{_t("Keadaan darurat sungguhan: telepon 119.", "A real emergency: phone 119.")}</strong></p>
</main>
<script src="/enrolment.js"></script>
</body>
</html>
"""


def _android() -> str:
    return f"""<details class="card" id="android"><summary>Android (Chrome)</summary><div>
<a class="button first" href="/semar-ca.crt" download>{_t("Unduh sertifikat", "Download the certificate")}</a>
<ol>
<li>{
        _t(
            "Buka Setelan, cari <b>“sertifikat CA”</b>. Letaknya berbeda tiap merek, biasanya:",
            "Open Settings and search for <b>“CA certificate”</b>. Its place differs by maker, usually:",
        )
    } <span class="way">{
        _t(
            "Keamanan → Enkripsi &amp; kredensial → Instal sertifikat → Sertifikat CA",
            "Security → Encryption &amp; credentials → Install a certificate → CA certificate",
        )
    }</span></li>
<li>{
        _t(
            "Ketuk <b>Tetap instal</b>, masukkan PIN ponsel.",
            "Touch <b>Install anyway</b>, enter the phone's PIN.",
        )
    }</li>
<li>{
        _t(
            "Pilih berkas <b>semar-ca.crt</b> di folder Unduhan.",
            "Choose the file <b>semar-ca.crt</b> in Downloads.",
        )
    }</li>
<li>{_t("Kembali ke halaman ini.", "Come back to this page.")}</li>
</ol>
<p class="soft">{
        _t(
            "Ponsel tanpa kunci layar akan meminta PIN dibuat dulu. Pakai Chrome: Firefox di Android "
            "tidak memakai "
            "sertifikat ini.",
            "A phone without a screen lock asks for a PIN first. Use Chrome: Firefox on Android does not "
            "use this "
            "certificate.",
        )
    }</p></div></details>"""


def _iphone(name: str) -> str:
    return f"""<details class="card" id="iphone"><summary>iPhone, iPad (Safari)</summary><div>
<a class="button first" href="/semar.mobileconfig">{_t("Unduh profil", "Download the profile")}</a>
<ol>
<li>{
        _t(
            "Harus dengan Safari. Ketuk <b>Izinkan</b> saat ditanya.",
            "Safari only. Touch <b>Allow</b> when asked.",
        )
    }</li>
<li><span class="way">{
        _t(
            "Pengaturan → Umum → VPN &amp; Manajemen Perangkat",
            "Settings → General → VPN &amp; Device Management",
        )
    }</span>: {_t("pilih", "choose")} <b>{name}</b> → <b>{_t("Instal", "Install")}</b>.</li>
<li><span class="way">{
        _t(
            "Pengaturan → Umum → Mengenai → Pengaturan Kepercayaan Sertifikat",
            "Settings → General → About → Certificate Trust Settings",
        )
    }</span>: {_t("nyalakan", "switch on")} <b>{name}</b>.
{_t("Tanpa langkah ini ponsel tetap menolak.", "Without this step the phone still refuses.")}</li>
<li>{_t("Kembali ke halaman ini.", "Come back to this page.")}</li>
</ol>
<p class="soft">{
        _t(
            "Profil ditandai “Belum Diverifikasi”: itu wajar, sebab dibuat oleh server Anda sendiri.",
            "The profile is marked “Not Verified”: that is as it should be, your own server made it.",
        )
    }</p></div></details>"""


def _computer() -> str:
    return f"""<details class="card" id="computer"><summary>{_t("Komputer", "Computer")}</summary><div>
<a class="button" href="/semar-ca.crt" download>{_t("Unduh sertifikat", "Download the certificate")}</a>
<ul>
<li>Windows: {
        _t(
            "buka berkas → Instal Sertifikat → Mesin Lokal → <b>Otoritas Sertifikasi Akar Tepercaya</b>.",
            "open the file → Install Certificate → Local Machine → <b>Trusted Root Certification "
            "Authorities</b>.",
        )
    }</li>
<li>macOS: {
        _t(
            "buka berkas, lalu di Akses Rantai Kunci pilih <b>Selalu Percayai</b>.",
            "open the file, then choose <b>Always Trust</b> in Keychain Access.",
        )
    }</li>
<li>Linux: {
        _t(
            "Chrome → Setelan → Privasi dan keamanan → Keamanan → Kelola sertifikat → impor.",
            "Chrome → Settings → Privacy and security → Security → Manage certificates → import.",
        )
    }</li>
</ul></div></details>"""


def _t(indonesian: str, english: str) -> str:
    return f'<span lang="id">{indonesian}</span> <span lang="en">{english}</span>'


def _pairs(mark: str) -> str:
    """Break the fingerprint where the eye can rest: after every four pairs."""
    pairs = mark.split(":")
    return " ".join(":".join(pairs[at : at + 4]) for at in range(0, len(pairs), 4))
