//! Connection type for both a single Redis and Redis Cluster.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig, PubSub};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    Client, Cmd, ConnectionInfo, IntoConnectionInfo, Pipeline, RedisError, RedisFuture,
    RedisResult, TlsCertificates, Value,
};

use crate::LogError;

/// Time limit for a command. Long, since an fsync on a busy disk can take seconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for establishing a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Multiplexed connection that reconnects by itself. Clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    link: RedisLink,
    drops: Arc<AtomicU64>,
}

/// Client of a single server or of a cluster.
#[derive(Clone)]
pub(crate) enum RedisLink {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Connection {
    fn new(link: RedisLink) -> Self {
        Self {
            link,
            drops: Arc::default(),
        }
    }

    pub(crate) fn link(&self) -> RedisLink {
        self.link.clone()
    }

    /// Returns how often this connection has failed. Both links reconnect only after a
    /// command has failed, so an unchanged count means the same server process.
    pub(crate) fn drops(&self) -> u64 {
        self.drops.load(Ordering::Acquire)
    }
}

/// Wraps a reply to count failures that make a link reconnect.
fn count_failures<'a, T: 'a>(
    drops: Arc<AtomicU64>,
    reply: RedisFuture<'a, T>,
) -> RedisFuture<'a, T> {
    Box::pin(async move {
        let reply = reply.await;
        if reply
            .as_ref()
            .is_err_and(|e| e.is_io_error() || e.is_unrecoverable_error())
        {
            drops.fetch_add(1, Ordering::AcqRel);
        }
        reply
    })
}

/// Address of Redis, and whether it is a cluster.
#[derive(Clone)]
pub(crate) struct RedisServer {
    info: ConnectionInfo,
    certificates: Option<TlsCertificates>,
    cluster: bool,
}

impl RedisServer {
    /// Connects to `url` to determine whether it is a node of a cluster.
    pub(crate) async fn find(url: &str, authorities: Option<&[u8]>) -> Result<Self, LogError> {
        let info = url
            .into_connection_info()
            .map_err(|e| LogError::Options(format!("REDIS_URL: {e}")))?
            .set_tcp_settings(nodelay());
        let certificates = authorities.map(|authorities| TlsCertificates {
            client_tls: None,
            root_cert: Some(authorities.to_vec()),
        });
        let mut server = Self {
            info,
            certificates,
            cluster: false,
        };
        let mut node = server.single(Some(RESPONSE_TIMEOUT)).await?;
        let reply: String = redis::cmd("INFO")
            .arg("cluster")
            .query_async(&mut node)
            .await?;
        server.cluster = reply.contains("cluster_enabled:1");
        Ok(server)
    }

    /// Opens the shared connection, for all commands that do not block.
    pub(crate) async fn connect(&self) -> Result<Connection, LogError> {
        self.open(Some(RESPONSE_TIMEOUT)).await
    }

    /// Opens a separate connection for commands that block for at most `wait`.
    pub(crate) async fn connect_blocking(&self, wait: Duration) -> Result<Connection, LogError> {
        self.open(Some(wait + RESPONSE_TIMEOUT)).await
    }

    /// Opens a connection for subscriptions. In a cluster every node receives all
    /// publications, so any node will do.
    pub(crate) async fn pubsub(&self) -> Result<PubSub, LogError> {
        let client = self.client()?;
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, client.get_async_pubsub());
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        Ok(connecting.await.map_err(late).map_err(RedisError::from)??)
    }

    async fn open(&self, timeout: Option<Duration>) -> Result<Connection, LogError> {
        if !self.cluster {
            return Ok(Connection::new(RedisLink::Single(
                self.single(timeout).await?,
            )));
        }
        let mut builder = ClusterClient::builder([self.info.clone()])
            .tcp_settings(nodelay())
            .connection_timeout(CONNECT_TIMEOUT)
            .retries(3);
        if let Some(timeout) = timeout {
            builder = builder.response_timeout(timeout);
        }
        if let Some(certificates) = &self.certificates {
            builder = builder.certs(certificates.clone());
        }
        let client = builder.build()?;
        let cluster = client.get_async_connection().await?;
        Ok(Connection::new(RedisLink::Cluster(cluster)))
    }

    async fn single(&self, timeout: Option<Duration>) -> Result<ConnectionManager, LogError> {
        // Few and fast retries: callers handle `Unavailable` and should not wait long
        // for it.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(2)
            .set_min_delay(Duration::from_millis(50))
            .set_max_delay(Duration::from_millis(200))
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(timeout);
        Ok(ConnectionManager::new_with_config(self.client()?, config).await?)
    }

    fn client(&self) -> RedisResult<Client> {
        let info = self.info.clone();
        match &self.certificates {
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
            None => Client::open(info),
        }
    }
}

fn nodelay() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        let reply = match &mut self.link {
            RedisLink::Single(connection) => connection.req_packed_command(cmd),
            RedisLink::Cluster(connection) => connection.req_packed_command(cmd),
        };
        count_failures(self.drops.clone(), reply)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let reply = match &mut self.link {
            RedisLink::Single(connection) => {
                connection.req_packed_commands(pipeline, offset, count)
            }
            RedisLink::Cluster(connection) => {
                connection.req_packed_commands(pipeline, offset, count)
            }
        };
        count_failures(self.drops.clone(), reply)
    }

    fn get_db(&self) -> i64 {
        match &self.link {
            RedisLink::Single(connection) => connection.get_db(),
            RedisLink::Cluster(connection) => connection.get_db(),
        }
    }
}
