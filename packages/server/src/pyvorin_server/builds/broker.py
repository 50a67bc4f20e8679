"""Where source waits: the API process's memory, and nowhere else.

The API takes the bytes in, a supervisor fetches them once per attempt over a Unix socket, and they
are forgotten when the job ends. Nothing is written: when this process dies, the bytes are gone,
the job goes to `needs_source`, and the client sends them again by itself. The sum of all held
bytes is bounded; beyond it new jobs are refused (`unavailable`), never old ones dropped.

As supervisors call here when they begin and end a job, this is also where a request waits that
wants to know of it without asking the database all the time.
"""

import asyncio
from collections import OrderedDict
from weakref import WeakValueDictionary

from pyvorin_server.errors import RemoteError, retry_later
from pyvorin_server.kit.local import Message

SOCKET = "broker.sock"
_MAX_DIFFERENCES = 100


class SourceBroker:
    """Bodies of open jobs by job id, in memory."""

    def __init__(self, max_bytes: int) -> None:
        self._bodies: dict[str, bytes] = {}
        self._differences: OrderedDict[str, bytes] = OrderedDict()
        self._watched: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        self._max_bytes = max_bytes
        self._held_bytes = 0

    def hold(self, job_id: str, body: bytes) -> None:
        """Keep a job's body until `forget`. Raises the `unavailable` problem when memory is used
        up.
        """
        self.forget(job_id)
        if self._held_bytes + len(body) > self._max_bytes:
            raise retry_later("unavailable", 5, "the service holds as much work as it can")
        self._bodies[job_id] = body
        self._held_bytes += len(body)

    def forget(self, job_id: str) -> None:
        """Drop a job's body if it is held."""
        self._held_bytes -= len(self._bodies.pop(job_id, b""))

    def take_differences(self, job_id: str) -> bytes | None:
        """Return a mismatch's differences once; they hold the user's values and are kept nowhere
        else.
        """
        return self._differences.pop(job_id, None)

    def held(self) -> frozenset[str]:
        """Return the ids of all jobs whose bodies are held."""
        return frozenset(self._bodies)

    def watch(self, job_id: str) -> asyncio.Event:
        """An event that is set when a supervisor next calls about the job."""
        return self._watched.setdefault(job_id, asyncio.Event())

    def _wake(self, job_id: str) -> None:
        if (event := self._watched.pop(job_id, None)) is not None:
            event.set()

    async def answer_fetch(self, request: Message) -> Message:
        """Local call `fetch {job_id}` → one blob, or the refusal `source_gone`."""
        self._wake(request.text("job_id"))
        body = self._bodies.get(request.text("job_id"))
        if body is None:
            raise RemoteError("source_gone")
        return Message({}, (body,))

    async def answer_forget(self, request: Message) -> Message:
        """Local call `forget {job_id}`: the job has ended."""
        self.forget(request.text("job_id"))
        self._wake(request.text("job_id"))
        return Message({})

    async def answer_differences(self, request: Message) -> Message:
        """Local call `differences {job_id}` with one blob: keep it for the device that asked,
        once.
        """
        self._differences[request.text("job_id")] = request.blobs[0]
        while len(self._differences) > _MAX_DIFFERENCES:
            self._differences.popitem(last=False)
        return Message({})
