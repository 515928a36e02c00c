//! A Redis server for one test, with custom settings.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use redis::aio::MultiplexedConnection;

use super::engines::{engines, test_dir};
use super::wait::until;

/// Settings that the log requires.
pub(crate) const DURABLE: &str = "appendonly yes\nappendfsync always\naof-load-truncated no\n\
                                  maxmemory-policy noeviction\nno-appendfsync-on-rewrite no\n";

/// Shell script that runs the server and kills it when standard input closes, which also happens
/// when the test process is killed.
pub(crate) const GUARD: &str = r#""$0" "$1" >"$2" 2>&1 & cat; kill -9 $!; wait"#;

/// A `redis-server` on a free port of 127.0.0.1; ended when dropped.
#[derive(Debug)]
pub(crate) struct RedisServer {
    pub(crate) port: u16,
    guard: Child,
}

impl RedisServer {
    /// Starts a server with these lines of configuration, and its data in the test directory
    /// `name`.
    pub(crate) async fn start(name: &str, settings: &str) -> Self {
        let dir = test_dir(name);
        fs::create_dir_all(&dir).unwrap();
        let port = free_port();
        let (conf, data) = (dir.join("redis.conf"), dir.display());
        let text = format!("bind 127.0.0.1\nport {port}\ndir \"{data}\"\nsave \"\"\n{settings}");
        fs::write(&conf, text).unwrap();
        let guard = Command::new("sh")
            .args(["-c", GUARD])
            .arg(&engines().redis_server)
            .arg(conf)
            .arg(dir.join("log"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let server = Self { port, guard };
        until("Redis answers", async || server.try_connect().await.is_ok()).await;
        server
    }

    /// Returns the URL, `redis://…`.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        self.try_connect().await.unwrap()
    }

    /// Changes a setting with `CONFIG SET`.
    pub(crate) async fn set_config(&self, name: &str, value: impl ToString) {
        let mut redis = self.connect().await;
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg(name).arg(value.to_string());
        set.exec_async(&mut redis).await.unwrap();
    }

    /// Returns how often a command was called since the server's start.
    pub(crate) async fn call_count(&self, command: &str) -> u64 {
        let mut info = redis::cmd("INFO");
        info.arg("commandstats");
        let info: String = info.query_async(&mut self.connect().await).await.unwrap();
        let prefix = format!("cmdstat_{command}:calls=");
        let line = info.lines().find_map(|line| line.strip_prefix(&prefix));
        line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
    }

    async fn try_connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        let client = redis::Client::open(self.url())?;
        client.get_multiplexed_async_connection().await
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ended = self.guard.wait();
    }
}

/// Returns a free port. The port and the cluster's port, 10,000 above it, are below the range from
/// which the system assigns ports, so no other process gets them by chance.
pub(crate) fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| rand::random_range(12_000..22_000))
        .find(|port| free(port) && free(&(port + 10_000)))
        .unwrap()
}
