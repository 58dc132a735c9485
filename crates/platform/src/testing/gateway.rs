//! A versitygw of a test's own, which it may kill, stop or fill: a zone on S3 that no other test feels.
#![expect(clippy::unwrap_used, reason = "in what tests share, it is an assertion")]

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tempfile::TempDir;

use super::JURISDICTION;
use super::wire::Wire;
use crate::clock::{Clock, SystemClock};
use crate::parts::S3Part;
use crate::rng::SystemRng;
use crate::secrets::Secret;
use crate::zones::s3::{BucketKeys, KeysError, S3Zone};
use crate::zones::{NAMES, Zone, ZoneAdmin, ZoneMetrics};

/// Room of a gateway that is made to run full.
const SMALL: &str = "size=12m";
const REGION: &str = "eu-central-1";
const SECRET: &str = "of a test";

/// The server and its files.
pub struct Gateway {
    name: &'static str,
    files: TempDir,
    root: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
    small: bool,
}

impl Gateway {
    /// Starts one as the first zone. `None` if the tests are to run without parts.
    pub async fn start() -> Option<Self> {
        let files = tempfile::tempdir().unwrap();
        let root = files.path().join("root");
        Self::start_as(NAMES[0], files, root, false).await
    }

    /// Starts one on a file system with little room, which goes away with it.
    pub async fn start_small() -> Option<Self> {
        let files = tempfile::tempdir().unwrap();
        let root = files.path().join("root");
        Self::start_as(NAMES[0], files, root, true).await
    }

    /// Starts one as the zone of that name, whose buckets are directories in `root`.
    pub async fn start_on(name: &'static str, root: &Path) -> Option<Self> {
        Self::start_as(name, tempfile::tempdir().unwrap(), root.to_owned(), false).await
    }

    async fn start_as(name: &'static str, files: TempDir, root: PathBuf, small: bool) -> Option<Self> {
        program()?;
        for directory in [&root, &files.path().join("versions"), &files.path().join("users")] {
            std::fs::create_dir_all(directory).unwrap();
        }
        certify(files.path());
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut gateway = Self { name, files, root, address, child: None, small };
        gateway.restart().await;
        Some(gateway)
    }

    /// Starts it again after [`Gateway::kill`], on the same files and address.
    pub async fn restart(&mut self) {
        let at = |name: &str| self.files.path().join(name);
        let program = program().unwrap();
        // Mounted where nobody else sees it, and gone with the process: nothing to clean up, whatever happens to the test.
        let mut command = if self.small {
            let mut command = Command::new("unshare");
            let mount = format!("mount -t tmpfs -o {SMALL} tmpfs \"$0\" && exec \"$@\"");
            command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount]).arg(&self.root).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(["--access", "admin", "--secret", SECRET, "--region", REGION, "--iam-cache-ttl", "1"]);
        command.args(["--keep-alive", "--quiet", "--port", &self.address.to_string()]);
        command.arg("--iam-dir").arg(at("users")).arg("--cert").arg(at("cert.pem")).arg("--key").arg(at("key.pem"));
        command.arg("posix").arg("--versioning-dir").arg(at("versions")).arg(&self.root);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let (zone, clock) = (self.s3(&Keys::default()), SystemClock::new());
        while zone.health().await.is_err() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "versitygw did not start: {ended:?}");
            clock.sleep(10).await;
        }
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Stops it, so that it takes connections and answers nothing; or lets it go on.
    pub fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// How it is reached, directly.
    pub fn part(&self) -> S3Part {
        self.part_at(self.address)
    }

    fn part_at(&self, address: SocketAddr) -> S3Part {
        let text = format!(
            "name = \"{}\"\nendpoint = \"https://{address}\"\nregion = \"{REGION}\"\njurisdiction = \"{JURISDICTION}\"\n\
             admin_access = \"admin\"\nadmin_secret = \"{SECRET}\"\n",
            self.name
        );
        toml::from_str(&text).unwrap()
    }

    /// The certificate that it is to be trusted by.
    pub fn ca(&self) -> PathBuf {
        self.files.path().join("ca.pem")
    }

    /// The directory whose directories are its buckets.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The adapter, not yet behind a breaker.
    pub fn s3(&self, keys: &Keys) -> Arc<S3Zone> {
        self.s3_as(&self.part(), keys)
    }

    /// As `part` says that it is reached.
    pub fn s3_as(&self, part: &S3Part, keys: &Keys) -> Arc<S3Zone> {
        self.s3_with(part, Arc::new(keys.clone()))
    }

    /// With credentials kept wherever.
    pub fn s3_with(&self, part: &S3Part, keys: Arc<dyn BucketKeys>) -> Arc<S3Zone> {
        S3Zone::open(self.name, part, &self.ca(), keys, Arc::new(SystemRng)).unwrap()
    }

    /// A zone on it.
    pub fn zone(&self, keys: &Keys) -> Zone {
        zone(self.s3(keys))
    }

    /// A zone on it, through a wire.
    pub fn zone_through(&self, wire: &Wire, keys: &Keys) -> Zone {
        zone(self.s3_as(&self.part_at(wire.address), keys))
    }

    /// A wire to it.
    pub async fn wire(&self) -> Wire {
        Wire::to(self.address).await
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// A zone on an adapter.
pub fn zone(s3: Arc<S3Zone>) -> Zone {
    Zone::new(NAMES[0], JURISDICTION, s3.clone(), s3, SystemClock::shared(), ZoneMetrics::default())
}

/// The program that the variable names, or the one in the path, or the one that `cargo xtask up` has built.
#[expect(clippy::print_stderr, reason = "whoever runs the tests has to see what was left out")]
fn program() -> Option<PathBuf> {
    if std::env::var_os("SIEGEL_WITHOUT_PARTS").is_some() {
        eprintln!("left out: SIEGEL_WITHOUT_PARTS is set");
        return None;
    }
    let given = std::env::var_os("SIEGEL_VERSITYGW").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|directory| directory.join("versitygw"));
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    let caches = base.into_iter().chain([PathBuf::from("/var/cache")]).map(|base| base.join("siegel/parts"));
    let built = caches.filter_map(|cache| std::fs::read_dir(cache).ok()).flatten().flatten();
    let built = built.filter(|entry| entry.file_name().to_string_lossy().starts_with("versitygw-"));
    let mut found = given.into_iter().chain(in_path).chain(built.map(|entry| entry.path().join("versitygw")));
    Some(found.find(|program| program.is_file()).expect("versitygw is not there: cargo xtask up --only s3"))
}

fn certify(directory: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    let names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &Issuer::new(params, &ca_key)).unwrap();
    for (file, pem) in [("ca.pem", ca.pem()), ("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())] {
        std::fs::write(directory.join(file), pem).unwrap();
    }
}

/// The secrets port, in memory.
#[derive(Clone, Default)]
pub struct Keys(pub Arc<Mutex<BTreeMap<String, Secret>>>);

#[async_trait]
impl BucketKeys for Keys {
    async fn get(&self, name: &str) -> Result<Option<Secret>, KeysError> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }

    async fn put_new(&self, name: &str, secret: &[u8]) -> Result<Secret, KeysError> {
        let mut all = self.0.lock().unwrap();
        Ok(all.entry(name.to_owned()).or_insert_with(|| Secret::new(secret.to_vec())).clone())
    }

    async fn put(&self, name: &str, secret: &[u8]) -> Result<(), KeysError> {
        self.0.lock().unwrap().insert(name.to_owned(), Secret::new(secret.to_vec()));
        Ok(())
    }

    async fn delete(&self, name: &str) -> Result<(), KeysError> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }
}
