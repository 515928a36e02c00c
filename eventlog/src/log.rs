//! The handle that everybody shares.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;

use crate::append::{self, NewCommit};
use crate::appender::{Appender, Written};
use crate::connection::{Connection, Server};
use crate::identity::{Identity, KnownLog, new_epoch};
use crate::memory::RecentMemory;
use crate::settings::Settings;
use crate::{
    Append, Appended, Commit, Entry, Head, Key, Layout, LogError, Memory, Partition, Position,
    Scanned, Tails, UnsafeSetting, Witness, counter, durability, heads, read, server, settings,
};

/// How to open a log.
#[derive(Clone)]
pub struct LogOptions {
    /// `redis://…` or `rediss://…`; any node of a cluster.
    pub url: String,
    /// Certificates, as PEM, of the authorities whose servers are trusted;
    /// `None` trusts those that browsers trust. Only for `rediss://…`.
    pub authorities: Option<Vec<u8>>,
    /// What all keys begin with: several logs can share a server.
    pub namespace: String,
    /// How many partitions; fixed at the first start. `None` takes what is
    /// stored, or [`LogOptions::DEFAULT_PARTITIONS`].
    pub partitions: Option<u16>,
    /// Opens a log on a Redis that could lose acknowledged events.
    pub allow_data_loss: bool,
    /// Who remembers the log outside Redis; `None` trusts Redis alone.
    pub witness: Option<Arc<dyn Witness>>,
}

impl LogOptions {
    /// How many partitions a new log has unless told otherwise.
    pub const DEFAULT_PARTITIONS: u16 = 16;

    /// Buckets of heads per partition and kind. At 512 heads in a bucket Redis
    /// gives up the compact encoding: with 16 partitions that is beyond 16
    /// million aggregates of a kind.
    const BUCKETS: u32 = 2_048;
}

/// An open log. Cloning shares it.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    server: Server,
    namespace: String,
    identity: Arc<Identity>,
    appenders: Vec<Appender>,
    memory: Arc<RecentMemory>,
    unsafe_settings: Vec<UnsafeSetting>,
}

impl Log {
    /// Connects, checks that the server keeps what it acknowledges, and that
    /// the settings are those of the log's creation. Creates the log if there
    /// is none and the witness remembers none.
    ///
    /// # Errors
    /// [`LogError::NotDurable`] unless data loss is allowed;
    /// [`LogError::Pinned`] for another number of partitions than at first;
    /// [`LogError::Format`] for a log of another format; [`LogError::Gone`] if
    /// the witness remembers a log that Redis does not hold.
    pub async fn open(options: &LogOptions) -> Result<Self, LogError> {
        Self::open_or_create(options, Creation::Once).await
    }

    /// Opens the log as Redis holds it now, whatever was seen of it before,
    /// and gives it a new epoch. This is how an operator accepts a restored
    /// copy. A log that is gone is created. Returns the new epoch.
    ///
    /// # Errors
    /// As [`Log::open`], and [`LogError::Unconfirmed`] if the witness does not
    /// answer.
    pub async fn accept(options: &LogOptions) -> Result<(Self, String), LogError> {
        let log = Self::open_or_create(options, Creation::Again).await?;
        let epoch = new_epoch();
        // The witness first: until Redis follows, nobody appends.
        if let Some(witness) = &options.witness {
            let replaced = witness.replace(&epoch).await;
            replaced.map_err(LogError::Unconfirmed)?;
        }
        let mut connection = log.connection();
        for partition in log.partitions() {
            counter::renew(&mut connection, log.layout(), partition, &epoch).await?;
        }
        settings::set_epoch(&mut connection, &log.0.namespace, &epoch).await?;
        log.0.identity.doubt();
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
        Ok(Self(Arc::new(Inner {
            server,
            namespace: namespace.to_owned(),
            identity,
            appenders,
            memory,
            unsafe_settings,
        })))
    }

    /// Partitions, keys and their names.
    pub fn layout(&self) -> &Layout {
        self.0.identity.layout()
    }

    /// All partitions.
    pub fn partitions(&self) -> std::ops::Range<Partition> {
        0..self.layout().partitions()
    }

    /// What could lose events on this server; empty unless that was allowed.
    pub fn unsafe_settings(&self) -> &[UnsafeSetting] {
        &self.0.unsafe_settings
    }

    /// Fixes a setting at the first start: `given`, or else `default`.
    /// Returns the value that holds.
    ///
    /// # Errors
    /// [`LogError::Pinned`] if `given` is not what was fixed before.
    pub async fn pin(
        &self,
        name: &str,
        given: Option<&str>,
        default: &str,
    ) -> Result<String, LogError> {
        let stored = settings::fix(
            &self.connection(),
            &self.0.namespace,
            name,
            given.unwrap_or(default),
        )
        .await?;
        pinned(name, given, stored)
    }

    /// Appends to aggregates of one partition, all with the same metadata: each
    /// append as a whole or not at all. Answers, in order, when all of it is on
    /// disk. An aggregate may be appended to once in a call.
    ///
    /// What fits into one commit is written as one. Where some aggregates have
    /// other versions than expected, the others are written as a commit of
    /// their own at once.
    ///
    /// # Errors
    /// After an error any of the appends may have happened or not. The caller
    /// repeats its command; the expected versions keep it from happening twice.
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
                Written::To(last) => last,
                Written::Conflicts(conflicts) => {
                    for (place, found) in conflicts {
                        outcomes[group[place]] = Some(Appended::Conflict { found });
                    }
                    let others = group.iter().filter(|&&index| outcomes[index].is_none());
                    waiting.splice(0..0, others.copied());
                    continue;
                }
            };
            // A commit's events have consecutive numbers, append after append.
            let mut number = last;
            for &index in group.iter().rev() {
                outcomes[index] = Some(Appended::At(Position { partition, number }));
                number -= appends[index].events.len() as u64;
            }
        }
        // The loop ends when every append has its outcome.
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Heads of aggregates of one partition, in the order asked for.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn heads(
        &self,
        partition: Partition,
        keys: &[&Key],
    ) -> Result<Vec<Option<Head>>, LogError> {
        heads::load(&mut self.connection(), self.layout(), partition, keys).await
    }

    /// Replaces heads of one partition by others of the same version and last
    /// number, such as a newer fold makes of the same events. A head that has
    /// moved on in the meantime stays.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn rewrite_heads(
        &self,
        partition: Partition,
        heads: &[(&Key, Head)],
    ) -> Result<(), LogError> {
        heads::rewrite(&mut self.connection(), self.layout(), partition, heads).await
    }

    /// The buckets of one kind that hold any heads.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn filled_buckets(
        &self,
        partition: Partition,
        kind: &str,
    ) -> Result<Vec<u32>, LogError> {
        heads::filled_buckets(&mut self.connection(), self.layout(), partition, kind).await
    }

    /// All heads in one bucket of one kind, by key; `None` for one that cannot
    /// be read.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn heads_in(
        &self,
        partition: Partition,
        kind: &str,
        bucket: u32,
    ) -> Result<HashMap<String, Option<Head>>, LogError> {
        heads::bucket(
            &mut self.connection(),
            self.layout(),
            partition,
            kind,
            bucket,
        )
        .await
    }

    /// Up to `count` events after a position, in order.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if a number is missing, [`LogError::Trimmed`] if
    /// it is below the floor.
    pub async fn read(&self, after: Position, count: usize) -> Result<Vec<Entry>, LogError> {
        let commits = self.read_commits(after, count).await?;
        Ok(commits
            .into_iter()
            .flat_map(|commit| commit.events)
            .collect())
    }

    /// Up to `count` events after a position, in order, commit by commit. The
    /// first and the last commit may have some of their events only.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub async fn read_commits(
        &self,
        after: Position,
        count: usize,
    ) -> Result<Vec<Commit>, LogError> {
        let read = read::commits(&mut self.connection(), self.layout(), after, count).await?;
        if let Some(commit) = read.last() {
            self.0.identity.saw(Position {
                partition: commit.partition,
                number: commit.last,
            });
        }
        Ok(read)
    }

    /// Some commits after a position, past what is missing or cannot be read:
    /// for those who look for damage.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn scan(&self, after: Position) -> Result<Scanned, LogError> {
        read::scan(&mut self.connection(), self.layout(), after).await
    }

    /// The first position that each partition keeps, in order. Events before
    /// it were trimmed.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn floors(&self) -> Result<Vec<Position>, LogError> {
        let counters = self.counters().await?;
        let floor = |(partition, counter): (Partition, counter::Counter)| Position {
            partition,
            number: counter.floor,
        };
        Ok((0..).zip(counters).map(floor).collect())
    }

    /// Removes whole commits that end before a position; returns the floor
    /// that the partition has then. What views, launches and questions about
    /// the past need must not be trimmed.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn trim(&self, before: Position) -> Result<Position, LogError> {
        counter::trim(&mut self.connection(), self.layout(), before).await
    }

    /// The log epoch, a random id of this log, as this process knows it.
    pub fn epoch(&self) -> Arc<str> {
        self.0.identity.epoch()
    }

    /// Whether Redis holds the log that this process knows, with all that was
    /// seen of it, so that it takes appends.
    ///
    /// # Errors
    /// [`LogError`] that says what is wrong.
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

    /// Events at these positions, in the same order; `None` where there is
    /// none.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
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
            read::at(&mut self.connection(), self.layout(), *partition, &numbers).await
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

    /// All entries of one aggregate, first to last.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if its back pointers lead nowhere.
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

    /// Up to `most` entries of one aggregate, last to first, from the one at
    /// `last`, which has to be its own.
    ///
    /// # Errors
    /// As [`Log::history`].
    pub async fn history_back(
        &self,
        key: &Key,
        last: Position,
        most: usize,
    ) -> Result<Vec<Entry>, LogError> {
        read::history(&mut self.connection(), self.layout(), &key.text, last, most).await
    }

    /// All events of several aggregates of one partition, each up to the given
    /// number of its last one, first to last, in the order asked for.
    ///
    /// # Errors
    /// As [`Log::history`].
    pub async fn histories(
        &self,
        partition: Partition,
        of: &[(&Key, u64)],
    ) -> Result<Vec<Vec<Entry>>, LogError> {
        read::histories(&mut self.connection(), self.layout(), partition, of).await
    }

    /// The last position of a partition; number 0 if it is empty.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn last(&self, partition: Partition) -> Result<Position, LogError> {
        let counter = counter::read(&mut self.connection(), self.layout(), partition).await?;
        let counter = counter.ok_or(LogError::Missing { partition })?;
        if counter.epoch != *self.epoch() {
            // An operator may have accepted another log.
            self.0.identity.doubt();
            self.0.identity.confirmed().await?;
        }
        let number = counter.last;
        let last = Position { partition, number };
        self.0.identity.saw(last);
        Ok(last)
    }

    /// The last position of every partition, in order.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn ends(&self) -> Result<Vec<Position>, LogError> {
        try_join_all(self.partitions().map(|p| self.last(p))).await
    }

    /// Follows the ends of all partitions as they move.
    pub fn tails(&self) -> Tails {
        Tails::start(self.clone())
    }

    /// Memory of the server that has the least left.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn memory(&self) -> Result<Memory, LogError> {
        self.recent_memory(Duration::ZERO).await
    }

    /// As [`Log::memory`], as it was at most so long ago, and after the last
    /// append of this process that Redis had no memory for.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn recent_memory(&self, age: Duration) -> Result<Memory, LogError> {
        self.0.memory.get(&self.connection(), age).await
    }

    /// The server's version, as `7.2.4`; of a cluster, one node's.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn server_version(&self) -> Result<String, LogError> {
        server::version(&self.connection()).await
    }

    /// The bytes of memory that a partition's stream takes, as Redis counts.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
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
        let why = format!("a namespace is made of A-Z a-z 0-9 - _, not {namespace:?}");
        return Err(LogError::Options(why));
    }
    Ok(namespace)
}

/// When a log may be created.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Creation {
    /// Unless the witness remembers one.
    Once,
    /// Whatever was before.
    Again,
}

/// The settings of the log in Redis, which is created if there is none.
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
    pinned(
        "partitions",
        given.as_deref(),
        settings.partitions.to_string(),
    )?;
    Ok(settings)
}

/// Creates the log, or finishes a creation that was cut short. The witness
/// learns of it before Redis, and that it is finished last: in between, a
/// Redis that lost it is told from one that never had it.
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
        let is_new = |known: &KnownLog| !known.created && known.positions.is_empty();
        if known.as_ref().is_some_and(|known| !is_new(known)) {
            return Err(LogError::Gone);
        }
        let introduced = witness.introduce(&settings.epoch).await;
        settings.epoch = introduced.map_err(LogError::Unconfirmed)?;
    }
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

/// The value that is stored, unless another one was given.
fn pinned(name: &str, given: Option<&str>, stored: String) -> Result<String, LogError> {
    match given {
        Some(given) if given != stored => Err(LogError::Pinned {
            name: name.to_owned(),
            stored,
            given: given.to_owned(),
        }),
        _ => Ok(stored),
    }
}
