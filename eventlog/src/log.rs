//! Handle of an open log: appending, reading, and operating it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;

use crate::append::{self, NewCommit};
use crate::appender::{Appender, CommitOutcome};
use crate::connection::{Connection, Server};
use crate::identity::{Identity, KnownLog, new_epoch};
use crate::memory::RecentMemory;
use crate::settings::Settings;
use crate::{
    Append, Appended, Commit, Entry, Head, Key, Layout, LogError, Memory, Partition, Position,
    ScanStep, Tails, UnsafeSetting, Witness, counter, durability, heads, read, server, settings,
};

/// Options for opening a log.
#[derive(Clone)]
pub struct LogOptions {
    /// URL of Redis, `redis://…` or `rediss://…`; any node of a cluster.
    pub url: String,
    /// PEM certificates of the certificate authorities to trust; `None` for those that
    /// browsers trust. Only for `rediss://…`.
    pub authorities: Option<Vec<u8>>,
    /// Prefix of all keys, so that several logs can share a server.
    pub namespace: String,
    /// Number of partitions, 1 to 256; fixed at the first start. `None` for the stored
    /// number, or [`LogOptions::DEFAULT_PARTITIONS`] for a new log.
    pub partitions: Option<u16>,
    /// True to open the log even on a Redis that could lose acknowledged events.
    pub allow_data_loss: bool,
    /// Store outside Redis that remembers the log; `None` trusts Redis alone.
    pub witness: Option<Arc<dyn Witness>>,
}

impl LogOptions {
    /// Default number of partitions of a new log.
    pub const DEFAULT_PARTITIONS: u16 = 16;

    /// Number of buckets of heads per partition and kind. Redis gives up the compact
    /// encoding at 512 heads in a bucket: with 16 partitions, beyond 16 million
    /// aggregates of a kind.
    const BUCKETS: u32 = 2_048;
}

/// Handle of an open log. Clones share the connection and the appenders.
#[derive(Clone)]
pub struct Log(Arc<LogInner>);

struct LogInner {
    server: Server,
    namespace: String,
    identity: Arc<Identity>,
    appenders: Vec<Appender>,
    memory: Arc<RecentMemory>,
    unsafe_settings: Vec<UnsafeSetting>,
}

impl Log {
    /// Connects to Redis and opens the log. Checks that the server is durable and that
    /// the settings match those of the first start. Creates the log if there is none
    /// and the witness remembers none.
    ///
    /// # Errors
    /// [`LogError::NotDurable`] if the server could lose events and that is not
    /// allowed; [`LogError::Pinned`] for another number of partitions than at the
    /// first start; [`LogError::Format`] for a log of another format;
    /// [`LogError::Gone`] if the witness remembers a log that Redis does not hold.
    pub async fn open(options: &LogOptions) -> Result<Self, LogError> {
        Self::open_or_create(options, Creation::Once).await
    }

    /// Accepts the log as Redis holds it now, for instance a restored copy, and gives
    /// it a new epoch. A log that is gone is created. Returns the new epoch.
    ///
    /// # Errors
    /// Those of [`Log::open`], and [`LogError::Unconfirmed`] if the witness does not
    /// answer.
    pub async fn accept(options: &LogOptions) -> Result<(Self, String), LogError> {
        let log = Self::open_or_create(options, Creation::Again).await?;
        let epoch = new_epoch();
        // The witness first: from here until Redis has the new epoch, every process
        // finds that the two differ and appends nothing. In the other order, a
        // process could append to a log that the witness still contradicts.
        if let Some(witness) = &options.witness {
            let replaced = witness.replace(&epoch).await;
            replaced.map_err(LogError::Unconfirmed)?;
        }
        let mut connection = log.connection();
        for partition in log.partitions() {
            counter::renew(&mut connection, log.layout(), partition, &epoch).await?;
        }
        settings::set_epoch(&mut connection, &log.0.namespace, &epoch).await?;
        log.0.identity.revoke();
        Ok((log, epoch))
    }

    async fn open_or_create(options: &LogOptions, creation: Creation) -> Result<Self, LogError> {
        let namespace = check_namespace(&options.namespace)?;
        let server = Server::find(&options.url, options.authorities.as_deref()).await?;
        let connection = server.connect().await?;
        let unsafe_settings = durability::unsafe_settings(&connection).await?;
        if !unsafe_settings.is_empty() {
            if !options.allow_data_loss {
                return Err(LogError::NotDurable(unsafe_settings));
            }
            tracing::warn!(
                error = %LogError::NotDurable(unsafe_settings.clone()),
                "running on a Redis that can lose data, as allowed"
            );
        }
        let settings = settings_of(&connection, namespace, options, creation).await?;
        let layout = Layout::new(namespace, settings.partitions, settings.buckets);
        let witness = options.witness.clone();
        let identity = Identity::new(connection, namespace, layout, &settings.epoch, witness);
        let identity = Arc::new(identity);
        let memory = Arc::<RecentMemory>::default();
        let appenders = (0..settings.partitions)
            .map(|partition| Appender::start(identity.clone(), memory.clone(), partition))
            .collect();
        Ok(Self(Arc::new(LogInner {
            server,
            namespace: namespace.to_owned(),
            identity,
            appenders,
            memory,
            unsafe_settings,
        })))
    }

    /// Returns the layout: partitions and names of Redis keys.
    pub fn layout(&self) -> &Layout {
        self.0.identity.layout()
    }

    /// Returns all partitions.
    pub fn partitions(&self) -> std::ops::Range<Partition> {
        0..self.layout().partitions()
    }

    /// Returns the settings of this server that could lose events; empty unless that
    /// was allowed.
    pub fn unsafe_settings(&self) -> &[UnsafeSetting] {
        &self.0.unsafe_settings
    }

    /// Fixes a setting at the first start to `given`, or else to `default`. Returns the
    /// value that is fixed.
    ///
    /// # Errors
    /// [`LogError::Pinned`] if `given` differs from the value fixed before.
    pub async fn pin(
        &self,
        name: &str,
        given: Option<&str>,
        default: &str,
    ) -> Result<String, LogError> {
        let stored = settings::set_once(
            &self.connection(),
            &self.0.namespace,
            name,
            given.unwrap_or(default),
        )
        .await?;
        check_pinned(name, given, stored)
    }

    /// Appends to aggregates of one partition, all with the same metadata; each append
    /// is written as a whole or not at all. Returns the outcomes in the same order,
    /// when everything is on disk. A call may contain each aggregate once.
    ///
    /// Appends share a commit as far as they fit. If some aggregates have other
    /// versions than expected, the others are written in a commit of their own.
    ///
    /// # Errors
    /// After an error each of the appends may or may not have been written. The caller
    /// repeats its command; the expected versions prevent a second append.
    pub async fn append(
        &self,
        partition: Partition,
        meta: Arc<str>,
        appends: Vec<Append>,
    ) -> Result<Vec<Appended>, LogError> {
        debug_assert!(appends.iter().all(|a| a.key.partition == partition));
        append::check(&appends)?;
        let appender = self.0.appenders.get(usize::from(partition));
        let appender = appender.ok_or_else(|| self.no_such(partition))?;
        let mut outcomes: Vec<Option<Appended>> = vec![None; appends.len()];
        let mut waiting: Vec<usize> = (0..appends.len()).collect();
        while !waiting.is_empty() {
            let next = waiting.iter().map(|&index| &appends[index]);
            let rest = waiting.split_off(append::commit_size(next));
            let group = std::mem::replace(&mut waiting, rest);
            let commit: Vec<&Append> = group.iter().map(|&index| &appends[index]).collect();
            let last = match appender.append(NewCommit::of(&meta, &commit)).await? {
                CommitOutcome::Committed(last) => last,
                CommitOutcome::Conflicts(conflicts) => {
                    for (place, found) in conflicts {
                        outcomes[group[place]] = Some(Appended::Conflict { found });
                    }
                    // The whole commit was skipped. The appends without a conflict are
                    // put back in front and written in the next round. Each round settles
                    // at least one append, so the loop ends.
                    let others = group.iter().filter(|&&index| outcomes[index].is_none());
                    waiting.splice(0..0, others.copied());
                    continue;
                }
            };
            // The events of a commit have consecutive numbers, so the positions
            // follow from the last number, counted back.
            let mut number = last;
            for &index in group.iter().rev() {
                outcomes[index] = Some(Appended::At(Position { partition, number }));
                number -= appends[index].events.len() as u64;
            }
        }
        // Every append has its outcome here, so `flatten` drops nothing.
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Returns the heads of aggregates of one partition, in the order of `keys`; `None`
    /// for an aggregate that does not exist.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn heads(
        &self,
        partition: Partition,
        keys: &[&Key],
    ) -> Result<Vec<Option<Head>>, LogError> {
        heads::load(&mut self.connection(), self.layout(), partition, keys).await
    }

    /// Replaces heads of one partition with others of the same version and last number,
    /// for example after a change of the fold. Heads that changed in the meantime are
    /// kept.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be written.
    pub async fn rewrite_heads(
        &self,
        partition: Partition,
        heads: &[(&Key, Head)],
    ) -> Result<(), LogError> {
        heads::rewrite(&mut self.connection(), self.layout(), partition, heads).await
    }

    /// Returns the buckets of one kind that are not empty.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn filled_buckets(
        &self,
        partition: Partition,
        kind: &str,
    ) -> Result<Vec<u32>, LogError> {
        heads::filled_buckets(&mut self.connection(), self.layout(), partition, kind).await
    }

    /// Returns all heads in one bucket of one kind, by key; `None` for a head that is
    /// not readable.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn heads_in(
        &self,
        partition: Partition,
        kind: &str,
        bucket: u32,
    ) -> Result<HashMap<String, Option<Head>>, LogError> {
        heads::load_bucket(
            &mut self.connection(),
            self.layout(),
            partition,
            kind,
            bucket,
        )
        .await
    }

    /// Reads up to `count` events after a position, in order.
    ///
    /// # Errors
    /// [`LogError::Trimmed`] if a missing number is below the floor,
    /// [`LogError::Damaged`] if it is not.
    pub async fn read(&self, after: Position, count: usize) -> Result<Vec<Entry>, LogError> {
        let commits = self.read_commits(after, count).await?;
        Ok(commits
            .into_iter()
            .flat_map(|commit| commit.events)
            .collect())
    }

    /// Reads up to `count` events after a position, in order, commit by commit. The
    /// first and the last commit may be partial.
    ///
    /// # Errors
    /// Those of [`Log::read`].
    pub async fn read_commits(
        &self,
        after: Position,
        count: usize,
    ) -> Result<Vec<Commit>, LogError> {
        let read = read::commits(&mut self.connection(), self.layout(), after, count).await?;
        if let Some(commit) = read.last() {
            self.0.identity.record_seen(Position {
                partition: commit.partition,
                number: commit.last,
            });
        }
        Ok(read)
    }

    /// Reads some commits after a position, and continues after missing or unreadable
    /// entries. Used for finding damage.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn scan(&self, after: Position) -> Result<ScanStep, LogError> {
        read::scan(&mut self.connection(), self.layout(), after).await
    }

    /// Returns the floor of each partition, in order: its first position that was not
    /// trimmed.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn floors(&self) -> Result<Vec<Position>, LogError> {
        let counters = self.counters().await?;
        let floor = |(partition, counter): (Partition, counter::Counter)| Position {
            partition,
            number: counter.floor,
        };
        Ok((0..).zip(counters).map(floor).collect())
    }

    /// Removes whole commits that end before a position. Returns the partition's new
    /// floor. The caller must not trim events that views, launches or queries about
    /// the past still need.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn trim(&self, before: Position) -> Result<Position, LogError> {
        counter::trim(&mut self.connection(), self.layout(), before).await
    }

    /// Returns the log epoch, a random id of this log, as this process knows it.
    pub fn epoch(&self) -> Arc<str> {
        self.0.identity.epoch()
    }

    /// Checks that Redis holds the log that this process knows, with all events that
    /// were seen, so that it accepts appends.
    ///
    /// # Errors
    /// [`LogError`] with the reason if it does not.
    pub async fn check(&self) -> Result<(), LogError> {
        self.0.identity.check().await
    }

    async fn counters(&self) -> Result<Vec<counter::Counter>, LogError> {
        let counters = counter::read_all(&mut self.connection(), self.layout()).await?;
        let found = |(partition, counter): (Partition, Option<counter::Counter>)| {
            counter.ok_or(LogError::Missing { partition })
        };
        (0..).zip(counters).map(found).collect()
    }

    /// Returns the events at these positions, in the same order; `None` for a position
    /// without an event.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn entries(&self, positions: &[Position]) -> Result<Vec<Option<Entry>>, LogError> {
        let mut by_partition: HashMap<Partition, Vec<usize>> = HashMap::new();
        for (index, position) in positions.iter().enumerate() {
            by_partition
                .entry(position.partition)
                .or_default()
                .push(index);
        }
        let reads = by_partition.iter().map(async |(partition, indices)| {
            let numbers: Vec<_> = indices.iter().map(|i| positions[*i].number).collect();
            read::events_at(&mut self.connection(), self.layout(), *partition, &numbers).await
        });
        let mut found = vec![None; positions.len()];
        let replies = try_join_all(reads).await?;
        for (indices, entries) in by_partition.values().zip(replies) {
            for (index, entry) in indices.iter().zip(entries) {
                found[*index] = entry;
            }
        }
        Ok(found)
    }

    /// Returns all events of one aggregate, first to last.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if a back pointer does not lead to an event of the
    /// aggregate, [`LogError::Trimmed`] if that event was trimmed.
    pub async fn history(&self, key: &Key) -> Result<Vec<Entry>, LogError> {
        let head = self.heads(key.partition, &[key]).await?.pop().flatten();
        let last = Position {
            partition: key.partition,
            number: head.map_or(0, |head| head.last),
        };
        let mut history = self.history_back(key, last, usize::MAX).await?;
        history.reverse();
        Ok(history)
    }

    /// Returns up to `most` events of one aggregate, last to first, starting with the
    /// event at `last`, which must belong to the aggregate.
    ///
    /// # Errors
    /// Those of [`Log::history`].
    pub async fn history_back(
        &self,
        key: &Key,
        last: Position,
        most: usize,
    ) -> Result<Vec<Entry>, LogError> {
        read::history(&mut self.connection(), self.layout(), &key.text, last, most).await
    }

    /// Returns all events of several aggregates of one partition, in the order of `of`,
    /// each first to last. Each aggregate comes with the number of its last event to
    /// return.
    ///
    /// # Errors
    /// Those of [`Log::history`].
    pub async fn histories(
        &self,
        partition: Partition,
        of: &[(&Key, u64)],
    ) -> Result<Vec<Vec<Entry>>, LogError> {
        read::histories(&mut self.connection(), self.layout(), partition, of).await
    }

    /// Returns the last position of a partition; number 0 if it is empty.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn last(&self, partition: Partition) -> Result<Position, LogError> {
        let counter = counter::read(&mut self.connection(), self.layout(), partition).await?;
        let counter = counter.ok_or(LogError::Missing { partition })?;
        if counter.epoch != *self.epoch() {
            // An operator may have accepted another log; `confirmed` adopts its epoch
            // or reports the difference.
            self.0.identity.revoke();
            self.0.identity.confirmed().await?;
        }
        let number = counter.last;
        let last = Position { partition, number };
        self.0.identity.record_seen(last);
        Ok(last)
    }

    /// Returns the last position of every partition, in order.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn ends(&self) -> Result<Vec<Position>, LogError> {
        try_join_all(self.partitions().map(|p| self.last(p))).await
    }

    /// Starts to follow the ends of all partitions.
    pub fn tails(&self) -> Tails {
        Tails::start(self.clone())
    }

    /// Returns the memory of the server with the least left.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn memory(&self) -> Result<Memory, LogError> {
        self.recent_memory(Duration::ZERO).await
    }

    /// Returns a sample of [`Log::memory`] that is at most `age` old, and newer than
    /// the last append of this process that failed for lack of memory.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn recent_memory(&self, age: Duration) -> Result<Memory, LogError> {
        self.0.memory.get(&self.connection(), age).await
    }

    /// Returns the version of the server, such as `7.2.4`; in a cluster, of one node.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn server_version(&self) -> Result<String, LogError> {
        server::version(&self.connection()).await
    }

    /// Returns the memory of a partition's stream in bytes, as Redis estimates it.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn stream_bytes(&self, partition: Partition) -> Result<u64, LogError> {
        let bytes: Option<u64> = redis::cmd("MEMORY")
            .arg("USAGE")
            .arg(self.layout().stream(partition))
            .query_async(&mut self.connection())
            .await?;
        Ok(bytes.unwrap_or_default())
    }

    pub(crate) fn connection(&self) -> Connection {
        self.0.identity.connection()
    }

    pub(crate) fn server(&self) -> &Server {
        &self.0.server
    }

    fn no_such(&self, partition: Partition) -> LogError {
        let count = self.layout().partitions();
        LogError::Options(format!("there is no partition {partition} of {count}"))
    }
}

fn check_namespace(namespace: &str) -> Result<&str, LogError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if namespace.is_empty() || !namespace.chars().all(plain) {
        let why = format!("a namespace consists of A-Z a-z 0-9 - _, unlike {namespace:?}");
        return Err(LogError::Options(why));
    }
    Ok(namespace)
}

/// Condition under which a log may be created.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Creation {
    /// Only if the witness remembers no log.
    Once,
    /// In any case: an operator accepts that an earlier log is gone.
    Again,
}

/// Reads the settings of the log from Redis, and creates the log if there is none.
async fn settings_of(
    connection: &Connection,
    namespace: &str,
    options: &LogOptions,
    creation: Creation,
) -> Result<Settings, LogError> {
    let given = options.partitions;
    if given.is_some_and(|p| !(1..=256).contains(&p)) {
        return Err(LogError::Options(
            "a log has 1 to 256 partitions".to_owned(),
        ));
    }
    let mut connection = connection.clone();
    let settings = match settings::read(&mut connection, namespace).await? {
        Some(settings) if settings.created => settings,
        unfinished => create(&mut connection, namespace, options, creation, unfinished).await?,
    };
    let given = given.map(|given| given.to_string());
    check_pinned(
        "partitions",
        given.as_deref(),
        settings.partitions.to_string(),
    )?;
    Ok(settings)
}

/// Creates the log, or finishes a creation that was interrupted.
///
/// The order of writes lets every later start distinguish a Redis that lost its log from
/// one that never had it: the epoch goes to the witness before Redis, and the mark that
/// the log is created goes to the witness last.
async fn create(
    connection: &mut Connection,
    namespace: &str,
    options: &LogOptions,
    creation: Creation,
    unfinished: Option<Settings>,
) -> Result<Settings, LogError> {
    let mut settings = unfinished.unwrap_or_else(|| Settings {
        epoch: new_epoch(),
        partitions: options.partitions.unwrap_or(LogOptions::DEFAULT_PARTITIONS),
        buckets: LogOptions::BUCKETS,
        created: false,
    });
    let witness = options.witness.as_ref();
    if let (Some(witness), Creation::Once) = (witness, creation) {
        let known = witness.recall().await.map_err(LogError::Unconfirmed)?;
        // A log that is not marked as created holds no events: an interrupted creation
        // may be repeated. Otherwise events have been lost with the log.
        let is_new = |known: &KnownLog| !known.created && known.positions.is_empty();
        if known.as_ref().is_some_and(|known| !is_new(known)) {
            return Err(LogError::Gone);
        }
        // Processes that create the log at the same time all use the epoch that the
        // witness stored first.
        let introduced = witness.introduce(&settings.epoch).await;
        settings.epoch = introduced.map_err(LogError::Unconfirmed)?;
    }
    // `created` is set only after all counters exist, so that a process never appends
    // to a log whose counters are incomplete.
    let settings = settings::begin(connection, namespace, &settings).await?;
    let layout = Layout::new(namespace, settings.partitions, settings.buckets);
    for partition in 0..settings.partitions {
        counter::create(connection, &layout, partition, &settings.epoch).await?;
    }
    settings::finish(connection, namespace).await?;
    if let (Some(witness), Creation::Once) = (witness, creation) {
        let marked = witness.mark_created(&settings.epoch).await;
        marked.map_err(LogError::Unconfirmed)?;
    }
    Ok(settings)
}

/// Returns the stored value.
///
/// # Errors
/// [`LogError::Pinned`] if another value was given.
fn check_pinned(name: &str, given: Option<&str>, stored: String) -> Result<String, LogError> {
    match given {
        Some(given) if given != stored => Err(LogError::Pinned {
            name: name.to_owned(),
            stored,
            given: given.to_owned(),
        }),
        _ => Ok(stored),
    }
}
