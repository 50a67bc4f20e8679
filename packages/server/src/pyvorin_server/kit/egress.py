"""The only way out: HTTPS requests to origins that the operator allowed, and to nowhere else.

    egress_allow = "https://hooks.example.com, private:https://issuer.internal:8443"

An origin not on the list is refused before its name is looked up. The name is resolved once, every
address must be a public one unless the entry says `private:`, and the connection goes to that very
address, so a second look-up cannot point elsewhere. No redirects, no proxies, TLS verified, size
and time capped. The list is empty by default.
"""

import asyncio
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from pyvorin_server.errors import ServerError

MAX_ANSWER_BYTES = 262_144
_TIMEOUT_S = 5.0
_PRIVATE = "private:"
Resolve = Callable[[str, int], list[str]]


class EgressRefused(ServerError):
    """The request would have left for somewhere it may not go."""


class EgressFailed(ServerError):
    """The other side did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes


class Egress:
    """Sends requests to allowed origins."""

    def __init__(self, allow: str, ca_file: str = "", resolve: Resolve | None = None) -> None:
        entries = [entry.strip() for entry in allow.split(",") if entry.strip()]
        self._allowed = {
            _origin(urlsplit(entry.removeprefix(_PRIVATE))): entry.startswith(_PRIVATE)
            for entry in entries
        }
        self._context = ssl.create_default_context(cafile=ca_file or None)
        self._resolve = resolve or resolve_name

    def check(self, url: str) -> None:
        """Raise `EgressRefused` unless the origin of `url` is on the list."""
        self._allowance(_split(url))

    async def send(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] = {}
    ) -> Reply:
        """Send one request. Raises `EgressRefused` or `EgressFailed`."""
        return await asyncio.to_thread(self._send, method, _split(url), body, dict(headers))

    def _send(self, method: str, url: SplitResult, body: bytes, headers: dict[str, str]) -> Reply:
        private = self._allowance(url)
        host, port = url.hostname or "", url.port or 443
        try:
            address = _usable(self._resolve(host, port), private=private)
            plain = socket.create_connection((address, port), timeout=_TIMEOUT_S)
            connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
            connection.sock = self._context.wrap_socket(plain, server_hostname=host)
            try:
                target = (url.path or "/") + (f"?{url.query}" if url.query else "")
                connection.request(method, target, body=body or None, headers=headers)
                response = connection.getresponse()
                content = response.read(MAX_ANSWER_BYTES + 1)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EgressFailed(type(error).__name__) from None
        if 300 <= response.status < 400:
            raise EgressRefused("redirects are not followed")
        if len(content) > MAX_ANSWER_BYTES:
            raise EgressFailed("the answer is too large")
        return Reply(response.status, content)

    def _allowance(self, url: SplitResult) -> bool:
        """Return whether the origin may have private addresses; refuse one that is not listed."""
        allowed = self._allowed.get(_origin(url))
        if allowed is None:
            raise EgressRefused("the origin is not on the egress allow-list")
        return allowed


def resolve_name(host: str, port: int) -> list[str]:
    """Return every address of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def _usable(addresses: list[str], *, private: bool) -> str:
    """Return the first address; refuse all of them when one is not public."""
    if not addresses:
        raise EgressFailed("the name has no address")
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
        for each in filter(None, (address, mapped)):
            if not private and (not each.is_global or each.is_multicast):
                raise EgressRefused("the name leads to an address that is not public")
    return addresses[0]


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        well_formed = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc
        _ = parts.port
    except ValueError:
        well_formed = False
    if not well_formed or any(ord(char) < 33 or ord(char) > 126 for char in url):
        raise EgressRefused("only plain https URLs are called")
    return parts


def _origin(url: SplitResult) -> tuple[str, int]:
    return (url.hostname or "").lower().rstrip("."), url.port or 443
