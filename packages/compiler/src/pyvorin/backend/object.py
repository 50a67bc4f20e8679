"""From LLVM text to an object file's bytes, by the LLVM library in llvmlite.

The processor is a named level, the same on every builder, so that the same input gives the same
bytes. From x86-64-v2 on (SSE4.1: since about 2009) rounding a float is one instruction; below, a
call of the C library.
"""

from __future__ import annotations

import llvmlite.binding as llvm

TRIPLE = "x86_64-unknown-linux-gnu"

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()
llvm.initialize_native_asmparser()  # for inline assembly


def compile_text(text: str, level: int, cpu: str) -> bytes:
    """Parse, verify, optimise and emit. Raises RuntimeError, which quotes LLVM, for text that is
    not valid.
    """
    machine = llvm.Target.from_triple(TRIPLE).create_target_machine(
        cpu=cpu, opt=min(level, 3), reloc="pic", codemodel="small"
    )
    module = llvm.parse_assembly(f'target triple = "{TRIPLE}"\n{text}')
    module.data_layout = str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = level > 1
    options.slp_vectorization = level > 1
    builder = llvm.create_pass_builder(machine, options)
    unused = llvm.create_new_module_pass_manager()  # most routines are, in most modules
    unused.add_global_dead_code_eliminate_pass()
    unused.run(module, builder)
    builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))
