"""Turns a model into C: ``model.h`` with engine ``aot``'s plan, and the plain ``xxd -i`` form.

Pure: bytes in, text out. :func:`generate` is the whole pipeline: read the graph, normalise it,
lower it to layers, plan the arena, collect the constants, write the text.
"""

from tinyproof.codegen.descriptor import Interface
from tinyproof.codegen.generate import Generated, LayerInfo, generate
from tinyproof.codegen.xxd import xxd, xxd_name

__all__ = ["Generated", "Interface", "LayerInfo", "generate", "xxd", "xxd_name"]
