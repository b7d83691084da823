//! Fengsui.
