//! Real files through export and import, on a copy of the small campus.

use std::time::Duration;

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;

/// A copy of the small campus, and a place for tables.
struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(tempfile::tempdir().expect("a folder"));
        let small = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/campus");
        copy(Path::new(small), &site.config());
        site
    }

    fn config(&self) -> PathBuf {
        self.0.path().join("config")
    }

    fn points(&self) -> String {
        fs::read_to_string(self.config().join("points.csv")).expect("points")
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("written");
        path
    }

    fn export(&self, name: &str, encoding: Encoding, headers: Headers) -> PathBuf {
        let file = self.0.path().join(name);
        write_table(&Export {
            file: file.clone(),
            config: self.config(),
            format: None,
            encoding,
            headers,
        })
        .expect("exported");
        file
    }

    fn import(&self, file: &Path) -> Result<String, String> {
        let (file, config) = (file.to_owned(), self.config());
        let import = Import {
            file,
            config,
            dry_run: false,
        };
        read_table(&import).map_err(|refused| refused.text)
    }

    /// Imports what must be refused and leaves everything as it was.
    fn refused(&self, file: &Path) -> String {
        let before = self.points();
        let text = self.import(file).expect_err("refused");
        assert_eq!(self.points(), before);
        let files = fs::read_dir(self.config()).expect("listed");
        let has_rest = files
            .map(|file| {
                file.expect("a file")
                    .file_name()
                    .into_string()
                    .expect("a name")
            })
            .any(|name| name.contains("points.csv") && name != "points.csv");
        assert!(!has_rest, "nothing stands beside it");
        text
    }

    /// The points as a sheet to plant errors in.
    fn sheet(&self, plant: impl Fn(&mut Worksheet)) -> PathBuf {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        for (row, line) in (0_u32..).zip(fields(&self.points())) {
            for (column, word) in (0_u16..).zip(line) {
                sheet.write_string(row, column, word).expect("written");
            }
        }
        plant(sheet);
        self.write("sheet.xlsx", book.save_to_buffer().expect("a workbook"))
    }
}

/// The words of a table, row by row.
fn fields(table: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).from_reader(table.as_bytes());
    let records = reader
        .into_records()
        .map(|record| record.expect("a record"));
    records
        .map(|record| record.iter().map(str::to_owned).collect())
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

#[test]
fn a_table_that_goes_out_comes_back_as_it_was() {
    for (name, encoding, headers, read_as) in [
        ("a.csv", Encoding::Utf8, Headers::En, "UTF-8 with a mark"),
        ("b.csv", Encoding::Gb18030, Headers::Zh, "GB18030"),
        ("c.xlsx", Encoding::Utf8, Headers::Zh, "sheet `points`"),
    ] {
        let site = Site::new();
        let before = site.points();
        let file = site.export(name, encoding, headers);
        let said = site.import(&file).expect("imported");
        assert_eq!(site.points(), before, "{name}");
        assert!(said.contains(read_as), "{said}");
        assert!(
            said.contains("new: none\nchanged: none\ngone: none"),
            "{said}"
        );
        assert!(said.contains("restart it"), "{said}");
        // What is there is never written over.
        let again = Export {
            file,
            config: site.config(),
            format: None,
            encoding,
            headers,
        };
        write_table(&again).expect_err("it is there");
    }
}

#[test]
fn a_table_in_any_order_with_a_title_and_remarks_is_taken_and_the_old_one_kept() {
    let site = Site::new();
    let before = site.points();
    let mut table = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    table.write_record(["测试校区点位表", ""]).expect("written");
    for (n, mut row) in fields(&before).into_iter().enumerate() {
        if n == 0 {
            let chinese = |name: &mut String| *name = columns::chinese(name).to_owned();
            row.iter_mut().for_each(chinese);
        } else {
            // As a spreadsheet leaves it: a full-width digit, spaces, a number with a point, a word for the kind.
            row[13] = format!(" {}.0 ", row[13]);
            row[0] = row[0].replace('1', "１");
            row[1] = row[1].replace("smoke", "感烟探测器");
        }
        row.reverse();
        row.insert(0, n.to_string());
        row.push("备注".to_owned());
        table.write_record(&row).expect("written");
    }
    table.write_record([" "; 18]).expect("written");
    let table = String::from_utf8(table.into_inner().expect("a table")).expect("text");
    let (table, _, _) = encoding_rs::GB18030.encode(&table);
    let file = site.write("table.csv", table);
    let said = site.import(&file).expect("imported");
    assert_eq!(site.points(), before);
    assert!(
        said.contains("columns that were not read: 0, 备注"),
        "{said}"
    );
    let kept = said
        .split("the old file is ")
        .nth(1)
        .and_then(|rest| rest.lines().next())
        .expect("named");
    assert_eq!(fs::read_to_string(kept).expect("kept"), before);
}

#[test]
fn every_bad_row_is_told_with_its_line_and_column_and_nothing_changes() {
    let site = Site::new();
    let mut lines: Vec<String> = site.points().lines().map(str::to_owned).collect();
    lines[2] = lines[2].replace("smoke", "smok");
    lines[4] = lines[4].replace("P1-004", "P1-003");
    lines[5] = lines[5].replace("panel1", "panel9");
    lines[6] = lines[6].replace(",devices,5", ",devices,2026/1/5");
    lines[8] = lines[8].replace("smoke", "smok");
    let text = site.refused(&site.write("bad.csv", lines.join("\n")));
    for expected in [
        "bad.csv: line 3, 9, column 2 `kind`: there is no kind `smok`\n    did you mean `smoke`?",
        "bad.csv: line 5, column 1 `id`: point `P1-003` stands twice (first in 4)",
        "bad.csv: line 6, column 13 `bus`: there is no bus `panel9`\n    did you mean `panel1`?",
        "bad.csv: line 7, column 16 `index`: `2026/1/5` is a date",
    ] {
        assert!(text.contains(expected), "{expected}\nin\n{text}");
    }
    assert!(!text.contains("linkage.toml"), "{text}");
}

#[test]
fn a_point_that_another_file_needs_cannot_go() {
    let site = Site::new();
    let kept = |line: &&str| !line.starts_with("C1-DOORS-OPEN");
    let lines: Vec<String> = site
        .points()
        .lines()
        .filter(kept)
        .map(str::to_owned)
        .collect();
    let text = site.refused(&site.write("short.csv", lines.join("\n")));
    assert!(text.contains("there is no point `C1-DOORS-OPEN`"), "{text}");
    assert!(text.contains("linkage.toml"), "{text}");
}

#[test]
fn cells_that_are_not_what_they_look_like_are_refused_with_their_place() {
    let site = Site::new();
    let date = Format::new().set_num_format("m\"月\"d\"日\"");
    let file = site.sheet(|sheet| {
        let day = ExcelDateTime::from_ymd(2026, 1, 2).expect("a day");
        sheet
            .write_datetime_with_format(3, 15, &day, &date)
            .expect("written");
        let formula = Formula::new("=ROW()-2").set_result("3");
        sheet.write_formula(4, 15, formula).expect("written");
        sheet.write_boolean(5, 1, true).expect("written");
        let plain = Format::new();
        sheet.merge_range(6, 4, 6, 5, "D1", &plain).expect("merged");
    });
    let text = site.refused(&file);
    for expected in [
        "row 4, column P `index`: the cell is a date or a time",
        "row 5, column P `index`: the cell is a formula (3)",
        "row 6, column B `kind`: the cell is true",
        "row 7, column F `floor`: the cell is merged with one beside it",
    ] {
        assert!(text.contains(expected), "{expected}\nin\n{text}");
    }
}

#[test]
fn numbers_and_cells_merged_downwards_are_taken_as_they_look() {
    let site = Site::new();
    let before = site.points();
    let in_d1 = before
        .lines()
        .skip(1)
        .take_while(|line| line.contains(",D1,"))
        .count();
    let last = u32::try_from(in_d1).expect("few");
    let file = site.sheet(|sheet| {
        let plain = Format::new();
        sheet
            .merge_range(1, 4, last, 4, "D1", &plain)
            .expect("merged");
        for (row, words) in (1_u32..).zip(fields(&before).into_iter().skip(1)) {
            for column in [9, 10, 13, 15] {
                if let Ok(number) = words[column].parse::<f64>() {
                    let column = u16::try_from(column).expect("few");
                    sheet.write_number(row, column, number).expect("written");
                }
            }
        }
    });
    site.import(&file).expect("imported");
    assert_eq!(site.points(), before);
}

#[test]
fn a_sheet_with_a_cell_far_away_is_refused_and_fills_no_memory() {
    let site = Site::new();
    let file = site.sheet(|sheet| {
        sheet
            .write_string(1_048_575, 16_383, "lost")
            .expect("written");
    });
    let text = site.refused(&file);
    assert!(text.contains("at XFD1048576"), "{text}");
}

#[test]
fn a_table_without_names_or_with_columns_missing_says_which() {
    let site = Site::new();
    let text = site.refused(&site.write("none.csv", "1,2,3\n4,5,6\n"));
    assert!(
        text.contains("no row has the names") && text.contains("compartment (防火分区)"),
        "{text}"
    );
    let table = site
        .points()
        .replacen("compartment", "remark", 1)
        .replacen("node", "id", 1);
    let text = site.refused(&site.write("few.csv", table));
    assert!(
        text.contains("line 1, column `id`: two columns are `id`"),
        "{text}"
    );
    assert!(
        text.contains("columns are missing: compartment (防火分区), node (路径节点)"),
        "{text}"
    );
}

/// 20,000 points of ten panels, in a campus whose profile has room for them.
fn large(site: &Site) -> String {
    let config = site.config();
    let profile =
        fs::read_to_string(config.join("panels/simulated_panel.toml")).expect("a profile");
    fs::write(
        config.join("panels/large.toml"),
        profile.replace("start = 0\ncount = 120", "start = 1000\ncount = 3200"),
    )
    .expect("written");
    let mut text = fs::read_to_string(config.join("site.toml")).expect("a site");
    for panel in 0..10 {
        text.push_str(&format!(
            "\n[[buses]]\nid = \"large{panel}\"\nname = {{ zh = \"主机\", en = \"Panel\" }}\naddress = \"127.0.0.1:{}\"\n\
             poll_interval_ms = 500\ntimeout_ms = 500\nunits = [{{ unit = 1, profile = \"large\" }}]\n",
            20_000 + panel
        ));
    }
    fs::write(config.join("site.toml"), text).expect("written");
    let mut table = site.points();
    let like = table.lines().nth(1).expect("a point").to_owned();
    let like: Vec<&str> = like.split(',').collect();
    for n in 0..20_000 {
        let (id, bus, index) = (
            format!("L-{n:05}"),
            format!("large{}", n % 10),
            (n / 10).to_string(),
        );
        let mut fields = like.clone();
        (fields[0], fields[12], fields[14], fields[15]) = (&id, &bus, "devices", &index);
        table.push_str(&fields.join(","));
        table.push('\n');
    }
    table
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how long it takes is what the test is for"
)]
fn twenty_thousand_points_come_and_go_in_seconds_and_so_do_their_errors() {
    let site = Site::new();
    let table = large(&site);
    let mut took = Vec::new();
    let mut timed = |what: &str, work: &mut dyn FnMut()| {
        let begun = Instant::now();
        work();
        took.push(format!("{what} {} ms", begun.elapsed().as_millis()));
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
    };
    let csv = site.write("large.csv", encoding_rs::GB18030.encode(&table).0);
    timed("import of CSV", &mut || {
        drop(site.import(&csv).expect("imported"))
    });
    assert_eq!(site.points().lines().count(), 20_057);
    let xlsx = site.0.path().join("large.xlsx");
    timed("export of xlsx", &mut || {
        drop(site.export("large.xlsx", Encoding::Utf8, Headers::Zh))
    });
    timed("import of xlsx", &mut || {
        let said = site.import(&xlsx).expect("imported");
        assert!(said.contains("changed: none"), "{said}");
    });
    let bad = site.write("bad.csv", table.replace("L-", "L/"));
    timed("20,000 errors", &mut || {
        let text = site.import(&bad).expect_err("refused");
        assert_eq!(text.matches("cannot be an id").count(), 20_000);
    });
    println!("20,056 points: {}", took.join(", "));
}
