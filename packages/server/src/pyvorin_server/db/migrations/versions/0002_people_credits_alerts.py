"""People, CI trust, credits, alerts, sealed audit segments; row-level security on PostgreSQL.

A migration is a record of its day: it repeats names instead of importing `db.tables`.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

# Rows with an owner of their own, and rows that belong to whom their parent belongs to.
_OWNED = (
    "licences",
    "devices",
    "jobs",
    "open_jobs",
    "artifacts",
    "usage",
    "telemetry",
    "members",
    "roles",
    "enrolments",
    "sessions",
    "device_codes",
    "identity_trusts",
    "credit_periods",
    "webhooks",
)
_PARENTS = {
    "job_events": ("jobs", "job_id"),
    "envelopes": ("artifacts", "artifact_id"),
    "refresh_tokens": ("devices", "device_id"),
}
_ROLES = {
    "administrator": "alerts.read artifacts.read audit.read jobs.read licences.read"
    " licences.write members.read members.write roles.read roles.write session.self"
    " settings.read settings.write usage.read",
    "auditor": "alerts.read artifacts.read audit.read jobs.read members.read roles.read"
    " session.self",
    "billing": "licences.read session.self usage.read",
    "developer": "artifacts.read jobs.read session.self usage.read",
    "viewer": "artifacts.read jobs.read session.self",
}
_MINE = "current_setting('pyvorin.organisation', true)"


def upgrade() -> None:
    _add_columns()
    for create in _TABLES:
        create()
    op.create_index("ix_audit_event_at", "audit", ["event", "at"])
    op.create_index("ix_audit_organisation_id_sequence", "audit", ["organisation_id", "sequence"])
    _count_open_jobs()
    _give_roles()
    _forbid_changes()
    if op.get_bind().dialect.name == "postgresql":
        _secure_rows()


def _count_open_jobs() -> None:
    """Reserve the credit of every job that is under way, and count what was used."""
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT j.organisation_id, j.created_at, j.finished_at, coalesce(u.credits, 0) AS cost"
            " FROM jobs j LEFT JOIN usage u ON u.job_id = j.id"
        )
    ).all()
    counts: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        month = datetime.fromtimestamp(row.created_at / 1_000_000, UTC).strftime("%Y-%m")
        count = counts.setdefault((row.organisation_id, month), [0, 0])
        count[0] += row.finished_at is None
        count[1] += row.cost
    insert = sa.text("INSERT INTO credit_periods VALUES (:organisation, :month, :open, :used)")
    for (organisation, month), (still_open, used) in counts.items():
        values = {"organisation": organisation, "month": month, "open": still_open, "used": used}
        connection.execute(insert, values)


def _give_roles() -> None:
    """Give the organisations that exist the built-in roles of this day."""
    connection = op.get_bind()
    insert = sa.text(
        "INSERT INTO roles (organisation_id, name, version, permissions, created_by, created_at)"
        " SELECT id, :name, 1, :permissions, 'service', created_at FROM organisations"
    )
    for name, permissions in _ROLES.items():
        connection.execute(insert, {"name": name, "permissions": permissions})


def downgrade() -> None:
    raise NotImplementedError("restore a backup: people and credits cannot be given up in place")


def _text(table: str, name: str, most: int, *, null: bool = False) -> sa.Column[str]:
    check = sa.CheckConstraint(f"length({name}) <= {most}", name=op.f(f"ck_{table}_{name}"))
    return sa.Column(name, sa.Text, check, nullable=null)


def _time(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=null)


def _ref(table: str, name: str, target: str) -> sa.Column[str]:
    key = sa.ForeignKey(f"{target}.id", name=op.f(f"fk_{table}_{name}"))
    return sa.Column(name, sa.Text, key, nullable=False)


def _owner(table: str) -> sa.Column[str]:
    return _ref(table, "organisation_id", "organisations")


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.Text, nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _key(table: str, *names: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*names, name=op.f(f"pk_{table}"))


def _once(table: str, *names: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*names, name=op.f(f"uq_{table}_{'_'.join(names)}"))


def _add_columns() -> None:
    with op.batch_alter_table("licences") as batch:
        batch.add_column(_time("suspended_at", null=True))
    with op.batch_alter_table("devices") as batch:
        batch.add_column(_time("expires_at", null=True))
    with op.batch_alter_table("jobs") as batch:
        batch.add_column(sa.Column("turn", _COUNTER, nullable=False, server_default="0"))
    with op.batch_alter_table("jobs") as batch:
        batch.alter_column("turn", existing_type=_COUNTER, server_default=None)
    with op.batch_alter_table("refresh_tokens") as batch:
        batch.add_column(_text("refresh_tokens", "member_id", 40, null=True))
    op.add_column("token_keys", _time("active_at", null=True))
    op.execute("UPDATE token_keys SET active_at = created_at")
    with op.batch_alter_table("token_keys") as batch:
        batch.alter_column("active_at", existing_type=sa.BigInteger, nullable=False)


def _create_members() -> None:
    op.create_table(
        "members",
        _id(),
        _owner("members"),
        _text("members", "login", 64),
        _text("members", "role", 40),
        _text("members", "password_hash", 200),
        _bytes("totp_sealed"),
        sa.Column("totp_step", sa.BigInteger, nullable=False),
        _time("created_at"),
        _time("disabled_at", null=True),
        _key("members", "id"),
        _once("members", "login"),
    )


def _create_roles() -> None:
    op.create_table(
        "roles",
        _owner("roles"),
        _text("roles", "name", 40),
        sa.Column("version", sa.Integer, nullable=False),
        _text("roles", "permissions", 2000),
        _text("roles", "created_by", 80),
        _time("created_at"),
        _key("roles", "organisation_id", "name", "version"),
    )


def _create_enrolments() -> None:
    op.create_table(
        "enrolments",
        _bytes("digest"),
        _owner("enrolments"),
        _text("enrolments", "role", 40),
        _time("created_at"),
        _time("expires_at"),
        _time("used_at", null=True),
        _key("enrolments", "digest"),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        _bytes("digest"),
        _owner("sessions"),
        _ref("sessions", "member_id", "members"),
        _time("created_at"),
        _time("seen_at"),
        _time("ended_at", null=True),
        _key("sessions", "digest"),
    )
    op.create_index(op.f("ix_sessions_member_id"), "sessions", ["member_id"])


def _create_device_codes() -> None:
    op.create_table(
        "device_codes",
        _bytes("digest"),
        _bytes("user_code"),
        _owner("device_codes"),
        _ref("device_codes", "device_id", "devices"),
        _text("device_codes", "scopes", 200),
        _text("device_codes", "member_id", 40, null=True),
        _text("device_codes", "state", 10),
        _time("created_at"),
        _time("polled_at", null=True),
        _time("expires_at"),
        _key("device_codes", "digest"),
        _once("device_codes", "user_code"),
    )


def _create_identity_trusts() -> None:
    op.create_table(
        "identity_trusts",
        _id(),
        _owner("identity_trusts"),
        _ref("identity_trusts", "licence_id", "licences"),
        _text("identity_trusts", "issuer", 200),
        _text("identity_trusts", "audience", 200),
        _text("identity_trusts", "subject", 400),
        _time("created_at"),
        _time("revoked_at", null=True),
        _key("identity_trusts", "id"),
        _once("identity_trusts", "organisation_id", "issuer", "audience", "subject"),
    )


def _create_audit_segments() -> None:
    op.create_table(
        "audit_segments",
        sa.Column("first", _COUNTER, nullable=False, autoincrement=False),
        sa.Column("last", _COUNTER, nullable=False),
        _bytes("hash_before"),
        _bytes("hash_at_last"),
        _bytes("root"),
        _bytes("statement"),
        _time("newest_at"),
        _time("sealed_at"),
        _key("audit_segments", "first"),
        _once("audit_segments", "last"),
    )


def _create_credit_periods() -> None:
    op.create_table(
        "credit_periods",
        _owner("credit_periods"),
        _text("credit_periods", "period", 7),
        sa.Column("reserved", _COUNTER, nullable=False),
        sa.Column("used", _COUNTER, nullable=False),
        _key("credit_periods", "organisation_id", "period"),
    )


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        _id(),
        _text("alerts", "organisation_id", 40),
        _text("alerts", "rule", 40),
        _text("alerts", "subject", 120),
        sa.Column("window", _COUNTER, nullable=False),
        _text("alerts", "detail", 400),
        _time("created_at"),
        _key("alerts", "id"),
        _once("alerts", "rule", "subject", "window"),
    )


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        _id(),
        _owner("webhooks"),
        _text("webhooks", "url", 400),
        _bytes("secret_sealed"),
        _time("created_at"),
        _time("disabled_at", null=True),
        _key("webhooks", "id"),
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        _ref("deliveries", "alert_id", "alerts"),
        _text("deliveries", "target", 40),
        sa.Column("attempts", sa.Integer, nullable=False),
        _text("deliveries", "outcome", 40),
        _time("next_at"),
        _time("delivered_at", null=True),
        _key("deliveries", "alert_id", "target"),
    )


_TABLES = (
    _create_members,
    _create_roles,
    _create_enrolments,
    _create_sessions,
    _create_device_codes,
    _create_identity_trusts,
    _create_audit_segments,
    _create_credit_periods,
    _create_alerts,
    _create_webhooks,
    _create_deliveries,
)


def _forbid_changes() -> None:
    """A sealed segment may go, nothing else; roles and segments are append-only too."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_no_delete")
        op.execute(
            "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN NOT EXISTS (SELECT 1 FROM"
            " audit_segments s WHERE OLD.sequence BETWEEN s.first AND s.last)"
            " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
        for table in ("audit_segments", "roles"):
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                    f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        return
    op.execute("DROP TRIGGER audit_no_change ON audit")
    op.execute(
        "CREATE FUNCTION pyvorin_sealed_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF EXISTS (SELECT 1 FROM audit_segments s WHERE OLD.sequence BETWEEN s.first AND s.last)"
        " THEN RETURN OLD; END IF;"
        " RAISE EXCEPTION 'the audit log is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit"
        " FOR EACH ROW EXECUTE FUNCTION pyvorin_append_only()"
    )
    op.execute(
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit"
        " FOR EACH ROW EXECUTE FUNCTION pyvorin_sealed_only()"
    )
    for table in ("audit_segments", "roles"):
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION pyvorin_append_only()"
        )


def _secure_rows() -> None:
    """Show and take only rows of the organisation that the transaction names; `*` is the service.

    FORCE holds the tables' owner to it too; only a superuser is not, so the service's login must
    not be one.
    """
    for table in _OWNED:
        rule = f"{_MINE} = '*' OR organisation_id = {_MINE}"
        _policy(table, rule)
    _policy("organisations", f"{_MINE} = '*' OR id = {_MINE}")
    for table, (parent, column) in _PARENTS.items():
        _policy(table, f"EXISTS (SELECT 1 FROM {parent} p WHERE p.id = {table}.{column})")


def _policy(table: str, rule: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({rule}) WITH CHECK ({rule})")
