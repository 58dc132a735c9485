//! Words that must not be in the repository: paths of one machine, hosts of its package registries, private keys, loose
//! ends.

use anyhow::{Result, bail};

use crate::tree;
use crate::work::Work;

/// Pieces are put together here so that this file does not find itself.
const NOWHERE: &[(&str, &str)] = &[
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ho", "me/"), "a path of one machine; write ~ or $HOME"),
    (concat!("index.cr", "ates.io"), "a registry's host; its client knows it"),
    (concat!("static.cr", "ates.io"), "a registry's host; its client knows it"),
    (concat!("py", "pi.org"), "a registry's host; its client knows it"),
    (concat!("python", "hosted.org"), "a registry's host; its client knows it"),
    (concat!("npm", "js.org"), "a registry's host; its client knows it"),
    (concat!("proxy.go", "lang.org"), "a registry's host; its client knows it"),
    (concat!("deb.deb", "ian.org"), "a registry's host; its client knows it"),
    (concat!("PRIVATE", " KEY-----"), "a private key"),
    (concat!("<<<<", "<<< "), "a merge that was not finished"),
];
/// In code only: prose may speak of such notes.
const NOT_IN_CODE: &[(&str, &str)] = &[
    (concat!("FIX", "ME"), "a loose end; finish it or open an issue"),
    (concat!("TO", "DO"), "a loose end; finish it or open an issue"),
];

pub(crate) fn run(_: &mut Work) -> Result<String> {
    let local = local();
    let (mut found, mut seen) = (Vec::new(), 0);
    for file in tree::files()? {
        let Some(text) = tree::text(&file)? else { continue };
        seen += 1;
        let code =
            [".rs", ".sh", ".py", ".js", ".mjs", ".toml", ".sql", ".proto"].iter().any(|end| file.ends_with(end));
        for (number, line) in (1..).zip(text.lines()) {
            let hits = NOWHERE.iter().chain(if code { NOT_IN_CODE } else { &[] });
            let hits = hits.filter(|(word, _)| holds(line, word)).map(|(_, why)| *why);
            let hits = hits.chain(local.iter().filter(|(word, _)| holds(line, word)).map(|(_, why)| *why));
            found.extend(hits.map(|why| format!("{file}:{number}: {why}")));
        }
    }
    if !found.is_empty() {
        bail!("{}", found.join("\n"));
    }
    Ok(format!("{seen} files"))
}

/// Whether a line holds a word. A path counts only where it begins: a clone in `/src` must not find `crates/api/src/`.
fn holds(line: &str, word: &str) -> bool {
    let inside = |before: char| before.is_alphanumeric() || "._-~}/".contains(before);
    line.match_indices(word).any(|(at, _)| !word.starts_with('/') || !line[..at].ends_with(inside))
}

/// What only this machine knows: where the tree and the home directory lie, and which mirrors its package clients are
/// told to use.
fn local() -> Vec<(String, &'static str)> {
    let mut words = Vec::new();
    // A short one, such as /data, may well be meant in prose.
    if tree::root().components().count() > 3 {
        words.push((format!("{}/", tree::root().display()), "the path of this work tree"));
    }
    for (name, value) in std::env::vars() {
        let mirror = ["INDEX", "REGISTRY", "REGISTRIES", "PROXY"].iter().any(|part| name.to_uppercase().contains(part));
        let host = value.split_once("://").map(|(_, rest)| rest);
        let host = host.and_then(|rest| rest.split(['/', '?']).next()).and_then(|rest| rest.rsplit('@').next());
        if let Some(host) = host.filter(|host| mirror && host.contains('.') && !host.starts_with("127.")) {
            words.push((host.to_owned(), "the host of this machine's mirror"));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn a_path_counts_where_it_begins() {
        assert!(holds("see /here/main.rs", "/here/"));
        assert!(holds("/here/main.rs", "/here/"));
        assert!(holds("\"/here/main.rs\" and crates/api/here/lib.rs", "/here/"));
        assert!(!holds("crates/api/here/lib.rs", "/here/"));
        assert!(!holds("${ROOT}/here/lib.rs", "/here/"));
        assert!(holds("a merge <<<<<<<", "<<<"));
    }
}
