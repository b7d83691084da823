//! What integrators call the columns of a point table. The first Chinese name is the one that an export writes.

use crate::config::POINT_COLUMNS;

/// Columns that may be missing from a table; they are then empty.
const OPTIONAL: [&str; 2] = ["x", "y"];

/// Column of points.csv, names in Chinese tables.
const CHINESE: [(&str, &[&str]); 16] = [
    ("id", &["编号", "点位编号", "设备编号", "点位"]),
    ("kind", &["类型", "设备类型", "点位类型"]),
    ("name_zh", &["名称", "中文名称", "设备名称", "点位名称"]),
    ("name_en", &["英文名称"]),
    ("building", &["楼栋", "建筑", "楼宇", "楼号"]),
    ("floor", &["楼层"]),
    ("room_zh", &["房间", "位置", "安装位置", "中文房间"]),
    ("room_en", &["英文房间", "英文位置"]),
    ("compartment", &["防火分区", "分区"]),
    ("x", &["平面图X", "X坐标", "横坐标"]),
    ("y", &["平面图Y", "Y坐标", "纵坐标"]),
    ("node", &["路径节点", "节点"]),
    ("bus", &["总线"]),
    ("unit", &["站号", "从站地址", "单元"]),
    ("group", &["寄存器组", "组"]),
    ("index", &["地址", "组内序号", "二次码"]),
];

/// The column that a table calls `name`; spaces, case and full-width letters do not matter.
pub(super) fn of_name(name: &str) -> Option<&'static str> {
    let plain = |name: &str| -> String {
        let name = super::rows::narrow(name);
        name.split_whitespace().collect::<String>().to_lowercase()
    };
    let name = plain(name);
    let english = POINT_COLUMNS.iter().find(|column| **column == name);
    english.copied().or_else(|| {
        let is_called = |names: &[&str]| names.iter().any(|known| plain(known) == name);
        let found = CHINESE.iter().find(|(_, names)| is_called(names))?;
        Some(found.0)
    })
}

/// The name of a column for a Chinese table.
pub(super) fn chinese(column: &str) -> &str {
    let found = CHINESE.iter().find(|(known, _)| *known == column);
    found
        .and_then(|(_, names)| names.first())
        .map_or(column, |name| *name)
}

/// Whether a table may leave the column out.
pub(super) fn is_optional(column: &str) -> bool {
    OPTIONAL.contains(&column)
}

/// Whether people read the words of the column, so that every sign in it stays as it was typed.
pub(super) fn is_for_people(column: &str) -> bool {
    column.starts_with("name_") || column.starts_with("room_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_the_file_has_a_chinese_name_and_no_name_means_two() {
        for column in POINT_COLUMNS {
            assert_ne!(chinese(column), column, "{column}");
            assert_eq!(of_name(chinese(column)), Some(column));
        }
        let names: Vec<&str> = CHINESE
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        let once: std::collections::BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), once.len());
        for (written, column) in [
            (" Name_ZH ", "name_zh"),
            ("ＩＤ", "id"),
            ("防 火 分 区", "compartment"),
            ("x坐标", "x"),
        ] {
            assert_eq!(of_name(written), Some(column), "{written}");
        }
        assert_eq!(of_name("备注"), None);
    }
}
