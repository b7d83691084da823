//! Files to validated values: every error with file, line and a caret; nothing starts before all of them are known.
