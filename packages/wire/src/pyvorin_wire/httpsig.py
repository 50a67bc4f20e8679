"""Request signatures: RFC 9421 signature base and RFC 9530 content digest, as pure functions used
by both sides.

Every request but `/health` and the like carries

    Content-Digest: sha-256=:…:
    Signature-Input: pyvorin=("@method" "@authority" "@path" "@query" "content-digest"
    "content-type" "authorization")
                     ;created=…;nonce="…";keyid="…";alg="hmac-sha256";tag="pyvorin-v1"
    Signature: pyvorin=:…:

`content-type` and `authorization` are covered exactly when the request has them; nothing else may
be covered, left out, repeated or reordered: a signature input that is not byte for byte what
`signature_input` writes is refused, so there is no parser to confuse. Activation uses
`alg="ed25519"` (the key derived from the licence key; keyid = lookup hash); every other request
uses HMAC with the device request key. The receiver fixes the algorithm by the route, never by the
header.

Freshness: `created` within ±60 s of the server's clock, and (keyid, nonce) never seen in the last
300 s: insert first, then act.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from pyvorin_wire.envelope import Sign, Verify
from pyvorin_wire.errors import HttpSigError
from pyvorin_wire.value import Value

WINDOW_S: Final = 60
NONCE_KEEP_S: Final = 300
NONCE_BYTES: Final = 18
TAG: Final = "pyvorin-v1"
LABEL: Final = "pyvorin"
HMAC: Final = "hmac-sha256"
ED25519: Final = "ed25519"
_REQUIRED: Final = ("@method", "@authority", "@path", "@query", "content-digest")
_OPTIONAL: Final = ("content-type", "authorization")
_INPUT: Final = re.compile(
    rf'{LABEL}=\((?P<covered>(?:"[a-z@-]+" ?)+)\);created=(?P<created>[0-9]{{1,12}})'
    rf';nonce="(?P<nonce>[A-Za-z0-9_-]{{16,64}})"'
    rf';keyid="(?P<keyid>[A-Za-z0-9._:-]{{1,128}})";alg="(?P<alg>{HMAC}|{ED25519})";tag="{TAG}"',
    re.ASCII,
)
_SIGNATURE: Final = re.compile(rf"{LABEL}=:([A-Za-z0-9+/]+={{0,2}}):", re.ASCII)


class Request(Value):
    """What is signed. `headers` has lower-case names; `authority` is lower-case `host[:port]`;
    `query` has no `?`; `path` is as sent."""

    method: str
    authority: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Parameters(Value):
    """Signature parameters. `created` is Unix seconds by the signer's clock (plus its known offset
    to the server)."""

    created: int
    nonce: str
    keyid: str
    alg: str = HMAC


def content_digest(body: bytes) -> str:
    """RFC 9530 Content-Digest value, SHA-256."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"


def hmac_signer(key: bytes) -> Sign:
    return lambda message: hmac.new(key, message, hashlib.sha256).digest()


def hmac_verifier(key: bytes) -> Verify:
    """Constant-time; false for a signature of any other length."""
    return lambda signature, message: hmac.compare_digest(hmac_signer(key)(message), signature)


def sign(request: Request, parameters: Parameters, make: Sign) -> dict[str, str]:
    """Headers to add (lower-case names): content-digest, signature-input, signature."""
    digest = content_digest(request.body)
    headers = {**request.headers, "content-digest": digest}
    covered = _covered(headers)
    signed = make(_base(request, headers, covered, parameters))
    return {
        "content-digest": digest,
        "signature-input": f"{LABEL}={_parameters(covered, parameters)}",
        "signature": f"{LABEL}=:{base64.b64encode(signed).decode('ascii')}:",
    }


def read_parameters(headers: Mapping[str, str]) -> Parameters:
    """Parameters of a request, *not yet verified*: to find the key. Raises HttpSigError
    (signature_missing, signature_malformed)."""
    text = headers.get("signature-input")
    if text is None or "signature" not in headers:
        raise HttpSigError("the request is not signed", code="signature_missing")
    match = _INPUT.fullmatch(text)
    if match is None:
        raise HttpSigError("the signature input is malformed", code="signature_malformed")
    parameters = Parameters(int(match["created"]), match["nonce"], match["keyid"], match["alg"])
    if text != f"{LABEL}={_parameters(_covered(headers), parameters)}":
        raise HttpSigError("the signature does not cover what it must", code="signature_malformed")
    return parameters


def verify(request: Request, check: Verify, *, alg: str, now_s: float) -> Parameters:
    """Check digest, coverage, algorithm, signature and window, in this order; the nonce remains to
    be inserted by the caller.

    Raises HttpSigError: signature_missing, signature_malformed, signature_digest,
    signature_algorithm, signature_wrong, clock_skew.
    """
    parameters = read_parameters(request.headers)
    if not hmac.compare_digest(
        request.headers.get("content-digest", ""), content_digest(request.body)
    ):
        raise HttpSigError("the body does not match its digest", code="signature_digest")
    if parameters.alg != alg:
        raise HttpSigError("this route does not accept that algorithm", code="signature_algorithm")
    message = _base(request, request.headers, _covered(request.headers), parameters)
    if not check(_signature(request.headers["signature"]), message):
        raise HttpSigError("the signature is wrong", code="signature_wrong")
    if abs(now_s - parameters.created) > WINDOW_S:
        raise HttpSigError(
            "the request was signed too long ago or in the future", code="clock_skew"
        )
    return parameters


def _covered(headers: Mapping[str, str]) -> tuple[str, ...]:
    return _REQUIRED + tuple(name for name in _OPTIONAL if name in headers)


def _parameters(covered: tuple[str, ...], parameters: Parameters) -> str:
    names = " ".join(f'"{name}"' for name in covered)
    return (
        f'({names});created={parameters.created};nonce="{parameters.nonce}"'
        f';keyid="{parameters.keyid}";alg="{parameters.alg}";tag="{TAG}"'
    )


def _base(
    request: Request, headers: Mapping[str, str], covered: tuple[str, ...], parameters: Parameters
) -> bytes:
    return signature_base(request, headers, covered, _parameters(covered, parameters))


def signature_base(
    request: Request, headers: Mapping[str, str], covered: tuple[str, ...], parameters: str
) -> bytes:
    """RFC 9421 section 2.5: one line a component, then the parameters."""
    derived = {
        "@method": request.method,
        "@authority": request.authority,
        "@path": request.path or "/",
        "@query": f"?{request.query}",
    }
    lines = []
    for name in covered:
        value = derived[name] if name.startswith("@") else headers[name].strip()
        if "\n" in value or "\r" in value:
            raise HttpSigError("a signed header holds a line break", code="signature_malformed")
        lines.append(f'"{name}": {value}')
    lines.append(f'"@signature-params": {parameters}')
    try:
        return "\n".join(lines).encode("ascii")
    except UnicodeEncodeError as error:
        raise HttpSigError("a signed component is not ASCII", code="signature_malformed") from error


def _signature(text: str) -> bytes:
    match = _SIGNATURE.fullmatch(text)
    try:
        return base64.b64decode(match[1], validate=True) if match else b""
    except ValueError:
        return b""
