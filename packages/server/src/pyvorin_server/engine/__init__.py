"""The durable workflow engine (DBOS Transact) behind a small port."""

from pyvorin_server.engine.port import QUEUE, Engine, EngineClient
from pyvorin_server.engine.serializer import SealedJson, refuse_pickle

__all__ = ["QUEUE", "Engine", "EngineClient", "SealedJson", "refuse_pickle"]
