"""`pyvorin-server verifier`: the verifier process."""

import asyncio

from pyvorin_server.kit import process
from pyvorin_server.kit.local import serve
from pyvorin_server.kit.tokens import read_token
from pyvorin_server.settings import Settings
from pyvorin_server.verifier.service import SOCKET, Verifier, load_key

KEY_FILE = "verifier.key"


async def run(settings: Settings) -> None:
    """Serve until SIGTERM."""
    process.start_logging("verifier")
    verifier = Verifier(load_key(settings.key_dir / KEY_FILE))
    server = await serve(
        settings.run_dir / SOCKET,
        read_token(settings.key_dir, "verifier"),
        {"judge": verifier.answer_judge},
    )
    await process.until_terminated()
    server.close()


def main(settings: Settings) -> None:
    process.harden()
    asyncio.run(run(settings))
