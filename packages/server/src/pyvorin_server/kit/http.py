"""What happens to every HTTP request before a route sees it, and to every answer after.

* the body is read whole, up to a cap, into memory only; anything but plain JSON is refused;
* a header that a signature covers may occur once;
* every failure is problem+json; a fault of ours is `internal` with the request's id, nothing else.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, TypeVar

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pyvorin_wire import canonical, httpsig
from pyvorin_wire.errors import WireError
from pyvorin_wire.record import Record
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pyvorin_server.errors import Problem, RemoteError, ServerError
from pyvorin_server.kit.front import HEAD_BYTES
from pyvorin_server.kit.ids import new_id

_ONCE = frozenset(
    {
        b"authorization",
        b"content-digest",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"signature",
        b"signature-input",
    }
)
_SECURITY_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"strict-transport-security", b"max-age=31536000"),
]
_BODY_S = 30
_log = structlog.get_logger("http")
R = TypeVar("R", bound=Record)


class Gate:
    """ASGI middleware: caps bodies, refuses ambiguous headers, adds fixed headers, hides faults."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        scope.setdefault("state", {})["request_id"] = request_id = new_id("tok")[4:16]
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = [*message.get("headers", []), *_SECURITY_HEADERS]
                message["headers"] = [*headers, (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            self._check_headers(scope)
            async with asyncio.timeout(_BODY_S):
                body = await self._read_body(receive)
            await self._app(scope, _once(body, receive), send_with_headers)
        except Problem as error:
            await problem_response(error)(scope, receive, send_with_headers)
        except TimeoutError:
            late = Problem("malformed", f"the body did not arrive within {_BODY_S} seconds")
            await problem_response(late, status=408)(scope, receive, send_with_headers)
        except Exception as error:  # the process edge: log type and place, answer `internal`
            _log.error("fault", request_id=request_id, **describe_fault(error))
            if not started:
                fault = Problem("internal", f"logged under {request_id}")
                await problem_response(fault)(scope, receive, send_with_headers)

    def _check_headers(self, scope: Scope) -> None:
        names = [name for name, _ in scope["headers"] if name in _ONCE]
        if len(names) != len(set(names)):
            raise Problem("malformed", "a header that may occur once occurs twice")
        if b"host" not in names or scope["http_version"] not in ("1.0", "1.1"):
            raise Problem("malformed", "a request is HTTP/1.1 and names its host")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES:
            raise Problem("too_large", f"at most {HEAD_BYTES} bytes of headers")
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise Problem("malformed", "compressed bodies are not accepted")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit():
            raise Problem("malformed", "Content-Length")
        if len(length) > 12 or int(length) > self._max_body_bytes:
            raise Problem("too_large", f"at most {self._max_body_bytes} bytes")

    async def _read_body(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_body_bytes:
                raise Problem("too_large", f"at most {self._max_body_bytes} bytes")
            more = message.get("more_body", False)
        return b"".join(parts)


def _once(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the whole body, then waits for the disconnect."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def describe_fault(error: BaseException) -> dict[str, str]:
    """Return type and innermost place of an error of ours; its message may hold data and is left
    out.
    """
    trace, place = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if "pyvorin_server" in code.co_filename:
            place = f"{code.co_filename.rsplit('pyvorin_server/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    shown = str(error) if isinstance(error, ServerError) else ""
    return {"error": type(error).__name__, "place": place, "detail": shown}


def install_problem_answers(app: FastAPI) -> None:
    """Answer this package's, the framework's and the formats' refusals as problem+json."""

    async def on_problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return problem_response(error)

    async def on_http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return problem_response(Problem("not_found"))
        answer = Problem("malformed", str(error.detail))
        return problem_response(answer, status=error.status_code)

    async def on_malformed(_request: Request, error: Exception) -> Response:
        detail = str(error) if isinstance(error, WireError) else "a parameter is malformed"
        code = "too_large" if getattr(error, "code", "") == "too_large" else "malformed"
        return problem_response(Problem(code, detail[:300]))

    async def on_remote(request: Request, error: Exception) -> Response:
        _log.error("remote", request_id=request.state.request_id, detail=str(error)[:200])
        return problem_response(Problem("unavailable", retry_after_s=2))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_malformed)
    app.add_exception_handler(WireError, on_malformed)
    app.add_exception_handler(RemoteError, on_remote)


def problem_response(problem: Problem, status: int | None = None) -> Response:
    return Response(
        json.dumps(problem.body() | {"status": status or problem.status}),
        status_code=status or problem.status,
        media_type="application/problem+json",
        headers=problem.headers,
    )


def answer(record: Record | Mapping[str, Any], status: int = 200) -> Response:
    """Return a record as canonical JSON."""
    content = record.to_json() if isinstance(record, Record) else dict(record)
    return Response(canonical.dumps(content), status_code=status, media_type="application/json")


async def signed_parts(request: Request) -> httpsig.Request:
    """Return the request as its signature covers it."""
    raw_path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    try:
        return httpsig.Request(
            method=request.method,
            authority=request.headers.get("host", "").lower(),
            path=raw_path.split(b"?", 1)[0].decode("ascii"),
            query=request.scope["query_string"].decode("ascii"),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.body(),
        )
    except UnicodeDecodeError:
        raise Problem("malformed", "the URL is not ASCII") from None


async def read_record(request: Request, kind: type[R], max_bytes: int) -> R:
    """Return the body as `kind`. Raises the `malformed` or `too_large` problem."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem("malformed", "this route takes application/json only")
    body = await request.body()
    if len(body) > max_bytes:
        raise Problem("too_large", f"at most {max_bytes} bytes")
    return kind.from_json(canonical.loads(body, exact=False, max_bytes=max_bytes))
