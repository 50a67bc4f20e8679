"""Create the service's tables; make the audit log append-only.

A migration is a record of its day: it repeats the tables instead of importing `db.tables`, which
moves on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _text(table: str, name: str, most: int, *, null: bool = False) -> sa.Column[str]:
    check = sa.CheckConstraint(f"length({name}) <= {most}", name=op.f(f"ck_{table}_{name}"))
    return sa.Column(name, sa.Text, check, nullable=null)


def _time(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=null)


def upgrade() -> None:
    for create in _TABLES:
        create()
    _forbid_changes_to_audit()


def downgrade() -> None:
    for create in reversed(_TABLES):
        op.drop_table(create.__name__.removeprefix("_create_"))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION pyvorin_append_only")


def _forbid_changes_to_audit() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit"
                " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION pyvorin_append_only() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit"
        " FOR EACH ROW EXECUTE FUNCTION pyvorin_append_only()"
    )
    op.execute(
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION pyvorin_append_only()"
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("sequence", _COUNTER, autoincrement=False, nullable=False),
        _time("at"),
        _text("audit", "event", 60),
        _text("audit", "organisation_id", 40),
        _text("audit", "actor", 80),
        _text("audit", "subject", 120),
        _text("audit", "detail", 4_000),
        sa.Column("previous_hash", sa.LargeBinary, nullable=False),
        sa.Column("entry_hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit")),
    )


def _create_idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("device_id", sa.Text, nullable=False),
        _text("idempotency", "route", 80),
        _text("idempotency", "key", 128),
        _text("idempotency", "body_digest", 64),
        sa.Column("status", sa.Integer, nullable=True),
        sa.Column("answer", sa.Text, nullable=True),
        _time("created_at"),
        sa.PrimaryKeyConstraint("device_id", "route", "key", name=op.f("pk_idempotency")),
    )


def _create_nonces() -> None:
    op.create_table(
        "nonces",
        _text("nonces", "key_id", 80),
        _text("nonces", "nonce", 64),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("key_id", "nonce", name=op.f("pk_nonces")),
    )
    op.create_index(op.f("ix_nonces_expires_at"), "nonces", ["expires_at"])


def _create_organisations() -> None:
    op.create_table(
        "organisations",
        sa.Column("id", sa.Text, nullable=False),
        _text("organisations", "name", 200),
        _text("organisations", "plan", 40),
        sa.Column("data_key_sealed", sa.LargeBinary, nullable=False),
        sa.Column("fingerprint_epoch", sa.Integer, nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
    )


def _create_rate_windows() -> None:
    op.create_table(
        "rate_windows",
        _text("rate_windows", "key", 120),
        sa.Column("window", _COUNTER, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("key", "window", name=op.f("pk_rate_windows")),
    )


def _create_recalls() -> None:
    op.create_table(
        "recalls",
        sa.Column("number", _COUNTER, autoincrement=True, nullable=False),
        _text("recalls", "kind", 20),
        _text("recalls", "value", 200),
        _text("recalls", "reason", 200),
        _time("created_at"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_recalls")),
    )


def _create_supervisors() -> None:
    op.create_table(
        "supervisors",
        sa.Column("executor_id", sa.Text, nullable=False),
        _text("supervisors", "tier", 20),
        _text("supervisors", "targets", 400),
        _time("beat_at"),
        sa.PrimaryKeyConstraint("executor_id", name=op.f("pk_supervisors")),
    )


def _create_token_keys() -> None:
    op.create_table(
        "token_keys",
        sa.Column("kid", sa.Text, nullable=False),
        sa.Column("public_jwk", sa.Text, nullable=False),
        sa.Column("private_sealed", sa.LargeBinary, nullable=False),
        _time("created_at"),
        _time("retire_at", null=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_token_keys")),
    )


def _create_licences() -> None:
    op.create_table(
        "licences",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column(
            "organisation_id",
            sa.Text,
            sa.ForeignKey("organisations.id", name=op.f("fk_licences_organisation_id")),
            nullable=False,
        ),
        sa.Column("lookup", sa.LargeBinary, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        _text("licences", "plan", 40),
        sa.Column("max_devices", sa.Integer, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        _time("not_before"),
        _time("expires_at"),
        _time("created_at"),
        _time("revoked_at", null=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_licences")),
        sa.UniqueConstraint("lookup", name=op.f("uq_licences_lookup")),
    )


def _create_telemetry() -> None:
    op.create_table(
        "telemetry",
        sa.Column(
            "organisation_id",
            sa.Text,
            sa.ForeignKey("organisations.id", name=op.f("fk_telemetry_organisation_id")),
            nullable=False,
        ),
        _text("telemetry", "day", 10),
        _text("telemetry", "event", 20),
        _text("telemetry", "code", 40),
        sa.Column("count", _COUNTER, nullable=False),
        sa.Column("duration_us", _COUNTER, nullable=False),
        sa.PrimaryKeyConstraint(
            "organisation_id", "day", "event", "code", name=op.f("pk_telemetry")
        ),
    )


def _create_usage() -> None:
    op.create_table(
        "usage",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column(
            "organisation_id",
            sa.Text,
            sa.ForeignKey("organisations.id", name=op.f("fk_usage_organisation_id")),
            nullable=False,
        ),
        sa.Column("device_id", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text, nullable=False),
        _text("usage", "kind", 20),
        sa.Column("credits", sa.Integer, nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage")),
        sa.UniqueConstraint("job_id", "kind", name=op.f("uq_usage_job_id_kind")),
    )
    op.create_index(
        op.f("ix_usage_organisation_created"), "usage", ["organisation_id", "created_at", "id"]
    )


def _create_devices() -> None:
    op.create_table(
        "devices",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column(
            "organisation_id",
            sa.Text,
            sa.ForeignKey("organisations.id", name=op.f("fk_devices_organisation_id")),
            nullable=False,
        ),
        sa.Column(
            "licence_id",
            sa.Text,
            sa.ForeignKey("licences.id", name=op.f("fk_devices_licence_id")),
            nullable=False,
        ),
        sa.Column("slot", sa.Integer, nullable=True),
        sa.Column("signing_key", sa.LargeBinary, nullable=False),
        sa.Column("sealing_key", sa.LargeBinary, nullable=False),
        sa.Column("label_sealed", sa.LargeBinary, nullable=True),
        sa.Column("key_epoch", sa.Integer, nullable=False),
        _time("created_at"),
        _time("revoked_at", null=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint(
            "licence_id", "signing_key", name=op.f("uq_devices_licence_id_signing_key")
        ),
        sa.UniqueConstraint("licence_id", "slot", name=op.f("uq_devices_licence_id_slot")),
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column(
            "organisation_id",
            sa.Text,
            sa.ForeignKey("organisations.id", name=op.f("fk_jobs_organisation_id")),
            nullable=False,
        ),
        sa.Column(
            "licence_id",
            sa.Text,
            sa.ForeignKey("licences.id", name=op.f("fk_jobs_licence_id")),
            nullable=False,
        ),
        sa.Column(
            "device_id",
            sa.Text,
            sa.ForeignKey("devices.id", name=op.f("fk_jobs_device_id")),
            nullable=False,
        ),
        _text("jobs", "state", 20),
        _text("jobs", "fingerprint", 200),
        _text("jobs", "source_sha256", 64),
        _text("jobs", "body_sha256", 64),
        _text("jobs", "module", 400),
        sa.Column("request_sealed", sa.LargeBinary, nullable=False),
        _text("jobs", "options", 4_000),
        _text("jobs", "target", 400),
        sa.Column("claim_signature", sa.LargeBinary, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        _text("jobs", "holder", 80, null=True),
        _text("jobs", "stage", 20, null=True),
        _text("jobs", "code", 40, null=True),
        sa.Column("report_sealed", sa.LargeBinary, nullable=True),
        sa.Column("artifact_id", sa.Text, nullable=True),
        _time("created_at"),
        _time("updated_at"),
        _time("finished_at", null=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(
        op.f("ix_jobs_organisation_created"), "jobs", ["organisation_id", "created_at", "id"]
    )
    op.create_index(op.f("ix_jobs_state"), "jobs", ["state", "updated_at"])


def _create_refresh_tokens() -> None:
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("family", sa.Text, nullable=False),
        sa.Column(
            "device_id",
            sa.Text,
            sa.ForeignKey("devices.id", name=op.f("fk_refresh_tokens_device_id")),
            nullable=False,
        ),
        _text("refresh_tokens", "scopes", 200),
        _time("created_at"),
        _time("expires_at"),
        _time("spent_at", null=True),
        _time("revoked_at", null=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh_tokens")),
    )
    op.create_index(op.f("ix_refresh_tokens_family"), "refresh_tokens", ["family"])


def _create_artifacts() -> None:
    op.create_table(
        "artifacts",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column(
            "organisation_id",
            sa.Text,
            sa.ForeignKey("organisations.id", name=op.f("fk_artifacts_organisation_id")),
            nullable=False,
        ),
        sa.Column(
            "job_id",
            sa.Text,
            sa.ForeignKey("jobs.id", name=op.f("fk_artifacts_job_id")),
            nullable=False,
        ),
        _text("artifacts", "fingerprint", 200),
        _text("artifacts", "target", 400),
        _text("artifacts", "sha256", 64),
        sa.Column("size", _COUNTER, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        _time("created_at"),
        _time("recalled_at", null=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
        sa.UniqueConstraint("job_id", name=op.f("uq_artifacts_job_id")),
        sa.UniqueConstraint(
            "organisation_id",
            "fingerprint",
            "sequence",
            name=op.f("uq_artifacts_organisation_id_fingerprint_sequence"),
        ),
    )


def _create_job_events() -> None:
    op.create_table(
        "job_events",
        sa.Column("id", _COUNTER, autoincrement=True, nullable=False),
        sa.Column(
            "job_id",
            sa.Text,
            sa.ForeignKey("jobs.id", name=op.f("fk_job_events_job_id")),
            nullable=False,
        ),
        _time("at"),
        _text("job_events", "event", 40),
        _text("job_events", "detail", 400),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_events")),
    )
    op.create_index(op.f("ix_job_events_job_id"), "job_events", ["job_id"])


def _create_open_jobs() -> None:
    op.create_table(
        "open_jobs",
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column(
            "job_id",
            sa.Text,
            sa.ForeignKey("jobs.id", name=op.f("fk_open_jobs_job_id")),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("organisation_id", "fingerprint", name=op.f("pk_open_jobs")),
        sa.UniqueConstraint("job_id", name=op.f("uq_open_jobs_job_id")),
    )


def _create_envelopes() -> None:
    op.create_table(
        "envelopes",
        sa.Column(
            "artifact_id",
            sa.Text,
            sa.ForeignKey("artifacts.id", name=op.f("fk_envelopes_artifact_id")),
            nullable=False,
        ),
        sa.Column(
            "device_id",
            sa.Text,
            sa.ForeignKey("devices.id", name=op.f("fk_envelopes_device_id")),
            nullable=False,
        ),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        _time("created_at"),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("artifact_id", "device_id", name=op.f("pk_envelopes")),
    )


_TABLES = (
    _create_audit,
    _create_idempotency,
    _create_nonces,
    _create_organisations,
    _create_rate_windows,
    _create_recalls,
    _create_supervisors,
    _create_token_keys,
    _create_licences,
    _create_telemetry,
    _create_usage,
    _create_devices,
    _create_jobs,
    _create_refresh_tokens,
    _create_artifacts,
    _create_job_events,
    _create_open_jobs,
    _create_envelopes,
)
