//! Who was recorded, when and with what: the two identification fields of EDF+, each a row of subfields.

use crate::EdfError;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// A calendar date in the recorder's own time zone (EDF knows no other).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// Full year, 1985 to 2084: the header's two-digit year cannot say more.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// `02-MAY-1951`, as the identification fields want it.
    fn long(self) -> Result<String, EdfError> {
        let month = MONTHS
            .get(usize::from(self.month).wrapping_sub(1))
            .ok_or(EdfError::Field { field: "date", why: "the month is not 1 to 12" })?;
        if !(1..=31).contains(&self.day) {
            return Err(EdfError::Field { field: "date", why: "the day is not 1 to 31" });
        }
        Ok(format!("{:02}-{month}-{:04}", self.day, self.year))
    }
}

/// Who was recorded. Everything here is personal data: it may leave the device in sealed form only.
#[derive(Clone)]
pub struct Patient {
    /// The hospital's or practice's own number.
    pub code: String,
    /// `F`, `M` or `X` (not known).
    pub sex: char,
    /// Day of birth, if known.
    pub born: Option<Date>,
    /// Family and given name; spaces become underscores.
    pub name: String,
}

impl Patient {
    pub(crate) fn field(&self) -> Result<String, EdfError> {
        if !matches!(self.sex, 'F' | 'M' | 'X') {
            return Err(EdfError::Field { field: "sex", why: "it is F, M or X" });
        }
        let born = self.born.map_or_else(|| Ok("X".into()), Date::long)?;
        Ok(format!("{} {} {born} {}", subfield(&self.code), self.sex, subfield(&self.name)))
    }
}

/// What was recorded, where, with what.
#[derive(Clone)]
pub struct Origin {
    /// Day the recording began.
    pub date: Date,
    /// Time of day it began, in seconds since midnight.
    pub time_s: u32,
    /// The institution's number of the examination.
    pub admin_code: String,
    /// Who attached the recorder.
    pub technician: String,
    /// The recorder.
    pub equipment: String,
}

impl Origin {
    pub(crate) fn field(&self) -> Result<String, EdfError> {
        let rest = [&self.admin_code, &self.technician, &self.equipment].map(|part| subfield(part));
        Ok(format!("Startdate {} {}", self.date.long()?, rest.join(" ")))
    }
}

/// Subfields of the identification fields are separated by spaces, so a space inside becomes an underscore and nothing
/// an `X`.
fn subfield(text: &str) -> String {
    if text.is_empty() { "X".into() } else { text.replace(' ', "_") }
}
