"""A service behind the real HTTP interface: TLS 1.3 on a real local socket, real signatures, real
sealing.

It checks what the service must check (signature, digest, token, claim) and keeps every byte that
crosses the connection, as it is after decryption, so that a test can search the wire. `behaviour`
changes one thing at a time for tests of bad services.
"""

import contextlib
import datetime
import hashlib
import ipaddress
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.x509.oid import NameOID
from pyvorin_wire import api, canonical, envelope, fingerprint, httpsig, licence, recall
from pyvorin_wire.delivered import DeliveredKey
from pyvorin_wire.errors import WireError
from pyvorin_wire.jobs import JobState
from pyvorin_wire.licence import Delivered, Licence
from pyvorin_wire.platform import running
from pyvorin_wire.trust import Role

from tests.thin import artifacts

SECRET = hashlib.sha256(b"a licence key for tests").digest()
LICENCE_KEY = licence.format_key(SECRET)
COMPILER = "0.1.0"


class Authority:
    """A certificate authority for one test session."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(self.key.public_key(), "authority", self.key, is_ca=True)
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, key, *, host="127.0.0.1", days=(-1, 1)):
        return self._sign(key.public_key(), host, self.key, days=days)

    def _sign(self, public, name, key, *, is_ca=False, days=(-1, 1)):
        now = datetime.datetime.now(datetime.UTC)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if not is_ca:
            try:
                alternative = x509.IPAddress(ipaddress.ip_address(name))
            except ValueError:
                alternative = x509.DNSName(name)
            builder = builder.add_extension(
                x509.SubjectAlternativeName([alternative]), critical=False
            )
        return builder.sign(key, hashes.SHA256())


def spki(key):
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()


class Simulator:
    """`wire`: every request as received (line, headers, body). `connections`: TCP connections
    accepted."""

    def __init__(
        self, folder, *, authority=None, host="127.0.0.1", days=(-1, 1), tls=ssl.TLSVersion.TLSv1_3
    ):
        self.authority = authority or Authority()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.backup = ec.generate_private_key(ec.SECP256R1())
        self.wire = []
        self.bodies = []
        self.connections = 0
        self.nonces = set()
        self.devices = {}
        self.artifacts = {}
        self.jobs = {}
        self.events = []
        self.behaviour = {}
        self.recall_version = 1
        self.clock_offset_s = 0
        self._serve(folder, host, days, tls)

    def _serve(self, folder, host, days, tls):
        certificate = self.authority.issue(self.key, host=host, days=days)
        path = folder / "server.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = tls
        context.load_cert_chain(path)
        self.server = _Server(self, context)
        self.port = self.server.server_address[1]
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def trust(self, **changes):
        settings = {
            "ca_pem": self.authority.pem,
            "pins": (spki(self.key), spki(self.backup)),
            **changes,
        }
        return artifacts.trust(url=self.url, **settings)

    def sent(self):
        """Everything that was received, as one byte string."""
        return b"\n".join(self.wire)

    # ---- routes ---------------------------------------------------------------------------------
    def answer(self, request):
        """(status, body bytes) for a request whose signature is checked here."""
        try:
            return self._route(request)
        except _Refused as refused:
            return refused.problem.status, canonical.dumps(refused.problem.to_json())
        except WireError as error:
            found = api.problem("malformed", str(error))
            return found.status, canonical.dumps(found.to_json())

    def _route(self, request):
        body = canonical.loads(request.body) if request.body else None
        match request.method, request.path:
            case "POST", "/v1/license/activate":
                return self._json(self.activate(request, api.ActivateRequest.from_json(body)))
            case "POST", "/v1/auth/token":
                device = self._signed(request)
                assert api.TokenRequest.from_json(body).device_id == device
                return self._json(self.token(device))
        device = self._signed(request)
        if request.headers.get("authorization") != f"Bearer token-{device}":
            raise _Refused("unauthenticated")
        return self._for_device(request, device, body)

    def _for_device(self, request, device, body):
        parts = request.path.strip("/").split("/")
        match request.method, parts[1:]:
            case "GET", ["targets"]:
                view = api.TargetView(running().python_tag, COMPILER)
                return self._json(api.TargetsView((view,)))
            case "GET", ["recall"]:
                return self._json(self.recall())
            case "GET", ["trust"]:
                raise _Refused("not_found")
            case "POST", ["license", "refresh"]:
                return self._json(
                    api.LicenceResponse("active", self.licence_file(), 1, self.sealed(device))
                )
            case "POST", ["compile"]:
                return self._compile(device, api.CompileRequest.from_json(body).checked())
            case "PUT", ["compile", "jobs", job, "source"]:
                api.SourceAgain.from_json(body)
                return self._json(self.jobs[job][1].pop(0), 202)
            case "GET", ["compile", "jobs", job]:
                states = self.jobs[job][1]
                return self._json(states[0] if len(states) == 1 else states.pop(0))
            case "GET", ["compile", "jobs"]:
                return self._json(api.JobPage(()))
            case "GET", ["artifacts", name, "download"]:
                return 200, self.behaviour.get("download", lambda data: data)(self.artifacts[name])
            case "POST", ["usage", "event"]:
                batch = api.TelemetryBatch.from_json(body)
                self.events += batch.events
                return self._json(api.Accepted(len(batch.events)))
        raise _Refused("not_found")

    def _json(self, record, status=200):
        return status, canonical.dumps(record.to_json())

    def _signed(self, request):
        """Check an HMAC-signed request; the device's id."""
        parameters = httpsig.read_parameters(request.headers)
        self._verify(request, httpsig.hmac_verifier(artifacts.REQUEST_KEY), httpsig.HMAC)
        assert parameters.keyid == "req-1"
        return "dev-1"

    def _verify(self, request, check, alg):
        now = time.time() + self.clock_offset_s
        try:
            parameters = httpsig.verify(request, check, alg=alg, now_s=now)
        except WireError as error:
            if error.code == "clock_skew":
                raise _Refused("clock_skew", server_time_s=int(now)) from None
            raise _Refused("unauthenticated") from None
        if parameters.nonce in self.nonces:
            raise _Refused("unauthenticated", "nonce seen before")
        self.nonces.add(parameters.nonce)

    def token(self, device):
        version = self.recall_version
        return api.TokenResponse("token-" + device, "r" * 40, 600, recall_version=version)

    def activate(self, request, asked):
        public = Ed25519PrivateKey.from_private_bytes(licence.activation_seed(SECRET)).public_key()

        def check(signature, message):
            return asked.lookup_hash == licence.lookup_hash(SECRET) and _good(
                public, signature, message
            )

        self._verify(request, check, httpsig.ED25519)
        self.devices["dev-1"] = asked
        return api.ActivateResponse(
            "dev-1", "org-1", "lic-1", self.licence_file(), self.sealed("dev-1"), self.recall()
        )

    def licence_file(self):
        now = int(time.time())
        made = Licence(
            "lic-1", "org-1", "unlimited", ("compile",), 3, now - 9, now + 9999, now + 999, 1
        )
        return licence.sign_licence(made, {"licence-1": artifacts.KEYS[Role.LICENCE].sign})

    def sealed(self, device):
        keys = {
            Delivered.ARTIFACT_KEY: DeliveredKey("mac-1", artifacts.MAC_KEY.hex()),
            Delivered.REQUEST_KEY: DeliveredKey("req-1", artifacts.REQUEST_KEY.hex()),
            Delivered.FINGERPRINT_KEY: DeliveredKey("fp-1", artifacts.FINGERPRINT_KEY.hex(), 3),
        }
        suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
        public = X25519PublicKey.from_public_bytes(bytes.fromhex(self.devices[device].x25519))
        sealed = {
            kind: envelope.base64_text(
                suite.encrypt(
                    key.to_bytes(), public, info=licence.delivery_info(kind, "org-1", device)
                )
            )
            for kind, key in keys.items()
        }
        return api.Sealed(
            sealed[Delivered.ARTIFACT_KEY],
            sealed[Delivered.REQUEST_KEY],
            (sealed[Delivered.FINGERPRINT_KEY],),
        )

    def recall(self):
        made = recall.Recall(self.recall_version, "org-1", 1)
        return recall.sign(made, {"recall-1": artifacts.KEYS[Role.RECALL].sign})

    def _compile(self, device, asked):
        if asked.source is None:
            job = self.jobs.get(asked.fingerprint)
            if job is None:
                raise _Refused(
                    "fingerprint_unknown", "this organisation has not built this code yet"
                )
            return self._json(job)
        self._check_claim(device, asked)
        digest = fingerprint.canonical_digest(
            asked.source,
            asked.functions,
            options=asked.all_options(),
            target=asked.target,
            compiler=COMPILER,
            bundle=asked.bundle,
        )
        assert asked.claim.fingerprint == fingerprint.keyed(artifacts.FINGERPRINT_KEY, 3, digest)
        job_id = f"job-{len(self.jobs)}"
        done = self.build(asked.claim.fingerprint, asked, job_id)
        states = self.behaviour.get("states", lambda job: [job])(done)
        self.jobs[job_id] = (asked, states)
        waiting = api.JobView(job_id, JobState.QUEUED, 1, 1, module=asked.module)
        return self._json(waiting, 202)

    def _check_claim(self, device, asked):
        claim = asked.claim
        assert claim.source_sha256 == hashlib.sha256(asked.source.encode()).hexdigest()
        assert claim.options_sha256 == fingerprint.options_digest(asked.all_options())
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.devices[device].ed25519))
        message = envelope.pae(api.CLAIM_TYPE, claim.signed_bytes())
        assert _good(public, envelope.unbase64(claim.signature), message)

    def build(self, wanted, asked, job_id="job-x"):
        """Enter an artifact for a fingerprint; the finished job."""
        number = len(self.artifacts)
        about = artifacts.manifest(
            artifact_id=f"art-{number}",
            module=asked.module,
            fingerprint=wanted,
            options_sha256=fingerprint.options_digest(asked.all_options()),
            target=asked.target,
            seq=number,
            **self.behaviour.get("manifest", {}),
        )
        self.artifacts[about.artifact_id] = artifacts.container(about)
        job = api.JobView(
            job_id, JobState.COMPLETE, 1, 2, asked.module, artifact_id=about.artifact_id
        )
        self.jobs[wanted] = job
        return job


class _Refused(Exception):
    def __init__(self, code, detail="", **extra):
        super().__init__(code)
        self.problem = api.problem(code, detail, **extra)


def _good(public, signature, message):
    try:
        public.verify(signature, message)
    except Exception:
        return False
    return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, simulator, context):
        self.simulator = simulator
        self.context = context
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self):
        connection, address = super().get_request()
        self.simulator.connections += 1
        return connection, address

    def finish_request(self, request, client_address):
        request.settimeout(10)
        try:
            secure = self.context.wrap_socket(request, server_side=True)
        except (ssl.SSLError, OSError):
            return
        super().finish_request(secure, client_address)
        with contextlib.suppress(OSError):
            secure.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):
        """A client that refuses us closes the connection; that is what some tests are for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _handle(self):
        simulator = self.server.simulator
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        simulator.bodies.append(body)
        simulator.wire.append(f"{self.requestline}\n{self.headers}".encode() + body)
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = httpsig.Request(self.command, headers["host"], path, query, headers, body)
        raw = simulator.behaviour.get("raw")
        status, answer = raw(request) if raw else simulator.answer(request)
        self._reply(status, answer, simulator.behaviour.get("headers", {}))

    do_GET = do_POST = do_PUT = _handle  # names that http.server looks for

    def _reply(self, status, answer, headers):
        self.send_response(status)
        merged = {"Content-Length": str(len(answer)), "Connection": "close", **headers}
        for name, value in merged.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)
        self.close_connection = True

    def log_message(self, *arguments):
        """Quiet."""
