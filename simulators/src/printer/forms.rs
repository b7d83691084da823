//! How the paper of a panel looks.

/// A way of printing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// As GST9000 panels print to their micro printer: a record of several lines between ESC 6 and an empty line, GB 2312.
    Gst9000,
    /// One line a record, UTF-8.
    Utf8,
}

/// What is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The first fire since the reset.
    FirstFire(u16),
    /// A later one.
    Fire(u16),
    /// A fault of a device, or its end.
    Fault(u16, bool),
    /// A device is 屏蔽, or no more.
    Disabled(u16, bool),
    /// 复位.
    Reset,
    /// 消音.
    Silenced,
    /// Mains is back, or gone.
    Mains(bool),
    /// The key at 自动, or at 手动.
    Key(bool),
    /// 自检: the panel lives.
    Alive,
    /// Words of one's own where the others have theirs.
    Words(String),
    /// A fire at an address that is on no list.
    Stranger,
}

impl Said {
    /// The words of a GST9000's paper. Only those of fire and reset are known from its makers' customers; the others are like them.
    pub(crate) fn gst9000(&self) -> String {
        let words = match self {
            Self::FirstFire(_) => "首次火警",
            Self::Fire(_) | Self::Stranger => "火警后续",
            Self::Fault(_, true) => "故障",
            Self::Fault(_, false) => "故障恢复",
            Self::Disabled(_, true) => "屏蔽",
            Self::Disabled(_, false) => "屏蔽释放",
            Self::Reset => "系统复位",
            Self::Silenced => "消音",
            Self::Mains(true) => "主电恢复",
            Self::Mains(false) => "主电故障",
            Self::Key(true) => "自动允许",
            Self::Key(false) => "自动禁止",
            Self::Alive => "自检",
            Self::Words(words) => words,
        };
        words.to_owned()
    }

    /// The words of a line.
    pub(crate) fn line(&self) -> String {
        let words = match self {
            Self::FirstFire(_) | Self::Fire(_) | Self::Stranger => "火警",
            Self::Fault(_, true) => "故障",
            Self::Fault(_, false) => "故障恢复",
            Self::Disabled(_, true) => "屏蔽",
            Self::Disabled(_, false) => "屏蔽解除",
            Self::Reset => "复位",
            Self::Silenced => "消音",
            Self::Mains(true) => "主电恢复",
            Self::Mains(false) => "主电故障",
            Self::Key(true) => "自动",
            Self::Key(false) => "手动",
            Self::Alive => "自检正常",
            Self::Words(words) => words,
        };
        words.to_owned()
    }

    /// The address that it is of.
    pub(crate) fn number(&self) -> Option<u16> {
        match self {
            Self::FirstFire(number)
            | Self::Fire(number)
            | Self::Fault(number, _)
            | Self::Disabled(number, _) => Some(*number),
            Self::Stranger => Some(241),
            Self::Reset
            | Self::Silenced
            | Self::Mains(_)
            | Self::Key(_)
            | Self::Alive
            | Self::Words(_) => None,
        }
    }
}
