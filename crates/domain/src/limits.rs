//! Every bound of the platform in one place, so that the client, the service, the documentation and the tests
//! can't disagree about one.

/// Plaintext bytes of one chunk (AES-256-GCM reaches 99 % of its peak at this size).
pub const CHUNK_BYTES: usize = 256 * 1024;
/// Bytes that GCM's tag adds to a chunk.
pub const TAG_BYTES: usize = 16;
/// Chunks of one part.
pub const CHUNKS_PER_PART: usize = 32;
/// Plaintext bytes of a full part: 8 MiB.
pub const PART_PLAINTEXT_BYTES: usize = CHUNK_BYTES * CHUNKS_PER_PART;
/// Salt at the front of each part.
pub const SALT_BYTES: usize = 32;
/// Bytes of a digest.
pub const DIGEST_BYTES: usize = 32;
/// The largest sealed part: salt, 32 sealed chunks, 32 chunk hashes.
pub const PART_SEALED_BYTES: usize =
    SALT_BYTES + CHUNKS_PER_PART * (CHUNK_BYTES + TAG_BYTES) + CHUNKS_PER_PART * DIGEST_BYTES;
/// Parts of one record: 128 GiB of plaintext.
pub const PARTS_PER_RECORD: usize = 16_384;
/// Plaintext of a record that may travel in a single request.
pub const SMALL_RECORD_BYTES: usize = 1024 * 1024;
/// Named recipients of one record, and grants in one request.
pub const RECIPIENTS: usize = 64;
/// Sealed metadata of one record.
pub const SEALED_METADATA_BYTES: usize = 64 * 1024;
/// A JSON body, unless a route says otherwise.
pub const JSON_BODY_BYTES: usize = 256 * 1024;
/// The body of a commit: the manifest of a 128 GiB record in base64, and its grants.
pub const COMMIT_BODY_BYTES: usize = 2 * 1024 * 1024;
/// Items of one page, and the default.
pub const PAGE_ITEMS: u32 = 200;
/// Items of a page if the caller does not say.
pub const PAGE_ITEMS_DEFAULT: u32 = 50;
/// Characters of a dealer's comment (C08).
pub const COMMENT_CHARS: usize = 200;
/// Characters of a tenant's display name.
pub const DISPLAY_NAME_CHARS: usize = 100;
/// An institution's share of a process, in hundredths of the standard, and the range a setting may lie in.
pub const QUOTA_PERCENT_DEFAULT: u32 = 100;
/// From a hundredth of the standard to a hundred times as much; a provider allows its dealers less.
pub const QUOTA_PERCENT: std::ops::RangeInclusive<u32> = 1..=10_000;
/// Members of one tenant, and senders; bounds the roster's state.
pub const MEMBERS_PER_TENANT: usize = 1_000;
/// Senders of one tenant.
pub const SENDERS_PER_TENANT: usize = 10_000;
/// Devices of one member or sender.
pub const DEVICES_PER_PRINCIPAL: usize = 20;
