"""A generator expression and its consumer, as one function.

    sum(x * k for x in xs)        outside    %f = py.function %k {const}; %i = py.iter %xs
                                             %g = py.generator %f, %i
                                             %n = py.consume %sum, %g {consumer="sum"}

                                  inside     begin            %s = py.zero
                                             yield %x         %s = py.sum %s, %x
                                             return           ret %s

What makes leaving in the middle exact: a frame state inside lists, behind the locals, a few items
that stand for all that the consumer has **taken** so far (`taken`): the sum so far for `sum`, the
best item for `min` and `max`, the list for those that read all items first, nothing for `any` and
`all`. CPython goes on with a real generator, which gives these once more, then stands at the
instruction; and the real consumer, which begins anew, comes to where native code was. An operation
of the consumer itself leaves at the `yield`, with its item still on the stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyvorin.frontend.opcodes import Instruction
from pyvorin.ir.consumer import BEST, KEEPING, LISTING
from pyvorin.ir.model import Block, Edge, Maybe, Op, Rep, Slot, Value, Virtual

if TYPE_CHECKING:
    from pyvorin.frontend.emit import BlockEmitter

KEPT = "(kept)"  # the variable of a consumer that has one


def taken(consumer: str, kept: Sequence[Slot]) -> Slot:
    """The items that stand for those taken."""
    if consumer in LISTING and kept[0] is not None:
        return kept[0]
    return Virtual("tuple", tuple(slot for slot in kept if slot is not None))


# ---- inside --------------------------------------------------------------------------------------
def begin(emitter: BlockEmitter) -> None:
    """Start the consumer."""
    consumer = emitter.unit.function.consumer
    if consumer == "sum":
        emitter.locals[-1] = emitter.emit("py.zero", [])[0]
    if consumer in LISTING:
        emitter.locals[-1] = emitter.emit("py.list", [], state=emitter.state)[0]


def take(emitter: BlockEmitter) -> None:
    """Give an item to the consumer; go on behind the `yield`, or end."""
    consumer, state = emitter.unit.function.consumer, emitter.state
    item = emitter.stack.pop()
    assert isinstance(item, Value), item
    kept = emitter.locals[-1]
    if consumer == "sum":
        assert isinstance(kept, Value)
        added = emitter.emit("py.sum", [kept, item], state=state, op="+", inplace=False)
        emitter.locals[-1] = added[0]
    if consumer in LISTING:
        assert isinstance(kept, Value)
        emitter.emit("py.append", [kept, item], (), state)
    if consumer in BEST:
        _choose(emitter, item)
        return
    sent = ("singleton", "None")
    emitter.stack += emitter.emit("py.const", [], source=sent)
    edges = [emitter.edge_on()]
    if consumer in ("any", "all"):
        (truth,) = emitter.emit("py.truth", [item], (Rep.I1,), state)
        edges.insert(consumer == "all", Edge(_answer(emitter, consumer == "any")))
        emitter.end("condbr", [truth], edges=edges)
    else:
        emitter.end("br", edges=edges)


def keeping(instruction: Instruction, place: int) -> Instruction:
    """An instruction whose yields bind the consumer's variable."""
    steps = (
        step._replace(args=(place,)) if step.kind == "yield" else step for step in instruction.steps
    )
    return instruction._replace(steps=tuple(steps))


def _choose(emitter: BlockEmitter, item: Value) -> None:
    """Keep the better one of the best item so far, if there is one, and another."""
    kept, state, best = emitter.locals[-1], emitter.state, emitter.unit.function.consumer
    emitter.stack += emitter.emit("py.const", [], source=("singleton", "None"))
    emitter.locals[-1] = item
    other = emitter.edge_on()
    if isinstance(kept, Maybe):
        block = emitter.unit.function.new_block("compare")
        emitter.end("condbr", [kept.bound], edges=[Edge(block), other])
        emitter.go_to(block)
        kept = kept.value
    if not isinstance(kept, Value):
        emitter.end("br", edges=[other])
        return
    (better,) = emitter.emit("py.compare", [item, kept], state=state, op=_BETTER[best])
    (truth,) = emitter.emit("py.truth", [better], (Rep.I1,), state)
    replaced = emitter.edge_on()
    emitter.locals[-1] = kept
    emitter.end("condbr", [truth], edges=[replaced, emitter.edge_on()])


_BETTER = {"min": "<", "max": ">"}


def _best(emitter: BlockEmitter) -> Value | None:
    """The best item; where there is none, leave: only the consumer itself raises."""
    kept, state = emitter.locals[-1], emitter.state
    if isinstance(kept, Maybe):
        found, none = (emitter.unit.function.new_block(name) for name in ("found", "none"))
        none.ops.append(Op("leave", attrs={"reason": "no item"}, state=state))
        emitter.end("condbr", [kept.bound], edges=[Edge(found), Edge(none)])
        emitter.go_to(found)
        kept = kept.value
    if isinstance(kept, Value):
        return kept
    emitter.end("leave", state=state, reason="no item")
    return None


def result(emitter: BlockEmitter) -> Value | None:
    """What the consumer answers when there are no more items; None if it left."""
    consumer = emitter.unit.function.consumer
    if consumer in BEST:
        return _best(emitter)
    if consumer in KEEPING:
        kept = emitter.locals[-1]
        assert isinstance(kept, Value)
        return kept
    return emitter.emit("py.const", [], source=("singleton", str(consumer == "all")))[0]


def _answer(emitter: BlockEmitter, answer: bool) -> Block:
    """A block that answers at once."""
    function = emitter.unit.function
    block, value = function.new_block("decided"), function.new_value(Rep.OBJ)
    constant = Op("py.const", [], [value], {"source": ("singleton", str(answer))})
    block.ops += [constant, Op("ret", [value])]
    return block


# ---- outside -------------------------------------------------------------------------------------
def call(emitter: BlockEmitter, operands: list[Value]) -> bool:
    """Emit a call that makes a generator consumed in place, or the call that consumes it; say
    whether it is one.
    """
    if not emitter.unit.consumed:
        return False
    made = {value: op for op in emitter.block.ops for value in op.results}
    first, last = made.get(operands[0]), made.get(operands[-1])
    if first is not None and first.name == "py.function":
        if first.attrs["const"] not in emitter.unit.consumed:
            return False
        emitter.stack += emitter.emit("py.generator", operands)
        return True
    if last is None or last.name != "py.generator":
        return False
    place = made[last.operands[0]].attrs["const"]
    _consume(emitter, operands, emitter.unit.consumed[place])
    return True


def _consume(emitter: BlockEmitter, operands: list[Value], consumer: str) -> None:
    callee, generator = operands
    (found,) = emitter.emit(
        "py.consume", [callee, generator], state=emitter.state, consumer=consumer
    )
    if consumer == "items":
        (again,) = emitter.emit("py.replay", [found])
        stack = tuple(again if slot is generator else slot for slot in emitter.state.stack)
        state = emitter.state._replace(stack=stack)
        (found,) = emitter.emit("py.call", [callee, found], state=state, kwnames=())
    emitter.stack.append(found)
