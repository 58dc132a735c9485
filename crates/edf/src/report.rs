//! The evaluation as a page of plain text: what the centre sends back in the demo.

use crate::header::Header;
use crate::pulse::Summary;

/// The report's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// German.
    German,
    /// English.
    English,
}

/// The report. It names the patient as the recording's header does, so it is personal data like the recording itself.
pub fn text(header: &Header, found: &Summary, language: Language) -> String {
    let hours = found.duration_s / 3600.0;
    let Summary { beats, mean_bpm, min_bpm, max_bpm, longest_pause_s, channel, .. } = found;
    let (patient, date, time) = (&header.patient, &header.start_date, &header.start_time);
    match language {
        Language::German => format!(
            "Befund Langzeit-EKG (automatisch, zu Vorführzwecken)\n\n\
             Patient:            {patient}\n\
             Beginn:             {date} {time}\n\
             Dauer:              {hours:.1} h\n\
             Kanal:              {channel}\n\n\
             Herzschläge:        {beats}\n\
             Herzfrequenz:       {mean_bpm:.0}/min im Mittel, {min_bpm:.0} bis {max_bpm:.0}/min\n\
             Längste Pause:      {longest_pause_s:.2} s\n\n\
             Kein ärztlicher Befund: die Aufzeichnung ist künstlich erzeugt.\n"
        ),
        Language::English => format!(
            "Long-term ECG report (automatic, for demonstration)\n\n\
             Patient:            {patient}\n\
             Start:              {date} {time}\n\
             Duration:           {hours:.1} h\n\
             Channel:            {channel}\n\n\
             Heartbeats:         {beats}\n\
             Heart rate:         {mean_bpm:.0}/min on average, {min_bpm:.0} to {max_bpm:.0}/min\n\
             Longest pause:      {longest_pause_s:.2} s\n\n\
             Not a medical report: the recording is synthetic.\n"
        ),
    }
}
