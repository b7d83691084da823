//! The printers of the campus's panels.

use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::{Campus, Refusal, unknown};
use crate::printer::{Printer, PrinterSpec, PrinterVerb, Shared};

impl Campus {
    /// Switches what a panel's printer does to its characters, or prints what does not happen at the panel.
    ///
    /// # Errors
    /// When the panel has no printer.
    pub fn printer(&self, panel: &str, verb: PrinterVerb) -> Result<(), Refusal> {
        let printers = self.printer_list();
        let printer = printers.iter().find(|printer| printer.panel() == panel);
        printer.ok_or_else(|| unknown("printer", panel))?.act(verb);
        Ok(())
    }

    /// Starts the printers that are wanted, each at a panel that is there.
    pub(super) fn start_printers(&self, specs: &[PrinterSpec]) -> io::Result<Vec<Printer>> {
        let mut printers = Vec::new();
        for spec in specs {
            if self.field().panel(&spec.panel).is_none() {
                let why = format!("there is no panel {} that could print", spec.panel);
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
            let printer = Printer::start(self.clone(), spec)?;
            self.printer_list().push(printer.shared());
            printers.push(printer);
        }
        Ok(printers)
    }

    pub(super) fn printer_list(&self) -> MutexGuard<'_, Vec<Arc<Shared>>> {
        let printers = self.0.printers.lock();
        printers.unwrap_or_else(PoisonError::into_inner)
    }
}
