//! Every secret that the platform keeps, for a test that plays a provider who tries them all.

use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use siegel_platform::secrets::Secrets;
use zeroize::Zeroizing;

/// Names and values.
pub(crate) type All = Vec<(String, Zeroizing<Vec<u8>>)>;

/// Of a file, whose key opens all of it.
pub(crate) async fn of_file(secrets: &Secrets) -> Result<All> {
    let mut all = All::new();
    for name in secrets.names("").await? {
        let secret = secrets.get(&name).await?.with_context(|| format!("{name} is there"))?;
        all.push((name, Zeroizing::new(secret.to_vec())));
    }
    Ok(all)
}

/// Of OpenBao. No service may list them, which is what its policies are for: this is its administrator, with the root token
/// that `cargo xtask up` leaves beside the parts file.
pub(crate) async fn of_openbao(parts: &Path) -> Result<All> {
    let file = |name: &str| std::fs::read_to_string(parts.with_file_name(name)).with_context(|| format!("read {name}"));
    let settings: toml::Table = std::fs::read_to_string(parts)?.parse().context("the parts file")?;
    let address = settings["vault"]["address"].as_str().context("OpenBao's address")?.to_owned();
    let passwords: Value = serde_json::from_str(&file("secrets.json")?)?;
    let token = passwords["vault.root"].as_str().context("the root token")?.to_owned();
    let ca = reqwest::Certificate::from_pem(file("ca.crt")?.as_bytes())?;
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build()?;
    let ask = async |method: &str, kind: &str, path: &str| -> Result<Value> {
        let url = format!("{address}/v1/siegel/{kind}/{path}");
        let answer = http.request(method.parse()?, url).header("X-Vault-Token", &token).send().await?;
        anyhow::ensure!(answer.status().is_success(), "OpenBao answered {} to {kind}/{path}", answer.status());
        Ok(answer.json().await?)
    };
    let (mut all, mut folders) = (All::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        let listed = ask("LIST", "metadata", &folder).await?;
        for name in listed["data"]["keys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let path = format!("{folder}{name}");
            if name.ends_with('/') {
                folders.push(path);
                continue;
            }
            let kept = ask("GET", "data", &path).await?;
            let fields = kept["data"]["data"].as_object().context("a secret's fields")?;
            for value in fields.values().filter_map(Value::as_str) {
                // Data keys lie there as OpenBao sealed them, and as text.
                let bytes = STANDARD.decode(value).unwrap_or_else(|_| value.as_bytes().to_vec());
                all.push((path.clone(), Zeroizing::new(bytes)));
            }
        }
    }
    Ok(all)
}
