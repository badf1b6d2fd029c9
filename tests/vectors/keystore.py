#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Prints the wrapped keys and the anchor in tests/unit/keystore/test_master_key.c, computed from
# contrib/docs/keystore.md with the Python package "cryptography".
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive(key, info):
    return HKDF(hashes.SHA256(), 32, None, info).derive(key)


def wrap(key, aad, secret):
    return NONCE + AESGCM(key).encrypt(NONCE, secret, aad)


def u32(number):
    return struct.pack("<I", number)


def counting(first, size=32):
    return bytes(range(first, first + size))


VAULT, FILE = counting(0, 16), counting(16, 16)
SALT, MASTER, MATERIAL, KEK, DEK = (counting(n) for n in (0x20, 0x40, 0x60, 0x80, 0xA0))
NONCE = counting(0xC0, 12)

slot_key = derive(MATERIAL, b"modelvault/1/slot" + VAULT + u32(3) + SALT)
kek_key = derive(MASTER, b"modelvault/1/kek-wrap" + VAULT)
anchor = b"MVANCHOR" + u32(1) + u32(0) + VAULT + struct.pack("<4Q", 5, 6, 7, 8)
anchor_key = derive(MASTER, b"modelvault/1/anchor" + VAULT)
anchor += hmac.new(anchor_key, b"modelvault/1/anchor" + anchor, hashlib.sha256).digest()

print("slot", wrap(slot_key, b"modelvault/1/slot" + VAULT + u32(3) + b"key-file", MASTER).hex())
print("kek", wrap(kek_key, b"modelvault/1/kek" + VAULT + u32(1), KEK).hex())
print("dek", wrap(KEK, b"modelvault/1/dek" + VAULT + FILE + u32(1), DEK).hex())
print("anchor", anchor.hex())
