"""RFC 6962 Merkle tree over entry hashes: one root for a segment, a proof for each entry of it.

A sealed segment may be deleted; whoever kept one exported entry can still show that it was in the
log: its proof leads to the root, and the root is in a statement that the signer signed.
"""

import hashlib
from collections.abc import Sequence


def root(leaves: Sequence[bytes]) -> bytes:
    """Return MTH of RFC 6962 section 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [_leaf(leaf) for leaf in leaves]
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def proof(leaves: Sequence[bytes], index: int) -> list[tuple[str, bytes]]:
    """Return the siblings from leaf to root, each with the side it stands on."""
    path, level = [], [_leaf(leaf) for leaf in leaves]
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(("left" if sibling < index else "right", level[sibling]))
        level, index = _parents(level), index // 2
    return path


def leads_to(leaf: bytes, path: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the root that a proof leads to."""
    found = _leaf(leaf)
    for side, sibling in path:
        found = _node(sibling, found) if side == "left" else _node(found, sibling)
    return found


def _parents(level: list[bytes]) -> list[bytes]:
    """Pair neighbours; one without a neighbour moves up, which gives RFC 6962's split."""
    pairs = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + level[len(level) - len(level) % 2 :]


def _leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
