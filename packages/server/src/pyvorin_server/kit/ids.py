"""Identifiers: a prefix that names the kind, then 128 random bits in base32.

    job_6f3x…   lic_…   dev_…   org_…   art_…

They are opaque, carry no order, no time and no count, and are safe in URLs and file names.
"""

import base64
import re
import secrets

KINDS = ("alt", "art", "cit", "dev", "fam", "job", "lic", "mem", "org", "tok", "use", "whk")
_SHAPE = re.compile(f"(?:{'|'.join(KINDS)})_[a-z2-7]{{26}}")


def new_id(kind: str) -> str:
    """Return a fresh identifier of `kind`, one of `KINDS`."""
    assert kind in KINDS, kind
    text = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
    return f"{kind}_{text}"


def is_id(text: str, kind: str) -> bool:
    """Return whether `text` has the shape of an identifier of `kind`; says nothing of existence."""
    return text.startswith(kind + "_") and _SHAPE.fullmatch(text) is not None
