//! A versitygw of a test's own, which it may kill, stop or fill.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use siegel_platform::clock::{Clock, SystemClock};
use siegel_platform::parts::S3Part;
use siegel_platform::rng::SystemRng;
use siegel_platform::secrets::Secret;
use siegel_platform::zones::s3::{BucketKeys, KeysError, S3Zone};
use siegel_platform::zones::{NAMES, Zone, ZoneAdmin, ZoneMetrics};

use crate::wire::Wire;

/// Room of a gateway that is made to run full.
const SMALL: &str = "size=12m";

/// The server and its files.
pub(crate) struct Gateway {
    pub(crate) files: tempfile::TempDir,
    address: SocketAddr,
    child: Option<Child>,
    small: bool,
}

impl Gateway {
    /// Starts one. `None` if the tests are to run without parts.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_as(false).await
    }

    /// Starts one on a file system with little room, which goes away with it.
    pub(crate) async fn start_small() -> Option<Self> {
        Self::start_as(true).await
    }

    async fn start_as(small: bool) -> Option<Self> {
        program()?;
        let files = tempfile::tempdir().unwrap();
        for directory in ["root", "versions", "users"] {
            std::fs::create_dir(files.path().join(directory)).unwrap();
        }
        certify(files.path());
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut gateway = Self { files, address, child: None, small };
        gateway.restart().await;
        Some(gateway)
    }

    /// Starts it again after [`Gateway::kill`], on the same files and address.
    pub(crate) async fn restart(&mut self) {
        let at = |name: &str| self.files.path().join(name);
        let (program, root) = (program().unwrap(), at("root"));
        // Mounted where nobody else sees it, and gone with the process: nothing to clean up, whatever happens to the test.
        let mut command = if self.small {
            let mut command = Command::new("unshare");
            let mount = format!("mount -t tmpfs -o {SMALL} tmpfs \"$0\" && exec \"$@\"");
            command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount]).arg(&root).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args([
            "--access",
            "admin",
            "--secret",
            "of a test",
            "--region",
            "eu-central-1",
            "--iam-cache-ttl",
            "1",
        ]);
        command.args(["--keep-alive", "--quiet", "--port", &self.address.to_string()]);
        command.arg("--iam-dir").arg(at("users")).arg("--cert").arg(at("cert.pem")).arg("--key").arg(at("key.pem"));
        command.arg("posix").arg("--versioning-dir").arg(at("versions")).arg(root);
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
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Stops it, so that it takes connections and answers nothing; or lets it go on.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// How it is reached, directly.
    pub(crate) fn part(&self) -> S3Part {
        self.part_at(self.address)
    }

    fn part_at(&self, address: SocketAddr) -> S3Part {
        let text = format!(
            "name = \"zone-a\"\nendpoint = \"https://{address}\"\nregion = \"eu-central-1\"\njurisdiction = \"EU-DE\"\n\
             admin_access = \"admin\"\nadmin_secret = \"of a test\"\n"
        );
        toml::from_str(&text).unwrap()
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.files.path().join("ca.pem")
    }

    pub(crate) fn s3(&self, keys: &Keys) -> Arc<S3Zone> {
        self.s3_as(&self.part(), keys)
    }

    /// As `part` says that it is reached.
    pub(crate) fn s3_as(&self, part: &S3Part, keys: &Keys) -> Arc<S3Zone> {
        self.s3_with(part, Arc::new(keys.clone()))
    }

    /// With credentials kept wherever.
    pub(crate) fn s3_with(&self, part: &S3Part, keys: Arc<dyn BucketKeys>) -> Arc<S3Zone> {
        S3Zone::open(NAMES[0], part, &self.ca(), keys, Arc::new(SystemRng)).unwrap()
    }

    /// A zone on it.
    pub(crate) fn zone(&self, keys: &Keys) -> Zone {
        zone(self.s3(keys))
    }

    /// A zone on it, through a wire.
    pub(crate) fn zone_through(&self, wire: &Wire, keys: &Keys) -> Zone {
        zone(self.s3_as(&self.part_at(wire.address), keys))
    }

    /// A wire to it.
    pub(crate) async fn wire(&self) -> Wire {
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

pub(crate) fn zone(s3: Arc<S3Zone>) -> Zone {
    Zone::new(NAMES[0], "EU-DE", s3.clone(), s3, SystemClock::shared(), ZoneMetrics::default())
}

/// The program that the variable names, or the one in the path, or the one that `cargo xtask up` has built.
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
pub(crate) struct Keys(pub(crate) Arc<Mutex<std::collections::BTreeMap<String, Secret>>>);

#[async_trait::async_trait]
impl BucketKeys for Keys {
    async fn get(&self, name: &str) -> Result<Option<Secret>, KeysError> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }

    async fn put_new(&self, name: &str, secret: &[u8]) -> Result<Secret, KeysError> {
        let mut all = self.0.lock().unwrap();
        Ok(all.entry(name.to_owned()).or_insert_with(|| Secret::new(secret.to_vec())).clone())
    }

    async fn delete(&self, name: &str) -> Result<(), KeysError> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }
}
