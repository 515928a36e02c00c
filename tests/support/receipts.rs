//! Posts of receipts, as a vendor sends them.

use chrono::Utc;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};

use super::app::VENDOR_SECRET;
use super::client::{Answer, Client, send};

pub(crate) const PATH: &str = "/api/delivery/receipt";

/// Signature of a post.
pub(crate) struct SignatureOptions<'a> {
    pub(crate) secret: &'a str,
    pub(crate) seconds_ago: i64,
    /// Body that is signed, if it differs from the posted one.
    pub(crate) body: Option<&'a str>,
}

/// Valid signature, as the vendor makes it.
pub(crate) const VALID: SignatureOptions = SignatureOptions {
    secret: VENDOR_SECRET,
    seconds_ago: 0,
    body: None,
};

/// Posts one receipt or several.
pub(crate) async fn post(api: &Client, body: &Value) -> Answer {
    post_signed(api, &body.to_string(), &VALID).await
}

/// Posts any body with this signature.
pub(crate) async fn post_signed(api: &Client, body: &str, signed: &SignatureOptions<'_>) -> Answer {
    send(request(api, body, signed)).await
}

/// Returns the request that posts this body with this signature.
pub(crate) fn request(api: &Client, body: &str, signed: &SignatureOptions<'_>) -> RequestBuilder {
    let at = Utc::now().timestamp() - signed.seconds_ago;
    let webhook = Webhook::new(signed.secret).unwrap();
    let signature = webhook.sign("rcpt_1", at, signed.body.unwrap_or(body).as_bytes());
    let request = api.with_key(None).request(Method::POST, PATH);
    let request = request
        .header("content-type", "application/json")
        .header(HEADER_WEBHOOK_ID, "rcpt_1")
        .header(HEADER_WEBHOOK_TIMESTAMP, at)
        .header(HEADER_WEBHOOK_SIGNATURE, signature.unwrap());
    request.body(body.to_owned())
}
