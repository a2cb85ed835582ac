//! Secrets of every shape are gone, and nothing else is.

use super::*;
use proptest::prelude::*;

const SENTINEL: &str = "S3NT1NEL-value";

#[test]
fn secrets_of_every_shape_are_gone() {
    let shapes = [
        "password=S3NT1NEL-value",
        "DB_PASSWORD = 'S3NT1NEL-value'",
        "\"password\": \"S3NT1NEL-value\",",
        "config[\"token\"] = \"S3NT1NEL-value\"",
        "Authorization: Basic S3NT1NEL-value",
        "curl -H 'X: y' https://anna:S3NT1NEL-value@example.org/a https://b:S3NT1NEL-value@c",
        "username admin privilege 15 secret 9 S3NT1NEL-value",
        " key-string 7 S3NT1NEL-value",
        "snmp-server community S3NT1NEL-value RO",
        "root:$6$S3NT1NEL-value$x:19000:0:99999:7:::",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nS3NT1NEL-value\nS3NT1NEL-value\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\r\nS3NT1NEL-value",
    ];
    for shape in shapes {
        let kept = Redactor::default().text(shape);
        assert!(!kept.contains("S3NT") && kept.contains(MARK), "{shape}\n{kept}");
        let bytes = Redactor::default().bytes(&[shape.as_bytes(), &[0xff]].concat());
        assert!(!String::from_utf8_lossy(&bytes).contains("S3NT"), "{shape}");
    }
}

/// Every way in which a secret stands in what a host says. `@@` is the secret.
const SHAPES: [&str; 46] = [
    "root:$y$j9T$@@:19000:0:99999:7:::",
    "anna:$gy$j9T$@@",
    "$argon2id$v=19$m=65536,t=3,p=4$@@",
    "userPassword: {SSHA}@@",
    "rootDN {CRYPT}@@",
    "hash {ssha512}@@",
    "olcRootPW:: e1NTSEF9 {SSHA}@@",
    "<Password>@@</Password>",
    "<ns:AdministratorPassword Type=\"x\">@@</ns:AdministratorPassword>",
    "  <Password>\n    <Value>@@</Value>\n    <PlainText>true</PlainText>",
    "<Password>\n  <Value>\n\n   @@\n  </Value>",
    "<add key=\"Password\" value=\"@@\" />",
    "{\"name\": \"DB_PASSWORD\", \"value\": \"@@\"}",
    "    Contenuto chiave            : @@",
    "    Key Content            : @@",
    "chiave: @@",
    "chiave = @@",
    "parola_chiave=@@",
    "Parola chiave: @@",
    "la parola d'ordine: @@",
    "parola d'ordine @@",
    "La parola chiave @@",
    "segreto: @@",
    "chiave precondivisa @@",
    "Password dell'utente: @@",
    "la password \u{e8} @@",
    "//nas/share /mnt cifs user=anna,pass=@@,vers=3.0 0 0",
    "DB_PASS: @@",
    "\"pass\": \"@@\"",
    "pass: '@@'",
    "psk=@@",
    "psw: @@",
    "wpa_passphrase=@@",
    "mysql -u root -p@@ town",
    "/usr/bin/mysqldump --all-databases -p'@@'",
    "mysqladmin -p@@ status",
    "mariadb-dump -p@@",
    "ldapsearch -x -D cn=admin -w @@",
    "/usr/bin/ldapadd -w@@ -f x",
    "ldapsearch -p@@",
    "sshpass -p @@ ssh root@host",
    "redis-cli -a @@ ping",
    "bindpw @@",
    "bindpw\t@@",
    "requirepass @@",
    "    auth_pass @@",
];

#[test]
fn secrets_are_gone_in_letters_of_one_byte_and_of_two() {
    for shape in SHAPES {
        let text = format!("before\n{}\nafter", shape.replace("@@", SENTINEL));
        let kept = Redactor::default().text(&text);
        assert!(!kept.contains("S3NT") && kept.contains(MARK), "{text}\n{kept}");
        assert!(kept.starts_with("before\n") && kept.ends_with("\nafter"), "{kept}");
        assert_eq!(Redactor::default().text(&kept), kept, "once is enough");
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (start, end) in [(&b""[..], &b""[..]), (b"\xff\xfe", b""), (b"x", b""), (b"\n", b"y"), (b"ab\xff\n", b"\n")]
        {
            let kept = Redactor::default().bytes(&[start, &wide, end].concat());
            let narrow: Vec<u8> = kept.iter().copied().filter(|byte| *byte != 0).collect();
            let narrow = String::from_utf8_lossy(&narrow);
            assert!(!narrow.contains("S3NT") && narrow.contains(MARK), "{start:?} {text}\n{narrow}");
            let said = String::from_utf8_lossy(&[start, &wide, end].concat()).into_owned();
            let narrow = Redactor::default().text(&said).replace('\0', "");
            assert!(!narrow.contains("S3NT"), "{start:?} {text}\n{narrow}");
        }
    }
}

#[test]
fn a_secret_of_several_lines_is_gone_from_a_list_of_lines() {
    for text in
        ["-----BEGIN PRIVATE KEY-----\nS3NT1NEL\n-----END PRIVATE KEY-----\nafter", "<Password>\nS3NT1NEL\nafter"]
    {
        let list = Datum::List(text.lines().map(str::to_owned).collect());
        let Datum::List(kept) = Redactor::default().datum(&list) else { panic!() };
        assert!(kept.iter().all(|line| !line.contains("S3NT")), "{kept:?}");
        assert_eq!(kept.last().map(String::as_str), Some("after"));
    }
    assert_eq!(Redactor::default().datum(&Datum::List(Vec::new())), Datum::List(Vec::new()));
}

#[test]
fn ordinary_words_stay() {
    for text in [
        "bypass=1, compass: north, trespass=no",
        "\"pass\": 12, \"fail\": 0",
        "pass: 12",
        "Result: pass: all of it",
        "Dimensione chiave: 2048",
        "Lunghezza della chiave : 4096 bit",
        "Tipo di chiave: RSA",
        "ID chiave: 3DA0F2",
        "chiavetta: USB",
        "usage: tool [--user <user>] <password> [file]",
        "mysql -uroot -P3306 -h db town",
        "mysqld --pid-file=/run/mysqld/mysqld.pid",
        "ldapsearch -H ldap://dc -p389 -x",
        "iptables -A INPUT -p tcp --dport 3306",
        "{shared} {md5 sum} {crypto}x {SSHA}",
        "psking: x",
        "<PlainText>true</PlainText>",
        "5 passed, 0 failed",
    ] {
        assert_eq!(Redactor::default().text(text), text);
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(Redactor::default().bytes(&wide), wide);
    }
}

/// What hosts answered to the shipped items: only what was masked before is masked.
#[test]
fn what_hosts_answer_to_the_shipped_items_stays() {
    let files = [
        include_str!("../../../tests/fixtures/windows/italian.txt"),
        include_str!("../../../tests/fixtures/windows/english.txt"),
        include_str!("../../../tests/fixtures/windows/shipped/healthy.english.txt"),
        include_str!("../../../tests/fixtures/windows/shipped/healthy.italian.txt"),
        include_str!("../../../tests/fixtures/windows/shipped/sick.english.txt"),
        include_str!("../../../tests/fixtures/windows/shipped/sick.italian.txt"),
        include_str!("../../../tests/fixtures/survey/debian12.txt"),
        include_str!("../../../tests/fixtures/survey/busybox.txt"),
        include_str!("../../../tests/fixtures/survey/windows2008r2.txt"),
    ];
    for text in files {
        assert_eq!(Redactor::default().text(text), text);
    }
}

#[test]
fn a_value_that_is_cut_in_the_middle_of_a_reason_is_gone() {
    let redactor = Redactor::new([SENTINEL.to_owned()]);
    let reason = "stdout is it said S3NT1NEL-v… (expected: x); lines is S3NT… (expected: y) S3NT";
    assert_eq!(
        redactor.text(reason),
        "stdout is it said <secret>… (expected: x); lines is <secret>… (expected: y) S3NT"
    );
}

#[test]
fn known_values_are_gone_wherever_they_stand() {
    let redactor = Redactor::new([SENTINEL.to_owned(), "abc".to_owned()]);
    assert_eq!(redactor.text("x S3NT1NEL-value, abc"), "x <secret>, abc");
    assert_eq!(redactor.text("it said S3NT1NE…"), "it said <secret>…");
    assert_eq!(redactor.bytes(b"\xff S3NT1NEL-value \xe8"), b"\xff <secret> \xe8");
}

#[test]
fn what_holds_no_secret_stays_as_it_is() {
    for text in [
        "Linux srv 6.1 x86_64\n1234.5\n",
        "http://192.0.2.1:8080/a@b",
        "Password last changed: never",
        "one\r\ntwo",
        "",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    ] {
        let kept = Redactor::default().text(text);
        assert!(kept == text || text.starts_with("Password"), "{kept}");
    }
    assert_eq!(Redactor::default().bytes(&[0, 255, 10, 128]), [0, 255, 10, 128]);
}

proptest! {
    #[test]
    fn a_known_value_never_gets_through(before in ".{0,40}", value in "[a-zA-Z0-9!.]{4,20}", after in ".{0,40}") {
        prop_assume!(!MARK.contains(&value));
        let redactor = Redactor::new([value.clone()]);
        let text = redactor.text(&format!("{before}{value}{after}"));
        prop_assert!(!text.replace(MARK, "").contains(&value), "{text}");
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), value in ".{0,8}") {
        let _ = Redactor::new([value]).bytes(&bytes);
    }
}
