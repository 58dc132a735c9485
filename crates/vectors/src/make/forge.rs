//! Bytes that no honest program makes: bodies re-spelled in CBOR, signatures changed by arithmetic.

use minicbor::{Decoder, Encoder};
use siegel_crypto::SigningSecretKey;
use siegel_envelope::{Fingerprint, Signature};

/// A signed object's outer form around any body and signature.
pub(super) fn wire(alg: u16, signer: Fingerprint, body: &[u8], signature: &Signature) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    e.map(4)
        .and_then(|e| e.u8(0)?.u16(alg)?.u8(1)?.bytes(signer.as_bytes()))
        .and_then(|e| e.u8(2)?.bytes(body)?.u8(3)?.bytes(signature.as_bytes()))
        .expect("writing to a Vec");
    e.into_writer()
}

/// Any body, well signed by `key`.
pub(super) fn sign(key: &SigningSecretKey, body: &[u8]) -> Vec<u8> {
    wire(1, key.fingerprint(), body, &key.sign_bytes(body))
}

/// A body taken apart: domain, algorithm, and the object's map entries as raw key and value.
pub(super) struct Parts {
    pub(super) domain: Vec<u8>,
    pub(super) alg: Vec<u8>,
    pub(super) entries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Parts {
    pub(super) fn of(body: &[u8]) -> Self {
        let mut decoder = Decoder::new(body);
        let good = "made by our own encoder";
        decoder.array().expect(good);
        let raw = |decoder: &mut Decoder<'_>| {
            let start = decoder.position();
            decoder.skip().expect(good);
            body[start..decoder.position()].to_vec()
        };
        let (domain, alg) = (raw(&mut decoder), raw(&mut decoder));
        let count = decoder.map().expect(good).expect(good);
        let entries = (0..count).map(|_| (raw(&mut decoder), raw(&mut decoder))).collect();
        Self { domain, alg, entries }
    }

    /// The entries in canonical order and form, with a head of `count`.
    fn map(&self) -> Vec<u8> {
        let mut out = map_head(self.entries.len());
        self.entries.iter().for_each(|(key, value)| out.extend([&key[..], value].concat()));
        out
    }

    pub(super) fn join(&self) -> Vec<u8> {
        [&[0x83][..], &self.domain, &self.alg, &self.map()].concat()
    }

    /// The entry of that small key.
    pub(super) fn entry(&mut self, key: u8) -> &mut Vec<u8> {
        let found = self.entries.iter_mut().find(|(k, _)| *k == [key]);
        &mut found.expect("the object has this key").1
    }
}

/// A map's head for fewer than 24 entries.
pub(super) fn map_head(entries: usize) -> Vec<u8> {
    vec![0xa0 + u8::try_from(entries).expect("few")]
}

/// The same body as `[domain, alg, object]` with an indefinite array around.
pub(super) fn indefinite_array(parts: &Parts) -> Vec<u8> {
    let mut out = parts.join();
    out[0] = 0x9f;
    out.push(0xff);
    out
}

/// … with an indefinite map.
pub(super) fn indefinite_map(parts: &Parts) -> Vec<u8> {
    let mut out = [&[0x83][..], &parts.domain, &parts.alg, &[0xbf]].concat();
    parts.entries.iter().for_each(|(key, value)| out.extend([&key[..], value].concat()));
    out.push(0xff);
    out
}

/// The signature with S + L for S: the same curve equation, another encoding (RFC 8032 forbids it).
pub(super) fn malleated(signature: &Signature) -> Signature {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut bytes = *signature.as_bytes();
    let mut carry = 0u16;
    for (s, l) in bytes[32..].iter_mut().zip(L) {
        let sum = u16::from(*s) + u16::from(l) + carry;
        *s = sum as u8;
        carry = sum >> 8;
    }
    Signature::from_bytes(bytes)
}
