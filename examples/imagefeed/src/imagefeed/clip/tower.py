"""Runs one tower of a CLIP export with onnxruntime; it never knows what the numbers mean."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imagefeed.clip.errors import ClipError

Number = np.float32 | np.float16 | np.int64 | np.int32
Array = NDArray[np.float32] | NDArray[np.int64]

_TYPES: Mapping[str, type[Number]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


class Slot(Protocol):
    """An input or output of a model, as onnxruntime describes it."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def shape(self) -> list[int | str | None]: ...


class Session(Protocol):
    """The part of onnxruntime's InferenceSession that is used."""

    def get_inputs(self) -> list[Slot]: ...
    def get_outputs(self) -> list[Slot]: ...
    def run(self, output_names: list[str], input_feed: dict[str, NDArray[np.generic]]) -> list[NDArray[np.generic]]: ...


@dataclass(frozen=True)
class Tower:
    """One loaded model and the parts of its face that callers need."""

    path: Path
    session: Session
    takes: Mapping[str, type[Number]]
    gives: str
    last_side: int | None
    """The last dimension of the main input, where the model fixes it: picture width or tokens a text."""
    width: int
    """Dimensions of an embedding; 0 where the model does not say."""

    def run(self, inputs: Mapping[str, Array]) -> NDArray[np.float32]:
        """Gives the embeddings, (rows, width), as they are; inputs the model has no use for are left out.

        Raises:
            ClipError: the model refused the inputs.
        """
        fed = {name: inputs[name].astype(kind, copy=False) for name, kind in self.takes.items()}
        try:
            (found,) = self.session.run([self.gives], fed)
        except Exception as error:  # onnxruntime's errors share no class below Exception
            raise ClipError(f"{self.path} refused its input: {error}") from error
        return found.astype(np.float32, copy=False)


def open_tower(path: Path, *, takes: str, gives: str, threads: int) -> Tower:
    """Opens a model that takes `takes` (and perhaps attention_mask) and gives `gives`.

    Raises:
        ClipError: the file is no ONNX model, or its inputs or outputs are others.
    """
    session = _open(path, threads)
    slots = {slot.name: slot for slot in session.get_inputs()}
    outputs = {slot.name: slot for slot in session.get_outputs()}
    if takes not in slots or set(slots) - {takes, "attention_mask"} or gives not in outputs:
        raise ClipError(
            f"{path} takes {', '.join(slots)} and gives {', '.join(outputs)}: "
            f"a CLIP tower takes {takes} (and perhaps attention_mask) and gives {gives}"
        )
    unknown = [slot.type for slot in slots.values() if slot.type not in _TYPES]
    if unknown:
        raise ClipError(f"{path} takes {', '.join(unknown)}, which is not known here")
    return Tower(
        path=path,
        session=session,
        takes={name: _TYPES[slot.type] for name, slot in slots.items()},
        gives=gives,
        last_side=_last(slots[takes]),
        width=_last(outputs[gives]) or 0,
    )


def _open(path: Path, threads: int) -> Session:
    onnxruntime = importlib.import_module("onnxruntime")  # slow, so only where a model is really opened

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors are raised as well; warnings about a model's graph help nobody here
    try:
        session: Session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no class below Exception
        raise ClipError(f"{path} is not an ONNX model that can be opened: {error}") from error
    return session


def _last(slot: Slot) -> int | None:
    side = slot.shape[-1] if slot.shape else None
    return side if isinstance(side, int) else None
