"""What ``SummaryWriter`` writes, TensorBoard's own reader reads."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import gradviz.engine as torch
from gradviz.engine.utils.tensorboard import SummaryWriter


def read(folder: Path) -> Any:
    found = EventAccumulator(str(folder), size_guidance={"histograms": 0, "images": 0, "scalars": 0})
    found.Reload()
    return found


def test_scalars_in_a_loop(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        for i in range(30):
            writer.add_scalar("loss", torch.tensor(1.0) / (i + 1), i)
        writer.add_scalars("both", {"a": 1, "b": 2.5}, 3)
    scalars = read(tmp_path).Scalars("loss")
    assert [event.step for event in scalars] == list(range(30))
    assert scalars[3].value == 0.25
    assert read(tmp_path / "both_b").Scalars("both")[0].value == 2.5
    with pytest.raises(AssertionError, match="should contain one element"):
        writer.add_scalar("loss", torch.ones(2))


def test_a_histogram_counts_every_element(tmp_path: Path) -> None:
    values = torch.tensor([-2.0, 0.0, 0.0, 0.5, 3.0])
    with SummaryWriter(tmp_path) as writer:
        writer.add_histogram("w", values, 7)
        writer.add_histogram("few", values, 7, bins="auto", max_bins=2)
    told = read(tmp_path).Histograms("w")[0].histogram_value
    assert (told.min, told.max, told.num, told.sum, told.sum_squares) == (-2, 3, 5, 1.5, 13.25)
    assert sum(told.bucket) == 5
    assert len(told.bucket) == len(told.bucket_limit)
    assert told.bucket_limit[0] < -2 < told.bucket_limit[1]


@pytest.mark.parametrize(("shape", "formats", "size"), [
    ((3, 4, 5), "CHW", (5, 4)), ((4, 5), "HW", (5, 4)), ((10, 1, 4, 5), "NCHW", (40, 8)), ((4, 5, 3), "HWC", (5, 4))])
def test_images(shape: tuple[int, ...], formats: str, size: tuple[int, int], tmp_path: Path) -> None:
    from PIL import Image

    with SummaryWriter(tmp_path) as writer:
        writer.add_image("seen", torch.ones(*shape) * 0.5, dataformats=formats)
    told = read(tmp_path).Images("seen")[0]
    picture = Image.open(io.BytesIO(told.encoded_image_string))
    assert picture.size == (told.width, told.height) == size
    assert np.asarray(picture).flat[0] == 127


def test_text_hyperparameters_and_graph(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    with SummaryWriter(tmp_path) as writer:
        writer.add_text("note", "it *works*")
        writer.add_hparams({"lr": 0.1, "name": "a", "off": None}, {"accuracy": 0.5}, run_name="one")
        writer.add_graph(model, torch.ones(4, 2))
    found = read(tmp_path)
    assert found.Tensors("note/text_summary")[0].tensor_proto.string_val[0] == b"it *works*"
    assert read(tmp_path / "one").Scalars("accuracy")[0].value == 0.5
    nodes = {node.name: node for node in found.Graph().node}
    assert {"0/weight", "0/bias", "2/weight", "2/bias"} <= set(nodes)
    relu = next(node for node in nodes.values() if node.op == "ReluBackward0")
    assert nodes[relu.input[0]].op == "AddmmBackward0"
    assert [d.size for d in relu.attr["_output_shapes"].list.shape[0].dim] == [4, 3]


def test_it_can_go_on_after_closing(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path / "run", purge_step=5)
    writer.add_scalar("a", 1, 0)
    writer.close()
    writer.add_scalar("a", 2, 1)
    writer.flush()
    writer.close()
    assert len(list((tmp_path / "run").iterdir())) == 2
    with pytest.raises(NotImplementedError, match="has no add_mesh"):
        writer.add_mesh("m", None)
