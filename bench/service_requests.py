"""Signed requests a second, their CPU cost, and the price of an audit entry: a report, not a test.

python bench/service_requests.py                 SQLite, and PostgreSQL where it is installed
python bench/service_requests.py --seconds 10 --clients 16

A real API process behind TLS 1.3, on this machine together with its load generator. Each client is
a device of its own on one kept-alive connection that sends the status request of its licence:
signature, nonce, standing, token and permission, then the licence's file from the signer is *not*
asked for (`GET /v1/compile/jobs?limit=1` is the request). CPU is the API process's user and system
time by /proc, divided by the requests; the share of authentication and authorisation is that minus
the same of `/health`, which passes the same server without either. It therefore includes the query
of the request itself, and is more than the share.

On a machine that is busy with other things, throughput and latencies say how busy; divide CPU times
by the reference loop (`bench/service_latency.py`).
"""

import argparse
import asyncio
import http.client
import ssl
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pyvorin_server.audit import Event, append  # noqa: E402
from pyvorin_server.db import open_database  # noqa: E402
from pyvorin_server.kit.clock import SystemClock  # noqa: E402
from service_latency import reference_loop_s  # noqa: E402

from tests.server.nodes import DATABASES, Nodes, running, settings_of  # noqa: E402
from tests.server.service import Device  # noqa: E402

TARGET = "/v1/compile/jobs?limit=1"
TICK_S = 0.01


def cpu_s(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


class Client(threading.Thread):
    """One device on one connection, sending for a time."""

    def __init__(self, device: Device, seconds: float, *, signed: bool) -> None:
        super().__init__(daemon=True)
        self.device, self.seconds, self.signed = device, seconds, signed
        self.latencies: list[float] = []
        self.failures = 0

    def run(self) -> None:
        node = self.device.installation
        context = ssl.create_default_context(cadata=node.trust().ca_pem)
        connection = http.client.HTTPSConnection("127.0.0.1", node.port, context=context)
        bearer = {"authorization": f"Bearer {self.device.tokens['access_token']}"}
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            target = TARGET if self.signed else "/health"
            headers = self.device.signed("GET", target, b"", bearer) if self.signed else {}
            began = time.perf_counter()
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
            response.read()
            self.latencies.append(time.perf_counter() - began)
            self.failures += response.status != 200
        connection.close()


def load(nodes: Nodes, devices: list[Device], seconds: float, *, signed: bool) -> dict[str, float]:
    """Send from every device at once; return rates, latencies in ms and CPU ms a request."""
    pid = nodes.processes["api0"].pid
    clients = [Client(device, seconds, signed=signed) for device in devices]
    before, began = cpu_s(pid), time.monotonic()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    took = time.monotonic() - began
    found = sorted(latency for client in clients for latency in client.latencies)
    assert not sum(client.failures for client in clients)
    return {
        "clients": len(clients),
        "requests/s": len(found) / took,
        "p50 ms": 1e3 * found[len(found) // 2],
        "p99 ms": 1e3 * found[int(len(found) * 0.99)],
        "API CPU ms": 1e3 * (cpu_s(pid) - before) / len(found),
    }


def audit_cost(url: str, writers: int, entries: int) -> dict[str, float]:
    """Append from several tasks; return latencies until durable, and CPU an entry."""
    latencies: list[float] = []

    async def work() -> None:
        database = open_database(url)

        async def write() -> None:
            for _ in range(entries):
                began = time.perf_counter()
                async with database.write() as connection:
                    await append(connection, Event.TOKEN_ISSUED, at=SystemClock().now())
                latencies.append(time.perf_counter() - began)

        await asyncio.gather(*(write() for _ in range(writers)))
        await database.close()

    before = time.process_time()
    asyncio.run(work())
    spent = time.process_time() - before
    found = sorted(latencies)
    return {
        "writers": writers,
        "p50 ms": 1e3 * statistics.median(found),
        "p99 ms": 1e3 * found[int(len(found) * 0.99)],
        "CPU ms": 1e3 * spent / len(found),
    }


def show(database: str, what: str, row: dict[str, Any]) -> None:
    cells = "  ".join(f"{name} {value:.2f}" for name, value in row.items())
    print(f"{database:11} {what:24} {cells}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="what a signed request costs")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    load_now = Path("/proc/loadavg").read_text().split()[0]
    print(f"load average {load_now}, reference loop {reference_loop_s():.2f} s CPU")
    for database in DATABASES:
        with (
            tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
            running(Path(folder), database, 1, fsync=True, requests_per_minute="1000000") as nodes,
        ):
            key = nodes.issue(devices=options.clients)[1]
            devices = [nodes.device(licence_key=key) for _ in range(options.clients)]
            load(nodes, devices, 2, signed=True)
            plain = load(nodes, devices, options.seconds / 2, signed=False)
            show(database, "/health", plain)
            alone = load(nodes, devices[:1], options.seconds, signed=True)
            show(database, "signed, one client", alone)
            many = load(nodes, devices, options.seconds, signed=True)
            show(database, f"signed, {options.clients} clients", many)
            share = {"API CPU ms": many["API CPU ms"] - plain["API CPU ms"]}
            show(database, "signed, without /health's", share)
            for writers in (1, 8):
                cost = audit_cost(settings_of(nodes.first).app_database, writers, 100)
                show(database, f"audit entry, {writers} writers", cost)


if __name__ == "__main__":
    main()
