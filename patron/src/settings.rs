//! Settings of the process, for `GET /api/admin/settings`.
//!
//! The list is made from the command's own options, so that it has every option, and the
//! value and the source that the process uses.

use api::{Setting, SettingSource};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::deployment::Deployment;
use crate::logging;

/// Names of the settings, in the order of docs/configuration.md.
const ORDER: &[&str] = &[
    "REDIS_URL",
    "REDIS_CA_FILE",
    "MONGODB_URI",
    "--data-dir",
    "PATRON_BIN_DIR",
    "PATRON_NAMESPACE",
    "PATRON_DATABASE",
    "PATRON_PARTITIONS",
    "PATRON_CURRENCY",
    "PATRON_TIME_ZONE",
    "PATRON_ADDRESS_KEY",
    "PATRON_ALLOW_DATA_LOSS",
    "PATRON_LISTEN",
    "PATRON_BOOTSTRAP_KEY",
    "PATRON_VENDOR_SECRET",
    "PATRON_COUNTRY",
    "PATRON_EMAIL_DOMAINS",
    "PATRON_SOFT_BOUNCES",
    "PATRON_NO_CONSOLE",
    "PATRON_READY_LAG",
    "GOOGLE_CLIENT_ID",
    "GOOGLE_CLIENT_SECRET",
    "PATRON_OIDC_ISSUER",
    "PATRON_PUBLIC_URL",
    "PATRON_ALLOWED_ORIGINS",
    "PATRON_ADMIN_EMAILS",
    "PATRON_ALLOWED_DOMAINS",
    "PATRON_SESSION_KEYS",
    "PATRON_RATE_PER_CREDENTIAL",
    "PATRON_RATE_PER_ADDRESS",
    "PATRON_MAX_REQUESTS",
    "PATRON_MAX_CONNECTIONS",
    "PATRON_MAX_LOG_READS",
    "PATRON_JOB_AFTER",
    "PATRON_SLOW_CLIENT_TIMEOUT",
    "PATRON_TRUSTED_PROXIES",
    "PATRON_IMPORT_DIR",
    "PATRON_IMPORT_MAX_BYTES",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "PATRON_AI_TIMEOUT",
    "PATRON_AI_PER_MINUTE",
    "PATRON_VENDOR_LISTEN",
    "PATRON_DELIVERY_CONCURRENCY",
    "PATRON_DELIVERY_TIMEOUT",
    "PATRON_DELIVERY_ATTEMPTS",
    "PATRON_DELIVERY_FIRST_BACKOFF",
    "PATRON_DELIVERY_LONGEST_BACKOFF",
    "PATRON_RECEIPT_WINDOW",
    "PATRON_SCHEDULE_GRACE",
    "PATRON_MAX_MESSAGES_PER_WEEK",
    "PATRON_LOG",
    "PATRON_LOG_FORMAT",
];

/// URLs of the engines. They are hidden from `--help` because of their credentials, but are
/// listed without them.
const ENGINES: [&str; 2] = ["REDIS_URL", "MONGODB_URI"];

/// Settings of a command, as the process uses them.
pub(crate) struct Settings(Vec<Setting>);

impl Settings {
    /// Returns the settings of the subcommand that was parsed, and those of the log.
    pub(crate) fn of(program: &Command, matches: &ArgMatches) -> Self {
        let parsed = matches.subcommand();
        let parsed = parsed.and_then(|(name, matches)| {
            let command = program.find_subcommand(name)?;
            Some((command, matches))
        });
        let options = parsed.into_iter().flat_map(|(command, matches)| {
            let options = command.get_arguments();
            options.map(move |option| setting(option, matches))
        });
        let mut all: Vec<Setting> = options.chain(logging::settings()).collect();
        let place = |name: &str| ORDER.iter().position(|known| *known == name);
        all.sort_by_key(|setting| place(&setting.name).unwrap_or(ORDER.len()));
        Self(all)
    }

    /// Sets the value that the process uses because the setting is not set. A secret has a
    /// value that is not shown.
    pub(crate) fn set_default(&mut self, name: &str, value: &str) {
        let found = self.0.iter_mut().find(|setting| setting.name == name);
        if let Some(setting) = found.filter(|setting| setting.source == SettingSource::Unset) {
            setting.source = SettingSource::Default;
            setting.value = match setting.secret {
                true => None,
                false => shown(name, value),
            };
        }
    }

    /// Sets the values that the deployment's first start fixed, and returns all settings.
    pub(crate) fn in_deployment(mut self, deployment: &Deployment) -> Vec<Setting> {
        let partitions = deployment.log.layout().partitions().to_string();
        for (name, value) in [
            ("PATRON_PARTITIONS", partitions.as_str()),
            ("PATRON_CURRENCY", deployment.commands.currency().code()),
            ("PATRON_TIME_ZONE", deployment.store.zone().name()),
        ] {
            for setting in self.0.iter_mut().filter(|setting| setting.name == name) {
                setting.source = SettingSource::Deployment;
                setting.value = Some(value.to_owned());
            }
        }
        self.0
    }
}

/// Returns the setting of an option. A blank value counts as unset.
fn setting(option: &Arg, matches: &ArgMatches) -> Setting {
    let id = option.get_id().as_str();
    let flag = option.get_long().map(|long| format!("--{long}"));
    let variable = option.get_env();
    let variable = variable.map(|name| name.to_string_lossy().into_owned());
    let name = variable.or_else(|| flag.clone());
    let name = name.unwrap_or_else(|| id.to_owned());
    let value = value(option, matches).filter(|value| !value.trim().is_empty());
    let source = match (&value, matches.value_source(id)) {
        (None, _) | (_, None) => SettingSource::Unset,
        (_, Some(ValueSource::CommandLine)) => SettingSource::Flag,
        (_, Some(ValueSource::EnvVariable)) => SettingSource::Environment,
        (_, Some(_)) => SettingSource::Default,
    };
    let secret = option.is_hide_env_values_set() && !ENGINES.contains(&name.as_str());
    let value = value.filter(|_| !secret);
    Setting {
        value: value.and_then(|value| shown(&name, &value)),
        name,
        flag,
        source,
        secret,
    }
}

/// Returns the text of an option's value as it was given, or of its default.
fn value(option: &Arg, matches: &ArgMatches) -> Option<String> {
    let id = option.get_id().as_str();
    if matches!(option.get_action(), ArgAction::SetTrue) {
        return Some(matches.get_flag(id).to_string());
    }
    let values: Vec<_> = matches
        .get_raw(id)?
        .map(|value| value.to_string_lossy())
        .collect();
    Some(values.join(","))
}

/// Returns a value as it is shown. A URL is shown without user, password and parameters, and
/// not at all if it is not certain where they end.
fn shown(name: &str, value: &str) -> Option<String> {
    let is_suspect = ENGINES.contains(&name) || value.contains(['@', '?']);
    match value.split_once("://") {
        Some((scheme, rest)) if is_suspect => without_credentials(scheme, rest),
        _ => Some(value.to_owned()),
    }
}

fn without_credentials(scheme: &str, rest: &str) -> Option<String> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    // A password with an unescaped `/` or `?` would end up in `after`.
    if after.contains('@') {
        return None;
    }
    let hosts = authority
        .rsplit_once('@')
        .map_or(authority, |(_, hosts)| hosts);
    let path = after.split(['?', '#']).next().unwrap_or_default();
    Some(format!("{scheme}://{hosts}{path}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::Cli;

    /// Rows of the tables in docs/configuration.md: the names in the first cell, or the flag
    /// of an option without a variable.
    fn documented() -> Vec<String> {
        let text = include_str!("../../docs/configuration.md");
        let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
        let names = rows.flat_map(|row| {
            let mut cells = row.split('|').map(str::trim);
            let first = cells.next().unwrap_or_default();
            let cell = match first.is_empty() {
                true => cells.next().unwrap_or_default(),
                false => first,
            };
            let names = cell.split(", ").filter_map(|name| {
                let name = name.strip_prefix('`')?.strip_suffix('`')?;
                Some(name.to_owned())
            });
            names.collect::<Vec<_>>()
        });
        names.collect()
    }

    fn settings(arguments: &[&str]) -> Vec<Setting> {
        let program = Cli::command();
        let matches = program.clone().get_matches_from(arguments);
        Settings::of(&program, &matches).0
    }

    #[test]
    fn every_option_is_listed_in_the_order_of_the_documentation() {
        let documented = documented();
        let engines = ["--redis-url", "redis://h", "--mongodb-uri", "mongodb://h"];
        for command in ["up", "serve"] {
            let arguments = ["patron", command].into_iter().chain(engines);
            let listed = settings(&arguments.collect::<Vec<_>>());
            assert!(listed.len() > 30, "{command}: {}", listed.len());
            let listed: Vec<&str> = listed.iter().map(|setting| setting.name.as_str()).collect();
            let is_listed = |name: &&str| listed.contains(name);
            let expected = documented.iter().map(String::as_str).filter(is_listed);
            assert_eq!(listed, expected.collect::<Vec<_>>(), "{command}");
        }
    }

    #[test]
    fn a_value_has_its_source_and_a_secret_no_value() {
        let listed = settings(&[
            "patron",
            "serve",
            "--redis-url",
            "redis://user:s3cret@redis.internal:6380/2",
            "--mongodb-uri",
            "mongodb://user:s3cret@a:1,b:2/patron?replicaSet=rs&tlsCertificateKeyFilePassword=s3cret",
            "--bootstrap-key",
            "s3cret-s3cret-s3cret",
            "--allow-data-loss",
            "--openai-base-url",
            "https://user:s3cret@model.internal/v1",
            "--admin-emails",
            "ada@example.com",
            "--google-client-id",
            " ",
        ]);
        let text = serde_json::to_string(&listed).unwrap();
        assert!(!text.contains("s3cret"), "{text}");
        let of = |name: &str| {
            let setting = listed.iter().find(|setting| setting.name == name).unwrap();
            (setting.value.as_deref(), setting.source, setting.secret)
        };
        use SettingSource::{Default, Flag, Unset};
        assert_eq!(
            of("REDIS_URL"),
            (Some("redis://redis.internal:6380/2"), Flag, false)
        );
        assert_eq!(
            of("MONGODB_URI"),
            (Some("mongodb://a:1,b:2/patron"), Flag, false)
        );
        assert_eq!(of("PATRON_BOOTSTRAP_KEY"), (None, Flag, true));
        assert_eq!(of("PATRON_SESSION_KEYS"), (None, Unset, true));
        assert_eq!(of("PATRON_ALLOW_DATA_LOSS"), (Some("true"), Flag, false));
        assert_eq!(
            of("OPENAI_BASE_URL"),
            (Some("https://model.internal/v1"), Flag, false)
        );
        assert_eq!(
            of("PATRON_ADMIN_EMAILS"),
            (Some("ada@example.com"), Flag, false)
        );
        assert_eq!(of("GOOGLE_CLIENT_ID"), (None, Unset, false));
        assert_eq!(of("PATRON_JOB_AFTER"), (Some("5s"), Default, false));
        assert_eq!(of("PATRON_MAX_REQUESTS"), (Some("512"), Default, false));
    }

    #[test]
    fn a_url_is_shown_without_what_may_be_secret() {
        let shown = |url| shown("REDIS_URL", url);
        for (url, expected) in [
            ("redis://127.0.0.1:6379", Some("redis://127.0.0.1:6379")),
            ("redis://:p@ss@host", Some("redis://host")),
            (
                "rediss://[::1]:6380/1#insecure",
                Some("rediss://[::1]:6380/1"),
            ),
            (
                "mongodb+srv://u:p@host/db?x=y",
                Some("mongodb+srv://host/db"),
            ),
            ("mongodb://u:p/ss@host", None),
            ("mongodb://u:p?ss@host", None),
            ("mongodb://host/?password=p@ss", None),
        ] {
            assert_eq!(shown(url).as_deref(), expected, "{url}");
        }
    }
}
