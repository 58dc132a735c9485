//! One OpenAPI 3.1 document of the services in this process, as one host answers it.

use utoipa::OpenApi as _;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};

/// What stands at the head of the document.
#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Siegel",
    description = "Exchange of sealed health records. The server never sees contents: what is sealed, signed or wrapped travels as \
        base64url of canonical CBOR (docs/format.md). Requests carry a token bound to a device key (DPoP, RFC 9449); the `siegel` \
        command line and the SDK do this for you. Errors are problem documents (RFC 9457); docs/problems.md lists the codes.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
), tags(
    // In the order in which somebody who begins meets them.
    (name = "info", description = "What answers here"),
    (name = "enrol", description = "From a one-time code to a device that is known"),
    (name = "auth", description = "Signing in with a password (OPAQUE, RFC 9807) or as a machine; tokens and their end"),
    (name = "keys", description = "Whose keys are whose, with what a client needs to check it"),
    (name = "members", description = "People of the centre"),
    (name = "senders", description = "Parties that send to the centre"),
    (name = "devices", description = "Registered machines"),
    (name = "records", description = "Sealed records: parts, commit, list, ranges"),
    (name = "conversations", description = "Records that belong together"),
    (name = "events", description = "What happens, as it happens (server-sent events)"),
    (name = "retention", description = "Deadlines, erasing, receipts, the audit trail"),
    (name = "tenants", description = "Centres, as dealers see them"),
))]
struct Head;

/// The head, to which the services' routes are merged.
pub(super) fn head() -> OpenApi {
    let mut document = Head::openapi();
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme(
        "dpop",
        header("Authorization", "`DPoP <access token>`, with a `DPoP` header that proves the device key (RFC 9449)"),
    );
    components.add_security_scheme(
        "proof",
        header("DPoP", "A proof of the device key alone (RFC 9449): there is no token yet, or it is what is asked for"),
    );
    // Unless a route says otherwise.
    document.security = Some(vec![SecurityRequirement::new("dpop", Vec::<String>::new())]);
    document
}

fn header(name: &str, description: &str) -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, description)))
}
