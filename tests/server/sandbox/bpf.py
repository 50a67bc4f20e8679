"""A small interpreter of the classic BPF that seccomp filters use, so that tests can ask a filter.

Opcodes as in include/uapi/linux/bpf_common.h; only those our assembler emits.
"""

import struct

X86_64 = 0xC000003E


def verdict(program: bytes, number: int, *arguments: int, architecture: int = X86_64) -> int:
    """What the filter answers to system call `number`."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("=iIQ6Q", number & 0x7FFFFFFF, architecture, 0, *padded)
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = position = 0
    while True:
        code, if_true, if_false, operand = instructions[position]
        position += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, operand)
            case 0x54:
                accumulator &= operand
            case 0x06:
                return int(operand)
            case 0x15:
                position += if_true if accumulator == operand else if_false
            case 0x35:
                position += if_true if accumulator >= operand else if_false
            case 0x45:
                position += if_true if accumulator & operand else if_false
            case _:
                raise AssertionError(hex(code))
