//! Licences, bans, sources and known advisories of everything that comes from outside (deny.toml).

use anyhow::Result;

use crate::tools;
use crate::work::Work;

pub(crate) fn run(work: &mut Work) -> Result<String> {
    // Advisories need today's database. Without a way to it the other three are still checked, and the line says what
    // was not.
    let reachable = work.run(tools::deny()?.args(["fetch", "db"])).is_ok();
    let mut check = tools::deny()?;
    check.args(["check", "bans", "licenses", "sources"]);
    if reachable {
        check.arg("advisories");
    }
    work.run(&mut check)?;
    Ok(if reachable {
        String::new()
    } else {
        "advisories NOT checked: their database cannot be reached from here".into()
    })
}
