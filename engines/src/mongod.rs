//! MongoDB as a child process: a single server with a journal, on 127.0.0.1 only.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Bson, doc};
use mongodb::error::Error;
use mongodb::options::ClientOptions;
use tokio::net::TcpStream;

use super::child::Child;
use super::launch::{EngineState, launch};
use super::program::Program;
use super::{Engine, EngineError, files, leftover};

const NAME: &str = "mongod";
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Returns the URI of the MongoDB on the port.
pub(super) fn uri(port: u16) -> String {
    format!("mongodb://127.0.0.1:{port}")
}

/// Starts MongoDB on `<dir>/mongo`, on the wanted port if it is free, and waits until it has
/// recovered its data. Stops a MongoDB of an earlier run first.
pub(super) async fn start(
    dir: &Path,
    program: Program,
    wanted_port: Option<u16>,
) -> Result<Engine, EngineError> {
    let data = files::private_dir(&dir.join("mongo"))?;
    leftover::stop(dir, NAME, &data).await?;

    let program = program.path;
    let spawn = async |port: u16| {
        let mut command = Command::new(&program);
        command
            .arg("--dbpath")
            .arg(&data)
            .args(["--bind_ip", "127.0.0.1", "--nounixsocket"])
            .args(["--port", &port.to_string()])
            .args(["--wiredTigerCacheSizeGB", &cache_gigabytes().to_string()])
            .current_dir(&data);
        Child::spawn(NAME, command, dir).await
    };
    let (port, child) = launch(wanted_port, spawn, probe, async || Ok(false)).await?;
    Ok(Engine {
        program,
        port,
        child,
    })
}

/// Returns the size of MongoDB's cache: an eighth of the memory, from 0.25 to 1 GiB. MongoDB's
/// default is half of the memory, but Redis, the API and the workers share the machine.
fn cache_gigabytes() -> f64 {
    let gigabytes = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| total_kilobytes(&text))
        .map_or(4.0, |kilobytes| kilobytes / f64::from(1 << 20));
    (gigabytes / 8.0).clamp(0.25, 1.0)
}

fn total_kilobytes(meminfo: &str) -> Option<f64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Returns whether the MongoDB on the port is ready. Its process id must be the child's, since
/// another server could have the port.
async fn probe(port: u16, pid: u32) -> EngineState {
    // The driver waits before it retries a server that it did not find, so it is called only
    // after a connection succeeded.
    if let Err(error) = TcpStream::connect(("127.0.0.1", port)).await {
        return EngineState::Busy(format!("no answer yet: {error}"));
    }
    match server_pid(port).await {
        Ok(Some(found)) if found == i64::from(pid) => EngineState::Ready,
        Ok(_) => EngineState::Busy("another server has its port".to_owned()),
        Err(error) => EngineState::Busy(format!("no answer yet: {error}")),
    }
}

async fn server_pid(port: u16) -> Result<Option<i64>, Error> {
    let mut options = ClientOptions::parse(uri(port)).await?;
    options.direct_connection = Some(true);
    options.server_selection_timeout = Some(PROBE_TIMEOUT);
    options.connect_timeout = Some(PROBE_TIMEOUT);
    let client = Client::with_options(options)?;
    let status = client
        .database("admin")
        .run_command(doc! { "serverStatus": 1 })
        .await;
    client.shutdown().immediate(true).await;
    Ok(match status?.get("pid") {
        Some(Bson::Int64(pid)) => Some(*pid),
        Some(Bson::Int32(pid)) => Some(i64::from(*pid)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_parsed_and_the_cache_is_bounded() {
        let meminfo = "MemTotal:       24117248 kB\nMemFree:        1 kB\n";
        assert_eq!(total_kilobytes(meminfo), Some(24_117_248.0));
        assert!((0.25..=1.0).contains(&cache_gigabytes()));
    }
}
