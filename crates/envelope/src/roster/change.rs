//! The changes a roster can record. On the wire a change is CBOR `[number, {…}]`.

use minicbor::{Decode, Encode};
use siegel_domain::{DeviceId, MemberId, Role, SenderId};

use crate::bytes::Digest;
use crate::keys::{Fingerprint, SigningPublicKey};

/// A device and its keys. The signing key stands here in full, since every entry is checked with one; the X-Wing key
/// by its fingerprint, since it is long and the directory delivers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RosterDevice {
    /// The device.
    #[n(0)]
    pub device: DeviceId,
    /// Its Ed25519 key.
    #[n(1)]
    pub sign: SigningPublicKey,
    /// Its X-Wing key.
    #[n(2)]
    pub kem: Fingerprint,
}

/// What an entry changes, and who may sign it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RosterChange {
    /// The first owner; signed by the very device it names.
    #[n(0)]
    #[cbor(map)]
    Found {
        /// The owner.
        #[n(0)]
        member: MemberId,
        /// The owner's user key (X-Wing).
        #[n(1)]
        user_key: Fingerprint,
        /// The key that admits a new device with the recovery key, see [`RosterChange::AddDevice`].
        #[n(2)]
        recovery_key: Option<SigningPublicKey>,
        /// The owner's device.
        #[n(3)]
        device: RosterDevice,
    },
    /// A member comes in; signed by an owner.
    #[n(1)]
    #[cbor(map)]
    AddMember {
        /// The member.
        #[n(0)]
        member: MemberId,
        /// Owner or member.
        #[n(1)]
        role: Role,
        /// The member's user key (X-Wing).
        #[n(2)]
        user_key: Fingerprint,
        /// As in [`RosterChange::Found`].
        #[n(3)]
        recovery_key: Option<SigningPublicKey>,
        /// The first device.
        #[n(4)]
        device: RosterDevice,
    },
    /// A member goes, with all devices; signed by an owner. A new epoch is due.
    #[n(2)]
    #[cbor(map)]
    RemoveMember {
        /// The member.
        #[n(0)]
        member: MemberId,
    },
    /// Another device of a member; signed by a device of that member, or by its recovery key.
    #[n(3)]
    #[cbor(map)]
    AddDevice {
        /// The member.
        #[n(0)]
        member: MemberId,
        /// The device.
        #[n(1)]
        device: RosterDevice,
    },
    /// A device goes; signed by a device of that member, its recovery key, or an owner. A new epoch is due.
    #[n(4)]
    #[cbor(map)]
    RemoveDevice {
        /// The member.
        #[n(0)]
        member: MemberId,
        /// The device.
        #[n(1)]
        device: DeviceId,
    },
    /// A sender comes in; signed by an owner or a member.
    #[n(5)]
    #[cbor(map)]
    AddSender {
        /// The sender.
        #[n(0)]
        sender: SenderId,
        /// Its device.
        #[n(1)]
        device: RosterDevice,
    },
    /// A sender goes; signed by an owner or a member.
    #[n(6)]
    #[cbor(map)]
    RemoveSender {
        /// The sender.
        #[n(0)]
        sender: SenderId,
    },
    /// A sender was enrolled again under new keys; signed by an owner or a member.
    #[n(7)]
    #[cbor(map)]
    SetSenderKey {
        /// The sender.
        #[n(0)]
        sender: SenderId,
        /// Its new device.
        #[n(1)]
        device: RosterDevice,
    },
    /// A member's role changes; signed by an owner.
    #[n(8)]
    #[cbor(map)]
    SetRole {
        /// The member.
        #[n(0)]
        member: MemberId,
        /// Owner or member.
        #[n(1)]
        role: Role,
    },
    /// A new epoch; signed by an owner or a member, with the device that signs the statement.
    #[n(9)]
    #[cbor(map)]
    NewEpoch {
        /// 1 for the first, then one more each time.
        #[n(0)]
        number: u64,
        /// [`crate::SignedBytes::digest`] of the [`crate::epoch::EpochStatement`].
        #[n(1)]
        statement: Digest,
    },
}
