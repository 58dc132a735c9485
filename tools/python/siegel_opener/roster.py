"""docs/keys.md: replaying a roster and checking who may sign what."""

from . import Refused, signed
from .primitives import ED25519, blake3, fingerprint

(FOUND, ADD_MEMBER, REMOVE_MEMBER, ADD_DEVICE, REMOVE_DEVICE, ADD_SENDER, REMOVE_SENDER, SET_SENDER_KEY, SET_ROLE,
 NEW_EPOCH) = range(10)
MEMBERS, SENDERS, DEVICES = 1_000, 10_000, 20


def _when(condition, why):
    if not condition:
        raise Refused(why)


class Roster:
    def __init__(self, first, root):
        _when(blake3(first) == root, "another root")
        outer = signed.outer(first, "roster")
        kind, change = signed.body(outer, "roster")[4]
        _when(kind == FOUND, "the first entry founds")
        entry = signed.open_signed(first, "roster", change[3][1])
        self.tenant, self.head, self.length = entry[0], blake3(first), 1
        self.members, self.senders, self.keys = {}, {}, {}
        self.epoch, self.epoch_due = None, True
        self._add_member(change[0], "owner", change.get(2), change[3])

    def append(self, data):
        outer = signed.outer(data, "roster")
        holder = self.keys.get(outer[1])
        _when(holder and holder["active"], "an unknown or removed signer")
        entry = signed.open_signed(data, "roster", holder["key"])
        _when(entry[0] == self.tenant, "another tenant")
        _when(entry[1] == self.length and entry.get(2) == self.head, "not the next entry")
        kind, change = entry[4]
        _when(self._entitled(holder, kind, change), "not entitled")
        self._apply(kind, change)
        self.head, self.length = blake3(data), self.length + 1

    def _entitled(self, holder, kind, change):
        member = self.members.get(holder["who"]) if holder["kind"] == "device" else None
        role = member["role"] if member else None
        own = change.get(0) == holder["who"]
        if kind in (ADD_MEMBER, REMOVE_MEMBER, SET_ROLE):
            return role == "owner"
        if kind == ADD_DEVICE:
            return own
        if kind == REMOVE_DEVICE:
            return own or role == "owner"
        return kind != FOUND and role in ("owner", "member")

    def _apply(self, kind, change):
        who = change[0]
        if kind == ADD_MEMBER:
            _when(change[1] in ("owner", "member"), "not a member's role")
            self._add_member(who, change[1], change.get(3), change[4])
        elif kind == REMOVE_MEMBER:
            _when(who in self.members, "unknown")
            self._keep_an_owner(lambda one, device: one == who)
            del self.members[who]
            self._retire(lambda holder: holder["who"] == who)
            self.epoch_due = True
        elif kind == ADD_DEVICE:
            device = change[1]
            self._fresh(device[1])
            _when(who in self.members, "unknown")
            devices = self.members[who]["devices"]
            _when(device[0] not in devices and len(devices) < DEVICES, "twice, or too many")
            devices.add(device[0])
            self._learn(device, who)
        elif kind == REMOVE_DEVICE:
            _when(who in self.members and change[1] in self.members[who]["devices"], "unknown")
            self._keep_an_owner(lambda one, device: (one, device) == (who, change[1]))
            self.members[who]["devices"].remove(change[1])
            self._retire(lambda holder: (holder["who"], holder["device"]) == (who, change[1]))
            self.epoch_due = True
        elif kind == ADD_SENDER:
            self._fresh(change[1][1])
            _when(who not in self.senders and len(self.senders) < SENDERS, "twice, or too many")
            self._set_sender(who, change[1])
        elif kind == REMOVE_SENDER:
            _when(who in self.senders, "unknown")
            del self.senders[who]
            self._retire(lambda holder: holder["who"] == who)
        elif kind == SET_SENDER_KEY:
            self._fresh(change[1][1])
            _when(who in self.senders, "unknown")
            self._retire(lambda holder: holder["who"] == who)
            self._set_sender(who, change[1])
        elif kind == SET_ROLE:
            _when(who in self.members and change[1] in ("owner", "member"), "unknown, or not a member's role")
            if change[1] != "owner":
                self._keep_an_owner(lambda one, device: one == who)
            self.members[who]["role"] = change[1]
        elif kind == NEW_EPOCH:
            _when(who == (self.epoch or 0) + 1, "not the next epoch")
            self.epoch, self.epoch_due = who, False

    def _add_member(self, who, role, recovery, device):
        self._fresh(*[device[1]] + ([recovery] if recovery else []))
        _when(who not in self.members and len(self.members) < MEMBERS, "twice, or too many")
        self.members[who] = {"role": role, "devices": {device[0]}}
        self._learn(device, who)
        if recovery:
            self.keys[fingerprint(ED25519, recovery)] = {
                "key": recovery, "kind": "recovery", "who": who, "device": None, "active": True,
            }

    def _set_sender(self, who, device):
        self.senders[who] = device
        self._learn(device, who)

    def _fresh(self, *keys):
        known = any(fingerprint(ED25519, key) in self.keys for key in keys)
        _when(not known and len(set(keys)) == len(keys), "a key that was here before")

    def _learn(self, device, who):
        self.keys[fingerprint(ED25519, device[1])] = {
            "key": device[1], "kind": "device", "who": who, "device": device[0], "active": True,
        }

    def _retire(self, gone):
        for holder in self.keys.values():
            if gone(holder):
                holder["active"] = False

    def _keep_an_owner(self, gone):
        stays = any(
            member["role"] == "owner" and any(not gone(who, device) for device in member["devices"])
            for who, member in self.members.items()
        )
        _when(stays, "the last owner's last device")
