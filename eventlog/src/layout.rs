//! Names of Redis keys, and the routing of aggregates to partitions.

use std::fmt;
use std::sync::Arc;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::Partition;

/// Names of all keys of one namespace.
///
/// The keys of a partition share the hash tag `{NS:07}`, so that one script can access
/// all of them in Redis Cluster too.
#[derive(Debug, Clone)]
pub struct Layout {
    namespace: Arc<str>,
    partitions: u16,
    buckets: u32,
}

/// Key of an aggregate (`order/c-1/o-17`), and its partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Text of the key; the part before the first `/` is the kind.
    pub text: Box<str>,
    /// Partition of the aggregate.
    pub partition: Partition,
}

impl Key {
    /// Returns the kind of the aggregate: the part before the first `/`.
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

    /// Returns the namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the number of partitions.
    pub fn partitions(&self) -> u16 {
        self.partitions
    }

    /// Returns the number of buckets of heads per partition and kind.
    pub fn buckets(&self) -> u32 {
        self.buckets
    }

    /// Returns the partition of aggregates with this routing id.
    pub fn partition_of(&self, route: &str) -> Partition {
        // The remainder is less than a `u16`, so the cast is lossless.
        (xxh3_64(route.as_bytes()) % u64::from(self.partitions)) as Partition
    }

    /// Returns the key of an aggregate whose partition follows from `route`.
    pub fn key(&self, text: String, route: &str) -> Key {
        Key {
            partition: self.partition_of(route),
            text: text.into_boxed_str(),
        }
    }

    /// Returns the key of an aggregate in a given partition, independent of its id.
    pub fn key_in(&self, text: String, partition: Partition) -> Key {
        Key {
            partition,
            text: text.into_boxed_str(),
        }
    }

    pub(crate) fn stream(&self, partition: Partition) -> String {
        format!("{{{}:{partition:02}}}:log", self.namespace)
    }

    /// Returns the key of a counter: log epoch, number of the last event, floor.
    pub(crate) fn counter(&self, partition: Partition) -> String {
        format!("{{{}:{partition:02}}}:counter", self.namespace)
    }

    /// Returns the key of the bucket that holds an aggregate's head.
    pub(crate) fn bucket_of(&self, key: &Key) -> String {
        // Another seed than the partition's. With the same one, all keys of a
        // partition would fall into the same few buckets.
        let bucket = xxh3_64_with_seed(key.text.as_bytes(), 1) % u64::from(self.buckets);
        // One bucket per kind: a single large head makes Redis give up the compact
        // encoding for its whole bucket, which must not affect other kinds.
        self.bucket(key.partition, key.kind(), bucket as u32)
    }

    /// Returns the key of a bucket of heads.
    pub fn bucket(&self, partition: Partition, kind: &str, bucket: u32) -> String {
        format!(
            "{{{}:{partition:02}}}:heads:{kind}:{bucket}",
            self.namespace
        )
    }

    pub(crate) fn settings(namespace: &str) -> String {
        format!("{{{namespace}}}:settings")
    }

    /// Returns the key of the live workers of a role.
    pub(crate) fn workers(&self, role: &str) -> String {
        format!("{{{}}}:workers:{role}", self.namespace)
    }

    /// Returns the key of the owners of partitions in a role.
    pub(crate) fn owners(&self, role: &str) -> String {
        format!("{{{}}}:owners:{role}", self.namespace)
    }

    /// Returns the key of the tokens that count toward an aggregate's rate.
    pub(crate) fn tokens(&self, key: &Key) -> String {
        format!("{{{}:{:02}}}:tokens:{key}", self.namespace, key.partition)
    }

    /// Returns the key of the time at which an aggregate's next tokens may be taken.
    pub(crate) fn token_pace(&self, key: &Key) -> String {
        format!("{{{}:{:02}}}:pace:{key}", self.namespace, key.partition)
    }

    /// Returns the channel of notices of folded events.
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
        // Stored data depends on these values.
        let layout = Layout::new("patron", 16, 2048);
        let key = layout.key("order/00001/cdnow-2".to_owned(), "00001");
        assert_eq!(key.partition, 13);
        assert_eq!(layout.stream(9), "{patron:09}:log");
        assert_eq!(layout.bucket_of(&key), "{patron:13}:heads:order:48");
    }
}
