"""Every table of the service, with its purpose and what it may hold.

No column holds source, an example's values, a bytecode, a licence key or a token: licences are
found by HMAC(pepper, SHA-256(key)), tokens by SHA-256. Columns called `…_sealed` are AES-GCM
records bound to table, column, row and organisation (`kit.sealing`). Ids are `kit.ids`.
"""

import sqlalchemy as sa

from pyvorin_server.db import people_tables, watch_tables  # noqa: F401  # part of the metadata
from pyvorin_server.db.columns import BigCounter
from pyvorin_server.db.columns import metadata as metadata
from pyvorin_server.db.columns import owner as _owner
from pyvorin_server.db.columns import text as _text
from pyvorin_server.db.columns import time as _time

organisations = sa.Table(
    "organisations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("name", 200),
    _text("plan", 40),
    sa.Column("data_key_sealed", sa.LargeBinary, nullable=False),
    sa.Column("fingerprint_epoch", sa.Integer, nullable=False),
    _time("created_at"),
)

licences = sa.Table(
    "licences",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _owner(),
    sa.Column("lookup", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("public_key", sa.LargeBinary, nullable=False),
    _text("plan", 40),
    sa.Column("max_devices", sa.Integer, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    _time("not_before"),
    _time("expires_at"),
    _time("created_at"),
    _time("revoked_at", null=True),
    _time("suspended_at", null=True),
)

# A live device occupies one slot below its licence's max_devices; UNIQUE makes the limit exact
# under any race, on both databases, without locks. A revoked device gives its slot back (NULL).
devices = sa.Table(
    "devices",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _owner(),
    sa.Column("licence_id", sa.Text, sa.ForeignKey("licences.id"), nullable=False),
    sa.Column("slot", sa.Integer, nullable=True),
    sa.Column("signing_key", sa.LargeBinary, nullable=False),
    sa.Column("sealing_key", sa.LargeBinary, nullable=False),
    sa.Column("label_sealed", sa.LargeBinary, nullable=True),
    sa.Column("key_epoch", sa.Integer, nullable=False),
    _time("created_at"),
    _time("revoked_at", null=True),
    # Only devices of CI runs end by themselves.
    _time("expires_at", null=True),
    sa.UniqueConstraint("licence_id", "slot"),
    sa.UniqueConstraint("licence_id", "signing_key"),
)

# One row a request received in the last 300 s; inserted before anything else is done.
nonces = sa.Table(
    "nonces",
    metadata,
    _text("key_id", 80),
    _text("nonce", 64),
    _time("expires_at"),
    sa.PrimaryKeyConstraint("key_id", "nonce"),
)
sa.Index("ix_nonces_expires_at", nonces.c.expires_at)

# The first answer to an Idempotency-Key, repeated for 24 hours.
idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("device_id", sa.Text, nullable=False),
    _text("route", 80),
    _text("key", 128),
    _text("body_digest", 64),
    sa.Column("status", sa.Integer, nullable=True),
    sa.Column("answer", sa.Text, nullable=True),
    _time("created_at"),
    sa.PrimaryKeyConstraint("device_id", "route", "key"),
)

# Refresh tokens by SHA-256; a spent one seen again revokes its family.
refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("family", sa.Text, nullable=False, index=True),
    sa.Column("device_id", sa.Text, sa.ForeignKey("devices.id"), nullable=False),
    _text("scopes", 200),
    # The person who approved the device; their role is read anew with every request.
    _text("member_id", 40, null=True),
    _time("created_at"),
    _time("expires_at"),
    _time("spent_at", null=True),
    _time("revoked_at", null=True),
)

# RSA keys of the access tokens: published at once, signing from `active_at` on, verifying until
# their last token is over.
token_keys = sa.Table(
    "token_keys",
    metadata,
    sa.Column("kid", sa.Text, primary_key=True),
    sa.Column("public_jwk", sa.Text, nullable=False),
    sa.Column("private_sealed", sa.LargeBinary, nullable=False),
    _time("created_at"),
    _time("active_at"),
    _time("retire_at", null=True),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _owner(),
    sa.Column("licence_id", sa.Text, sa.ForeignKey("licences.id"), nullable=False),
    sa.Column("device_id", sa.Text, sa.ForeignKey("devices.id"), nullable=False),
    _text("state", 20),
    _text("fingerprint", 200),
    _text("source_sha256", 64),
    # SHA-256 of the whole body with bundle and examples: a second sending must be the same.
    _text("body_sha256", 64),
    _text("module", 400),
    # The user's path and function names: theirs to read, nobody's to search.
    sa.Column("request_sealed", sa.LargeBinary, nullable=False),
    _text("options", 4000),
    _text("target", 400),
    # The device's Ed25519 signature over fingerprint, source digest and options.
    sa.Column("claim_signature", sa.LargeBinary, nullable=False),
    # The lease: raised by one each time a supervisor takes the job; every later write names it.
    sa.Column("fence", sa.Integer, nullable=False),
    # Place in the queue, fair between organisations: see `builds.store`.
    sa.Column("turn", BigCounter, nullable=False),
    _text("holder", 80, null=True),
    _text("stage", 20, null=True),
    _text("code", 40, null=True),
    sa.Column("report_sealed", sa.LargeBinary, nullable=True),
    sa.Column("artifact_id", sa.Text, nullable=True),
    _time("created_at"),
    _time("updated_at"),
    _time("finished_at", null=True),
)
sa.Index("ix_jobs_organisation_created", jobs.c.organisation_id, jobs.c.created_at, jobs.c.id)
sa.Index("ix_jobs_state", jobs.c.state, jobs.c.updated_at)
# Equal work in flight coalesces: at most one open job per organisation and fingerprint.
open_jobs = sa.Table(
    "open_jobs",
    metadata,
    sa.Column("organisation_id", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("job_id", sa.Text, sa.ForeignKey("jobs.id"), nullable=False, unique=True),
    sa.PrimaryKeyConstraint("organisation_id", "fingerprint"),
)

# Steps a job went through, codes only; what `job log` shows.
job_events = sa.Table(
    "job_events",
    metadata,
    sa.Column("id", BigCounter, primary_key=True, autoincrement=True),
    sa.Column("job_id", sa.Text, sa.ForeignKey("jobs.id"), nullable=False, index=True),
    _time("at"),
    _text("event", 40),
    _text("detail", 400),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _owner(),
    sa.Column("job_id", sa.Text, sa.ForeignKey("jobs.id"), nullable=False, unique=True),
    _text("fingerprint", 200),
    _text("target", 400),
    _text("sha256", 64),
    sa.Column("size", BigCounter, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("statement", sa.LargeBinary, nullable=False),
    _time("created_at"),
    _time("recalled_at", null=True),
    sa.UniqueConstraint("organisation_id", "fingerprint", "sequence"),
)

# The manifest and MAC made for one device, kept so that asking twice gives the same bytes.
envelopes = sa.Table(
    "envelopes",
    metadata,
    sa.Column("artifact_id", sa.Text, sa.ForeignKey("artifacts.id"), nullable=False),
    sa.Column("device_id", sa.Text, sa.ForeignKey("devices.id"), nullable=False),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
    _time("created_at"),
    _time("expires_at"),
    sa.PrimaryKeyConstraint("artifact_id", "device_id"),
)

# What the service counted: one row per job and kind, however often a step is repeated.
usage = sa.Table(
    "usage",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _owner(),
    sa.Column("device_id", sa.Text, nullable=False),
    sa.Column("job_id", sa.Text, nullable=False),
    _text("kind", 20),
    sa.Column("credits", sa.Integer, nullable=False),
    _time("created_at"),
    sa.UniqueConstraint("job_id", "kind"),
)
sa.Index("ix_usage_organisation_created", usage.c.organisation_id, usage.c.created_at, usage.c.id)

# What loaders must refuse; served as one signed list.
recalls = sa.Table(
    "recalls",
    metadata,
    sa.Column("number", BigCounter, primary_key=True, autoincrement=True),
    _text("kind", 20),
    _text("value", 200),
    _text("reason", 200),
    _time("created_at"),
)

# Supervisors that are alive; one that stops beating loses its jobs to another.
supervisors = sa.Table(
    "supervisors",
    metadata,
    sa.Column("executor_id", sa.Text, primary_key=True),
    _text("tier", 20),
    _text("targets", 400),
    _time("beat_at"),
)

# Telemetry, summed by day as it comes in; nothing finer is kept.
telemetry = sa.Table(
    "telemetry",
    metadata,
    _owner(),
    _text("day", 10),
    _text("event", 20),
    _text("code", 40),
    sa.Column("count", BigCounter, nullable=False),
    sa.Column("duration_us", BigCounter, nullable=False),
    sa.PrimaryKeyConstraint("organisation_id", "day", "event", "code"),
)

# Fixed windows, shared by all API processes; `window` is its start in minutes since 1970.
rate_windows = sa.Table(
    "rate_windows",
    metadata,
    _text("key", 120),
    sa.Column("window", BigCounter, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.PrimaryKeyConstraint("key", "window"),
)

# Append-only (triggers forbid UPDATE, and DELETE of what no segment sealed); each row holds the
# hash of the one before.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("sequence", BigCounter, primary_key=True, autoincrement=False),
    _time("at"),
    _text("event", 60),
    _text("organisation_id", 40),
    _text("actor", 80),
    _text("subject", 120),
    _text("detail", 4000),
    sa.Column("previous_hash", sa.LargeBinary, nullable=False),
    sa.Column("entry_hash", sa.LargeBinary, nullable=False),
)
sa.Index("ix_audit_event_at", audit.c.event, audit.c.at)
sa.Index("ix_audit_organisation_id_sequence", audit.c.organisation_id, audit.c.sequence)
