//! Questions to the parts' own HTTP interfaces, by curl: a handful of calls while starting and for `status`, so no HTTP
//! library is built into the chores.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// One question.
#[derive(Default, Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    /// Headers, a token among them.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Option<Value>,
    /// The CA that signed the other side's certificate.
    pub(crate) ca: Option<PathBuf>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

/// A GET with nothing else to it.
pub(crate) fn get(url: String, ca: PathBuf) -> Call {
    Call { method: "GET", url, ca: Some(ca), ..Call::default() }
}

impl Call {
    /// Asks. An answer of any status is an answer; an error is that none came.
    pub(crate) fn ask(&self) -> Result<Answer> {
        let mut curl = Command::new("curl");
        // Settings of the person's own (.curlrc, proxies) are not meant for loopback.
        curl.args(["--disable", "--silent", "--show-error", "--noproxy", "*", "--max-time", "10", "--config", "-"]);
        curl.args(["--write-out", "\\n%{http_code}", "--request", self.method]);
        if let Some(ca) = &self.ca {
            curl.arg("--cacert").arg(ca);
        }
        let mut child = curl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // By its standard input: arguments are seen by everybody in the list of processes, and tokens are among these.
        child.stdin.take().context("curl takes no input")?.write_all(self.config().as_bytes())?;
        let output = child.wait_with_output().context("run curl")?;
        if !output.status.success() {
            bail!("{}: {}", self.url, String::from_utf8_lossy(&output.stderr).trim());
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let (text, status) = said.rsplit_once('\n').context("curl said no status")?;
        Ok(Answer { status: status.trim().parse().context("read the status")?, text: text.to_owned() })
    }

    /// Asks, and takes anything but success for an error.
    pub(crate) fn expect(&self) -> Result<Value> {
        let answer = self.ask()?;
        if !(200..300).contains(&answer.status) {
            bail!("{} {}: {} {}", self.method, self.url, answer.status, answer.text.trim());
        }
        Ok(answer.json())
    }

    fn config(&self) -> String {
        let mut config = String::new();
        let mut line = |name: &str, value: &str| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = writeln!(config, "{name} = \"{value}\"");
        };
        line("url", &self.url);
        for header in &self.headers {
            line("header", header);
        }
        if let Some(body) = &self.body {
            line("header", "Content-Type: application/json");
            line("data-binary", &body.to_string());
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curl_reads_back_what_was_meant() {
        let body = serde_json::json!({ "policy": "path \"x\" {\n}" });
        let call = Call { method: "PUT", url: "https://h/".into(), body: Some(body), ..Call::default() };
        let config = call.config();
        let quoted = r#"data-binary = "{\"policy\":\"path \\\"x\\\" {\\n}\"}""#;
        assert!(config.contains(quoted), "{config}");
    }
}
