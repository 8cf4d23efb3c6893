"""The layers that a board runs: what each stands for in the model, and the time it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyproof.codegen import Generated
from tinyproof.graph import read_graph
from tinyproof.messages import ProfileAnswer
from tinyproof.report import LayerFigures

AOT = "aot"


@dataclass(frozen=True)
class PlannedLayer:
    """One layer of an engine's plan.

    Attributes:
        operators: names of the operators it carries out; more than one are a fused group.
        tensor: index in the ``.tflite`` of the tensor it writes; of a group, the last one's.
        shape: of that tensor.
        macs: multiply-accumulates; 0 where they are not known.
    """

    operators: tuple[str, ...]
    tensor: int
    shape: tuple[int, ...]
    macs: int

    @property
    def name(self) -> str:
        """Its operators in one word or several."""
        return " + ".join(self.operators)


def planned_layers(generated: Generated, engine: str, model: bytes) -> tuple[PlannedLayer, ...]:
    """Return the layers that ``engine`` runs: fused groups in ``aot``, else single operators."""
    if engine == AOT:
        return tuple(
            PlannedLayer(layer.operators, layer.tensor, layer.output, layer.macs)
            for layer in generated.layers
        )
    graph = read_graph(model)
    macs = {layer.operator_indices[0]: layer.macs for layer in generated.layers}
    return tuple(
        PlannedLayer(
            (operator.name,),
            operator.outputs[0],
            graph.tensors[operator.outputs[0]].shape,
            macs.get(operator.index, 0),
        )
        for operator in graph.operators
    )


def layer_figures(
    layers: Sequence[PlannedLayer],
    profiles: Sequence[ProfileAnswer] = (),
    cycles_per_tick: float | None = None,
) -> tuple[LayerFigures, ...]:
    """Return the figures of each layer, without times if there are no profiles.

    Args:
        layers: as the engine runs them.
        profiles: of one or more inferences; those that have another number of layers are ignored.
        cycles_per_tick: clock cycles in one tick; None if the clock is not known.
    """
    usable = [profile.layers for profile in profiles if len(profile.layers) == len(layers)]
    if not usable:
        return tuple(_untimed(index, layer) for index, layer in enumerate(layers))
    table = np.array(usable, np.int64)
    medians = np.median(table, axis=0)
    total = float(medians.sum())
    found = []
    for index, layer in enumerate(layers):
        ticks = float(medians[index])
        cycles = cycles_per_tick and layer.macs and ticks * cycles_per_tick / layer.macs
        found.append(
            LayerFigures(
                index,
                layer.name,
                layer.operators,
                layer.shape,
                layer.macs,
                ticks,
                int(table[:, index].min()),
                int(table[:, index].max()),
                round(ticks / total, 4) if total else None,
                round(cycles, 3) if cycles else None,
            )
        )
    return tuple(found)


def _untimed(index: int, layer: PlannedLayer) -> LayerFigures:
    return LayerFigures(index, layer.name, layer.operators, layer.shape, layer.macs)
