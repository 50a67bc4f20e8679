"""When memory runs out.

Where native code makes something large it leaves before it has any effect, and CPython raises. It
cannot leave where it boxes a number or makes a small container, so 4 MiB of address space are kept
for that moment, never touched: they are given back, the object is made after all, and MemoryError
is due in this thread, as by `PyThreadState_SetAsyncExc`. Native code leaves at its next poll, and
CPython raises there, at the head of the loop or after the call. No native code is entered until
there is a reserve again.
"""

from __future__ import annotations

from pyvorin.backend.support.language import c, call, cold, data, i64, room

RESERVE = 4 << 20
CONTEXT, ALLOCATE, FREE, ALLOCATOR_BYTES = 0, 8, 16, 24  # a PyObjectArenaAllocator


@cold
def reserve() -> None:
    """Have the reserve if the system gives it. Arenas are what CPython maps for small objects."""
    if i64[data.reserve] == 0:
        at = room(ALLOCATOR_BYTES)
        c.PyObject_GetArenaAllocator(at)
        i64[data.reserve] = call(i64[at + ALLOCATE], i64[at + CONTEXT], RESERVE)


@cold
def relieve() -> None:
    """After a failed allocation: give the reserve back, and let CPython raise soon."""
    c.PyErr_Clear()
    kept = i64[data.reserve]
    if kept:
        i64[data.reserve] = 0
        at = room(ALLOCATOR_BYTES)
        c.PyObject_GetArenaAllocator(at)
        call(i64[at + FREE], i64[at + CONTEXT], kept, RESERVE)
    i64[data.epoch] = i64[data.epoch] + 1  # so that every entry looks again
    c.PyThreadState_SetAsyncExc(c.PyThread_get_thread_ident(), i64[c.PyExc_MemoryError])
