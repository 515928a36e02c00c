//! Queries to every server behind a connection.

use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{Cmd, Value};

use crate::LogError;
use crate::connection::{Connection, RedisLink};

/// Returns the reply of each primary, in no particular order.
pub(crate) async fn query_all(connection: &Connection, cmd: &Cmd) -> Result<Vec<Value>, LogError> {
    match connection.link() {
        RedisLink::Single(mut single) => Ok(vec![cmd.query_async(&mut single).await?]),
        RedisLink::Cluster(mut cluster) => {
            let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
            match cluster.route_command(cmd.clone(), all).await? {
                Value::Map(nodes) => Ok(nodes.into_iter().map(|(_, answer)| answer).collect()),
                Value::Array(answers) => Ok(answers),
                other => Ok(vec![other]),
            }
        }
    }
}

/// Returns the version of a server.
pub(crate) async fn version(connection: &Connection) -> Result<String, LogError> {
    let mut info = redis::cmd("INFO");
    info.arg("server");
    let answer = query_all(connection, &info).await?.pop();
    let text: String =
        redis::from_redis_value(answer.unwrap_or(Value::Nil)).map_err(redis::RedisError::from)?;
    Ok(info_field(&text, "redis_version")
        .unwrap_or_default()
        .to_owned())
}

/// Returns the value of a field in a reply of INFO.
pub(crate) fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines()
        .filter_map(|line| line.trim_end().split_once(':'))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
