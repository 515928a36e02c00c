//! OpenAPI links: from a response to the operations that accept its values.

use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, RefOr};

use crate::http::openapi::operations;

/// Parameter of the next operation, and the expression that finds its value in
/// the response.
type Parameter = (&'static str, &'static str);

/// Links from the response of one operation to other operations.
struct Links {
    from: &'static str,
    status: &'static str,
    to: &'static [&'static str],
    parameters: &'static [Parameter],
}

/// Positions that a read waits for, to include the write before it.
const WRITTEN: Parameter = ("after", "$response.header.Patron-Position");
const SEGMENT: Parameter = ("id", "$response.body#/segment_id");
const KEY: Parameter = ("key_id", "$response.body#/key_id");
const JOB: Parameter = ("id", "$response.body#/job_id");
const CAMPAIGN: Parameter = ("id", "$response.body#/campaign_id");

#[rustfmt::skip]
const LINKS: &[Links] = &[
    Links { from: "preview_rules", status: "202", to: &["get_job", "follow_job"], parameters: &[JOB] },
    Links { from: "reconcile_campaign", status: "202", to: &["get_job", "follow_job"], parameters: &[JOB] },
    Links { from: "create_segment", status: "201", to: &["get_segment", "list_members"], parameters: &[SEGMENT, WRITTEN] },
    Links { from: "create_segment", status: "201", to: &["update_segment", "archive_segment"], parameters: &[SEGMENT] },
    Links { from: "update_segment", status: "200", to: &["get_segment", "list_members"], parameters: &[SEGMENT, WRITTEN] },
    Links { from: "create_key", status: "201", to: &["get_key"], parameters: &[KEY, WRITTEN] },
    Links { from: "create_key", status: "201", to: &["revoke_key"], parameters: &[KEY] },
    Links { from: "create_campaign", status: "201", to: &["get_campaign", "get_logs", "follow_progress"], parameters: &[CAMPAIGN, WRITTEN] },
    Links { from: "create_campaign", status: "201", to: &["launch_campaign", "pause_campaign", "resume_campaign", "cancel_campaign"], parameters: &[CAMPAIGN] },
    Links { from: "launch_campaign", status: "202", to: &["get_campaign", "get_logs", "follow_progress"], parameters: &[CAMPAIGN, WRITTEN] },
    Links { from: "launch_campaign", status: "202", to: &["pause_campaign", "cancel_campaign", "retry_campaign", "reconcile_campaign"], parameters: &[CAMPAIGN] },
    Links { from: "pause_campaign", status: "202", to: &["resume_campaign", "cancel_campaign"], parameters: &[CAMPAIGN] },
];

/// Adds all links to the responses that they start from.
pub(super) fn add(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            let id = operation.operation_id.clone().unwrap_or_default();
            for links in LINKS.iter().filter(|links| links.from == id) {
                add_to(operation, links);
            }
        }
    }
}

fn add_to(operation: &mut Operation, links: &Links) {
    let response = operation.responses.responses.get_mut(links.status);
    let Some(RefOr::T(response)) = response else {
        return;
    };
    for to in links.to {
        let link = LinkBuilder::new().operation_id(*to);
        let link = links
            .parameters
            .iter()
            .fold(link, |link, (name, from)| link.parameter(*name, *from));
        response.links.insert((*to).to_owned(), link.build().into());
    }
}
