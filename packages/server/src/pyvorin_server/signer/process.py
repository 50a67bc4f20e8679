"""`pyvorin-server signer`: the signer process."""

import asyncio

from pyvorin_server.db import open_database
from pyvorin_server.kit import process
from pyvorin_server.kit.clock import SystemClock
from pyvorin_server.kit.local import serve
from pyvorin_server.kit.sealing import FileKeyProvider, read_secret
from pyvorin_server.kit.tokens import read_token
from pyvorin_server.settings import Settings
from pyvorin_server.signer.keys import load_keys
from pyvorin_server.signer.ledger import Ledger
from pyvorin_server.signer.service import SOCKET, Signer

KEK_FILE = "signer.kek"
RING_FILE = "signer-ring.sealed"
VERIFIER_PUBLIC_FILE = "verifier.pub"


async def run(settings: Settings) -> None:
    """Serve until SIGTERM."""
    process.start_logging("signer")
    keys = load_keys(settings.key_dir / RING_FILE, FileKeyProvider(settings.key_dir / KEK_FILE))
    verifier_public = bytes.fromhex(read_secret(settings.key_dir / VERIFIER_PUBLIC_FILE).decode())
    ledger = Ledger(settings.data_dir / "signer.db")
    database = open_database(settings.app_database)
    signer = Signer(settings, database, keys, verifier_public, ledger, SystemClock())
    server = await serve(
        settings.run_dir / SOCKET,
        read_token(settings.key_dir, "signer"),
        {
            "sign": signer.answer_sign,
            "envelope": signer.answer_envelope,
            "deliver": signer.answer_deliver,
            "licence": signer.answer_licence,
            "recall": signer.answer_recall,
            "head": signer.answer_head,
            "segment": signer.answer_segment,
        },
    )
    await process.until_terminated()
    server.close()
    await database.close()
    ledger.close()


def main(settings: Settings) -> None:
    process.harden()
    asyncio.run(run(settings))
