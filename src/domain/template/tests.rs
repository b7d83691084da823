//! Templates against records as panels print them.

use proptest::prelude::*;

use super::*;

const GST: &str = "{yy}/{MM}/{dd} {hh}:{mm} | {loop:3}-{point:3} | 首次火警 | {place} | {device}";

fn read(template: &str, record: &str) -> Option<Vec<(String, String)>> {
    let template = Template::parse(template).unwrap();
    let captured = template.read(record)?;
    let owned = |(name, value): (String, &str)| (name, value.to_owned());
    Some(captured.fields.into_iter().map(owned).collect())
}

fn one(template: &str, record: &str) -> Option<String> {
    read(template, record).map(|fields| fields[0].1.clone())
}

#[test]
fn a_record_gives_its_fields_and_its_time() {
    let record = "08/12/02 17:24\n004-015\n首次火警\n裙楼一层上空\n感烟探测器";
    let template = Template::parse(GST).unwrap();
    let captured = template.read(record).unwrap();
    assert_eq!(captured.get("place"), Some("裙楼一层上空"));
    let label = LabelForm::parse("{loop}-{point}").unwrap();
    assert_eq!(label.of(&captured).unwrap(), "4-15");
    // 2008-12-02 17:24 in Beijing.
    assert_eq!(captured.time(480), Some(WallTime(1_228_209_840_000)));
}

#[test]
fn a_record_matches_as_a_whole_or_not_at_all() {
    let whole = "08/12/02 17:24\n004-015\n首次火警\n裙楼\n感烟";
    assert!(read(GST, whole).is_some());
    for (at, _) in whole.char_indices().skip(1) {
        if !whole[..at].ends_with("\n感") {
            assert_eq!(read(GST, &whole[..at]), None, "{}", &whole[..at]);
        }
        assert_eq!(read(GST, &whole[at..]), None, "{}", &whole[at..]);
    }
    for other in [
        "08/12/02 17:24\n004-015\n首次火警\n裙楼\n感烟\n尾",
        "08/12/02 17:24\n04-015\n首次火警\n裙楼\n感烟",
        "08/12/02 17:24\n004-015\n火警\n裙楼\n感烟",
    ] {
        assert_eq!(read(GST, other), None, "{other}");
    }
}

#[test]
fn an_open_field_ends_at_what_follows_it() {
    assert_eq!(
        one("FIRE {place} Z{n:1-3}", "FIRE Zoo Z12"),
        Some("12".into())
    );
    assert_eq!(
        one("FIRE {place}; zone {n:1-3}", "FIRE Zoo; zone 12"),
        Some("12".into())
    );
    // The last mark of a record is its end, also when the words hold it.
    assert_eq!(
        one("火警 {place}号", "火警 3号楼5号"),
        Some("3号楼5".into())
    );
    assert!(read("火警{*}", "火警").is_some());
    assert!(read("火警{*}完", "火警\n甲\n乙完").is_some());
    assert_eq!(read("火警 {place}", "火警 甲\n乙"), None);
    assert_eq!(read("火警 {place}", "火警 "), None);
}

#[test]
fn a_template_that_cannot_be_read_says_why() {
    for (template, why) in [
        ("{loop:3", BadTemplate::Brace),
        ("火}警", BadTemplate::Brace),
        ("火{}警", BadTemplate::Name(String::new())),
        ("火{回路:3}", BadTemplate::Name("回路:3".into())),
        ("火{loop:}", BadTemplate::Count("loop:".into())),
        ("火{loop:0}", BadTemplate::Count("loop:0".into())),
        ("火{loop:3-1}", BadTemplate::Count("loop:3-1".into())),
        ("火{loop:99}", BadTemplate::Count("loop:99".into())),
        ("火{MM:1}", BadTemplate::Count("MM:1".into())),
        ("火{a}-{a}", BadTemplate::Twice("a".into())),
        ("火{a}{b}", BadTemplate::Open("a".into())),
        ("火{a:1-2}{b:2}", BadTemplate::Open("a".into())),
        ("{a} {b}", BadTemplate::Empty),
        ("", BadTemplate::Empty),
    ] {
        assert_eq!(Template::parse(template), Err(why), "{template}");
    }
    assert!(Template::parse(&"火".repeat(TEMPLATE_MAX + 1)).is_err());
    assert!(read("{{火}} {n:2}", "{火} 07").is_some());
}

#[test]
fn labels_are_compared_without_the_zeros_before_their_numbers() {
    for (label, same) in [
        ("004-015", "4-15"),
        (" 1 - 02 - 003 ", "1-2-3"),
        ("000", "0"),
        ("A07", "A7"),
        ("1-100", "1-100"),
    ] {
        assert_eq!(canonical(label), same);
        assert_eq!(canonical(same), same);
    }
}

#[test]
fn a_moment_that_is_none_is_no_time() {
    let time = |text: &str| {
        let template = Template::parse("@{yy}/{MM}/{dd} {hh}:{mm}").unwrap();
        template.read(text).unwrap().time(480)
    };
    assert!(time("@24/02/29 23:59").is_some());
    for wrong in [
        "@23/02/29 00:00",
        "@24/13/01 00:00",
        "@24/01/01 24:00",
        "@24/01/01 00:60",
    ] {
        assert_eq!(time(wrong), None, "{wrong}");
    }
}

proptest! {
    /// Whatever a template and a record are, reading them ends, and what is captured was printed.
    #[test]
    fn nothing_is_captured_that_was_not_printed(
        template in "[a-c|\\{\\} :0-9*-]{0,40}",
        record in "[a-c|0-9 \\n-]{0,60}",
    ) {
        if let Ok(template) = Template::parse(&template)
            && let Some(captured) = template.read(&record)
        {
            for value in captured.fields.values() {
                prop_assert!(record.contains(*value));
            }
        }
    }
}
