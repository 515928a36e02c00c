//! Engines behind TLS, with certificates of a private authority.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::engines::{engines, test_dir};
use super::redis_server::{GUARD, free_port};
use super::wait::until;

/// A private certificate authority.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: PathBuf,
}

/// A server's certificate and private key.
struct ServerCertificate {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    /// Creates an authority; its files are in the test directory `name`.
    pub(crate) fn create(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let common_name = format!("Authority of {name}");
        let named = &mut params.distinguished_name;
        named.push(DnType::CommonName, common_name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = test_dir(name);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("authority.pem"), issuer.pem()).unwrap();
        Self { issuer, dir }
    }

    /// Returns the path of the authority's certificate, in PEM.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.join("authority.pem")
    }

    /// Issues a certificate for `localhost`.
    fn issue_certificate(&self) -> ServerCertificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let named = &mut params.distinguished_name;
        named.push(DnType::CommonName, "localhost");
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        ServerCertificate { certificate, key }
    }

    /// Forwards TLS connections to a Redis without TLS while the test runs; returns the
    /// `rediss://…` URL.
    pub(crate) async fn start_redis_proxy(&self, port: u16) -> String {
        let ServerCertificate { certificate, key } = self.issue_certificate();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "rediss://localhost:{}",
            listener.local_addr().unwrap().port()
        );
        tokio::spawn(forward(listener, TlsAcceptor::from(Arc::new(config)), port));
        url
    }

    /// Starts a `mongod` that accepts only TLS connections.
    pub(crate) async fn start_mongod(&self) -> TlsMongod {
        let ServerCertificate { certificate, key } = self.issue_certificate();
        let both = self.dir.join("mongod.pem");
        fs::write(&both, certificate.pem() + &key.serialize_pem()).unwrap();
        let data = self.dir.join("mongo");
        fs::create_dir_all(&data).unwrap();
        let port = free_port();
        let (data, both, authority) = (data.display(), both.display(), self.file());
        let conf = self.dir.join("mongod.conf");
        let settings = format!(
            "storage: {{dbPath: \"{data}\", wiredTiger: {{engineConfig: {{cacheSizeGB: 0.25}}}}}}\n\
             net:\n  port: {port}\n  bindIp: 127.0.0.1\n  unixDomainSocket: {{enabled: false}}\n  \
             tls:\n    mode: requireTLS\n    certificateKeyFile: \"{both}\"\n    \
             CAFile: \"{}\"\n    allowConnectionsWithoutCertificates: true\n",
            authority.display(),
        );
        fs::write(&conf, settings).unwrap();
        let guard = Command::new("sh")
            .args(["-c", &GUARD.replace("\"$1\"", "--config \"$1\"")])
            .arg(&engines().mongod)
            .arg(conf)
            .arg(self.dir.join("mongod.log"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let listens = async || TcpStream::connect(("127.0.0.1", port)).await.is_ok();
        until("mongod listens", listens).await;
        TlsMongod { port, guard }
    }
}

/// A `mongod` behind TLS; ended when dropped.
pub(crate) struct TlsMongod {
    port: u16,
    guard: Child,
}

impl TlsMongod {
    /// Returns a `mongodb://…` URI that trusts this authority.
    pub(crate) fn uri(&self, authority: &Authority) -> String {
        let (port, file) = (self.port, authority.file());
        let file = file.display().to_string().replace('/', "%2F");
        format!("mongodb://localhost:{port}/?tls=true&tlsCAFile={file}")
    }
}

impl Drop for TlsMongod {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ended = self.guard.wait();
    }
}

async fn forward(listener: TcpListener, acceptor: TlsAcceptor, port: u16) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A client that does not trust the certificate ends the handshake.
            let Ok(mut outside) = acceptor.accept(stream).await else {
                return;
            };
            let mut inside = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let _ended = copy_bidirectional(&mut outside, &mut inside).await;
        });
    }
}
