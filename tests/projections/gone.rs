//! Views whose log or whose documents are not what they were.

use projections::ProjectError;

use super::{
    documents, project, project_all, rebuilt, resume, spend_after, stopped, total_spend, trade,
    view,
};
use crate::support::deployment::Deployment;
