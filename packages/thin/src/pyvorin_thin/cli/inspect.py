"""`pyvorin-thin inspect MODULE|FILE`: where an artifact comes from. Verified first; prints manifest
and in-toto statement."""

import argparse

from pyvorin_wire import canonical

from pyvorin_thin.cli import output
from pyvorin_thin.cli.verify import verified


def run(options: argparse.Namespace) -> int:
    documents = []
    text = ""
    for container, signer in verified(options.what):
        manifest = container.manifest
        statement = (
            canonical.loads(container.statement.body()) if container.statement.signatures else None
        )
        documents.append({"manifest": manifest.to_json(), "statement": statement, "signer": signer})
        rows = [
            ("artifact", manifest.artifact_id),
            ("module", manifest.module),
            ("functions", ", ".join(entry.qualname for entry in manifest.functions)),
            ("sha256", manifest.sha256),
            ("target", str(manifest.target)),
            (
                "toolchain",
                ", ".join(
                    f"{name} {version}" for name, version in sorted(manifest.toolchain.items())
                ),
            ),
            ("verdict", manifest.verdict_id),
            ("sandbox", f"{manifest.sandbox_tier}, quorum {manifest.quorum}"),
            ("number", str(manifest.seq)),
            ("signer", signer),
        ]
        text += output.table(rows) + "\n"
    output.data({"artifacts": documents}, text, options.format)
    return 0
