"""``model.h`` for engine ``tflm``: the FlatBuffer, its operators, its layers. Pure: no I/O.

TFLM reads the FlatBuffer on the board, so nothing is lowered here. What the board cannot find out
by itself is generated: which operators to link, how large the arena is, and which tensor each
operator writes. It stands in ``model.h`` itself, as the plan of engine ``aot`` does: one file is
all that a build is made of, so no second one can be stale.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Mapping, Sequence

from tinyproof import __version__
from tinyproof.codegen import ctext
from tinyproof.codegen.descriptor import Interface, pack_descriptor
from tinyproof.codegen.emit import flash_bytes, opening
from tinyproof.codegen.generate import Generated, LayerInfo
from tinyproof.errors import UnsupportedModelError
from tinyproof.graph import Graph, Operator, read_graph

ENGINE = "tflm"

_METHODS = """
Abs Add AddN ArgMax ArgMin AveragePool2D BatchMatMul BatchToSpaceNd BroadcastArgs BroadcastTo Cast
Ceil Concatenation Conv2D Cos CumSum DepthToSpace DepthwiseConv2D Dequantize Div DynamicUpdateSlice
Elu EmbeddingLookup Equal Exp ExpandDims Fill Floor FloorDiv FloorMod FullyConnected Gather GatherNd
Greater GreaterEqual HardSwish L2Normalization L2Pool2D LeakyRelu Less LessEqual Log LogSoftmax
LogicalAnd LogicalNot LogicalOr Logistic MaxPool2D Maximum Mean Minimum MirrorPad Mul Neg NotEqual
Pack Pad PadV2 Prelu Quantize ReduceAll ReduceMax ReduceMin Relu Relu6 Reshape ResizeBilinear
ResizeNearestNeighbor ReverseV2 Round Rsqrt SelectV2 Shape Sin Slice Softmax SpaceToBatchNd
SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze StridedSlice Sub Sum Svdf Tanh
Transpose TransposeConv UnidirectionalSequenceLSTM Unpack ZerosLike
"""

METHODS: Mapping[str, str] = {name.lower(): name for name in _METHODS.split()}
"""``Add`` methods of TFLM's ``MicroMutableOpResolver`` without their ``Add``, by the operator's
name in lower case without underscores. From ``micro_mutable_op_resolver.h`` of August 2026; left
out are those that need several subgraphs or variables, which no graph here has."""


def resolver_method(operator: str) -> str:
    """Return the resolver's method for an operator, without its ``Add``.

    Raises:
        UnsupportedModelError: TFLM does not have the operator.
    """
    method = METHODS.get(operator.replace("_", "").lower())
    if method is None:
        raise UnsupportedModelError(f"TensorFlow Lite Micro has no operator {operator}")
    return method


def generate_tflm(model: bytes, arena_bytes: int) -> Generated:
    """Return ``model.h`` for engine ``tflm``; ``model`` are the bytes of a ``.tflite`` file.

    Args:
        model: the file.
        arena_bytes: size of the arena, as found by TFLM itself; see ``tinyproof.tflm``.

    Raises:
        ModelError: the file is unreadable or contradicts itself.
        UnsupportedModelError: several subgraphs, or an operator that TFLM does not have.
    """
    graph = read_graph(model)
    digest = hashlib.sha256(model)
    inputs = tuple(Interface.of(graph.tensors[index]) for index in graph.inputs)
    outputs = tuple(Interface.of(graph.tensors[index]) for index in graph.outputs)
    descriptor = pack_descriptor(
        sha256=digest.digest(),
        engine=ENGINE,
        engine_version=__version__,
        layers=len(graph.operators),
        inputs=inputs,
        outputs=outputs,
    )
    parts = [
        *opening(model, digest.hexdigest(), inputs, outputs),
        _MODEL.format(data=ctext.byte_array(model)),
        *_figures(graph, inputs, outputs, arena_bytes),
        flash_bytes("tp_model_descriptor", descriptor),
        "\n#endif /* TP_MODEL_H */",
    ]
    return Generated(
        header="\n".join(parts) + "\n",
        sha256=digest.hexdigest(),
        model_bytes=len(model),
        arena_bytes=arena_bytes,
        weight_bytes=len(model),
        weights_crc32=zlib.crc32(model),
        layers=tuple(_info(graph, operator) for operator in graph.operators),
        inputs=inputs,
        outputs=outputs,
        descriptor=descriptor,
    )


_MODEL = """\
#ifndef TP_MODEL_TFLM
#error "This model.h is for engine tflm: run `tinyproof generate` again, or set TINYPROOF_ENGINE."
#endif

#include "tp_flash.h"

/* The .tflite file itself, byte for byte. */
static const unsigned char tp_model_data[] __attribute__((aligned(16))) = {{
{data}
}};
"""


def _figures(
    graph: Graph, inputs: Sequence[Interface], outputs: Sequence[Interface], arena_bytes: int
) -> list[str]:
    methods = sorted({resolver_method(operator.name) for operator in graph.operators})
    adds = " ".join(f"X({method})" for method in methods)
    traced = (_traced(graph, operator) for operator in graph.operators)
    layers = [f"{{{tensor}, {size}}}" for tensor, size in traced]
    return [
        f"#define TP_MODEL_ARENA_BYTES {arena_bytes}",
        f"#define TP_MODEL_LAYERS {len(graph.operators)}",
        f"#define TP_MODEL_OPERATORS {max(len(methods), 1)}",
        f"#define TP_MODEL_OPERATOR_LIST(X) {adds}",
        "/* The tensor that each layer writes, and its bytes; -1 where there is not just one. */",
        _list("LAYER_TENSORS", layers),
        _list("INPUT_SIZES", [str(item.bytes) for item in inputs]),
        _list("OUTPUT_SIZES", [str(item.bytes) for item in outputs]) + "\n",
    ]


def _list(name: str, items: Sequence[str]) -> str:
    body = ctext.wrapped(items or ["{-1, 0}"], "    ").replace("\n", " \\\n")
    return f"#define TP_MODEL_{name} \\\n{{ \\\n{body} \\\n}}"


def _traced(graph: Graph, operator: Operator) -> tuple[int, int]:
    """Return index and bytes of the tensor that a trace of this operator shows, or (-1, 0)."""
    if len(operator.outputs) != 1:
        return -1, 0
    tensor = graph.tensors[operator.outputs[0]]
    return tensor.index, tensor.bytes


def _info(graph: Graph, operator: Operator) -> LayerInfo:
    """Return what is known of one operator; TFLM itself decides where its tensors lie."""
    reads = [graph.tensors[index] for index in operator.inputs if index != -1]
    output = graph.tensors[operator.outputs[0]] if operator.outputs else None
    return LayerInfo(
        name=output.name if output else "",
        tensor=output.index if output else -1,
        operators=(operator.name,),
        operator_indices=(operator.index,),
        kernel=f"tflite::Register_{operator.name}",
        inputs=tuple(tensor.shape for tensor in reads if tensor.data is None),
        output=output.shape if output else (),
        macs=_macs(graph, operator),
        weight_bytes=sum(tensor.bytes for tensor in reads if tensor.data is not None),
        arena_in=(),
        arena_out=(0, output.bytes if output else 0),
        scratch_bytes=0,
    )


def _macs(graph: Graph, operator: Operator) -> int:
    """Return the multiply-accumulates of an operator with weights, 0 of any other.

    A weight is used once for each position of the output: filters are (out, height, width, in),
    those of a depthwise convolution (1, height, width, out), a matrix (out, in).
    """
    if operator.name not in _WEIGHTED or len(operator.inputs) < 2 or not operator.outputs:
        return 0
    output = graph.tensors[operator.outputs[0]].shape
    weights = graph.tensors[operator.inputs[1]].shape
    return math.prod(output[:-1]) * math.prod(weights)


_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
