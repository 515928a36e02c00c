//! Which Redis key holds what, and which partition an aggregate lives in.

use std::fmt;
use std::sync::Arc;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::Partition;

/// The names of all keys of one namespace.
///
/// A partition's keys share the hash tag `{NS:07}`: one script can touch them
/// all, on Redis Cluster too.
#[derive(Debug, Clone)]
pub struct Layout {
    namespace: Arc<str>,
    partitions: u16,
    buckets: u32,
}

/// An aggregate's key (`order/c-1/o-17`) and the partition it lives in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The aggregate's key; what stands before the first `/` is its kind.
    pub text: Box<str>,
    /// Its partition.
    pub partition: Partition,
}

impl Key {
    /// What stands before the first `/`.
    pub fn kind(&self) -> &str {
        self.text.split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Layout {
    pub(crate) fn new(namespace: &str, partitions: u16, buckets: u32) -> Self {
        Self {
            namespace: namespace.into(),
            partitions,
            buckets,
        }
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> u16 {
        self.partitions
    }

    /// How many buckets of heads each partition has for one kind.
    pub fn buckets(&self) -> u32 {
        self.buckets
    }

    /// The partition of all that is routed by this text, an id.
    pub fn partition_of(&self, route: &str) -> Partition {
        // The remainder is below a u16.
        (xxh3_64(route.as_bytes()) % u64::from(self.partitions)) as Partition
    }

    /// An aggregate's key, with its partition decided by `route`.
    pub fn key(&self, text: String, route: &str) -> Key {
        Key {
            partition: self.partition_of(route),
            text: text.into_boxed_str(),
        }
    }

    /// An aggregate's key in this partition, whatever its id.
    pub fn key_in(&self, text: String, partition: Partition) -> Key {
        Key {
            partition,
            text: text.into_boxed_str(),
        }
    }

    pub(crate) fn stream(&self, partition: Partition) -> String {
        format!("{{{}:{partition:02}}}:log", self.namespace)
    }

    /// The counter: log epoch, number of the last event, floor.
    pub(crate) fn counter(&self, partition: Partition) -> String {
        format!("{{{}:{partition:02}}}:counter", self.namespace)
    }

    /// The bucket that holds an aggregate's head. Kinds do not share buckets:
    /// one large head would cost all its neighbours the compact encoding.
    pub(crate) fn bucket_of(&self, key: &Key) -> String {
        // Another seed than the partition's: else all keys of one partition
        // would fall into the same few buckets.
        let bucket = xxh3_64_with_seed(key.text.as_bytes(), 1) % u64::from(self.buckets);
        self.bucket(key.partition, key.kind(), bucket as u32)
    }

    pub(crate) fn bucket(&self, partition: Partition, kind: &str, bucket: u32) -> String {
        format!(
            "{{{}:{partition:02}}}:heads:{kind}:{bucket}",
            self.namespace
        )
    }

    pub(crate) fn settings(namespace: &str) -> String {
        format!("{{{namespace}}}:settings")
    }

    /// The live workers of a role.
    pub(crate) fn workers(&self, role: &str) -> String {
        format!("{{{}}}:workers:{role}", self.namespace)
    }

    /// The owner of each partition in a role.
    pub(crate) fn owners(&self, role: &str) -> String {
        format!("{{{}}}:owners:{role}", self.namespace)
    }

    /// The tokens of an aggregate's rate that count.
    pub(crate) fn tokens(&self, key: &Key) -> String {
        format!("{{{}:{:02}}}:tokens:{key}", self.namespace, key.partition)
    }

    /// When an aggregate's next tokens may be taken.
    pub(crate) fn token_pace(&self, key: &Key) -> String {
        format!("{{{}:{:02}}}:pace:{key}", self.namespace, key.partition)
    }

    /// The channel of notices of what was folded.
    pub(crate) fn folded(&self) -> String {
        format!("{{{}}}:folded", self.namespace)
    }

    pub(crate) fn lease(&self, name: &str) -> String {
        format!("{{{}}}:lease:{name}", self.namespace)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_of_one_partition_spread_over_all_buckets() {
        let layout = Layout::new("t", 16, 64);
        let buckets: HashSet<_> = (0..20_000)
            .map(|n| layout.key(format!("customer/{n}"), &n.to_string()))
            .filter(|key| key.partition == 3)
            .map(|key| layout.bucket_of(&key))
            .collect();
        assert_eq!(buckets.len(), 64);
    }

    #[test]
    fn the_routing_never_changes() {
        // Stored data depends on these.
        let layout = Layout::new("patron", 16, 2048);
        let key = layout.key("order/00001/cdnow-2".to_owned(), "00001");
        assert_eq!(key.partition, 13);
        assert_eq!(layout.stream(9), "{patron:09}:log");
        assert_eq!(layout.bucket_of(&key), "{patron:13}:heads:order:48");
    }
}
