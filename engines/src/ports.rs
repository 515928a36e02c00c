//! Ports on 127.0.0.1. An engine keeps its port across runs where possible, so that processes that
//! still run can reconnect to it.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::log::EngineLog;
use super::{EngineError, files};

const FILE: &str = "ports.json";
const LOWEST: u16 = 10_000;
const TRIES: usize = 100;

/// Ports of the last run.
#[derive(Clone, Copy, Default, Deserialize, Serialize)]
pub(super) struct Ports {
    pub(super) redis: Option<u16>,
    pub(super) mongod: Option<u16>,
}

impl Ports {
    /// Loads the ports. Returns none if the file is missing or unreadable: then new ones are
    /// chosen.
    pub(super) fn load(dir: &Path) -> Self {
        fs::read(dir.join(FILE))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    pub(super) fn save(self, dir: &Path) -> Result<(), EngineError> {
        let path = dir.join(FILE);
        let bytes = serde_json::to_vec(&self)
            .map_err(io::Error::from)
            .map_err(EngineError::file(&path))?;
        files::replace(&path, &bytes)
    }
}

/// Returns the wanted port if it is free, else a random free one.
pub(super) fn choose(wanted: Option<u16>) -> Result<u16, EngineError> {
    if let Some(port) = wanted.filter(|port| bind(*port).is_ok()) {
        return Ok(port);
    }
    // Ports below the range for outgoing connections: a port in it could be taken while an engine
    // restarts, or a reconnecting client could get it as its own port and connect to itself.
    let outgoing_from: u16 = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(32_768);
    let highest = outgoing_from.max(LOWEST + 1000);
    let mut random = rand::rng();
    for _ in 0..TRIES {
        let port = random.random_range(LOWEST..highest);
        if bind(port).is_ok() {
            return Ok(port);
        }
    }
    bind(0).map_err(EngineError::NoPort)
}

/// Returns true if the engine ended because another process took its port between `choose` and
/// its start.
pub(super) fn was_taken(log: &EngineLog) -> bool {
    log.tail().contains("Address already in use")
}

fn bind(port: u16) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_port_is_chosen_only_if_it_is_free() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_ne!(choose(Some(port)).unwrap(), port);
        drop(taken);
        assert_eq!(choose(Some(port)).unwrap(), port);
    }
}
