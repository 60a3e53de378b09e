"""``SummaryWriter``: scalars, histograms, images, texts, hyper-parameters and graphs into event files."""

from __future__ import annotations

import os
import socket
import time
from datetime import datetime
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from gradviz.engine.errors import UnsupportedError
from gradviz.engine.utils.tensorboard import summary


class FileWriter:
    """One event file in a folder."""

    def __init__(self, log_dir: Any, max_queue: int = 10, flush_secs: int = 120, filename_suffix: str = "") -> None:
        self._log_dir = str(log_dir)
        self.event_writer = EventFileWriter(self._log_dir, max_queue, flush_secs, filename_suffix)

    def get_logdir(self) -> str:
        return self._log_dir

    def add_event(self, event: Event, step: Any = None, walltime: float | None = None) -> None:
        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)
        self.event_writer.add_event(event)

    def add_summary(self, made: Any, global_step: Any = None, walltime: float | None = None) -> None:
        self.add_event(Event(summary=made), global_step, walltime)

    def flush(self) -> None:
        self.event_writer.flush()

    def close(self) -> None:
        self.event_writer.close()


class SummaryWriter:
    """Writes events to ``log_dir``, by default ``runs/<date>_<host><comment>``. Use it as a context manager or close
    it; what is added after that goes to a new file."""

    def __init__(self, log_dir: Any = None, comment: str = "", purge_step: int | None = None, max_queue: int = 10,
                 flush_secs: int = 120, filename_suffix: str = "") -> None:
        if not log_dir:
            now = datetime.now().strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{now}_{socket.gethostname()}{comment}")
        self.log_dir, self.purge_step = log_dir, purge_step
        self._options = max_queue, flush_secs, filename_suffix
        self.all_writers: dict[str, FileWriter] | None = None
        self.default_bins = summary.edges()
        self._file()

    def _file(self, folder: Any = None) -> FileWriter:
        """The file of a folder, by default of ``log_dir``; opened when it is first needed."""
        folder = str(self.log_dir if folder is None else folder)
        if self.all_writers is None:
            self.all_writers = {}
        if folder not in self.all_writers:
            file = self.all_writers[folder] = FileWriter(folder, *self._options)
            if self.purge_step is not None:
                file.add_event(Event(step=self.purge_step, file_version="brain.Event:2"))
                file.add_event(Event(step=self.purge_step, session_log=SessionLog(status=SessionLog.START)))
                self.purge_step = None
        return self.all_writers[folder]

    def get_logdir(self) -> Any:
        return self.log_dir

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: float | None = None,
                   new_style: bool = False, double_precision: bool = False) -> None:
        """One number."""
        self._file().add_summary(summary.scalar(tag, scalar_value), global_step, walltime)

    def add_scalars(self, main_tag: str, tag_scalar_dict: dict[str, Any], global_step: int | None = None,
                    walltime: float | None = None) -> None:
        """Several numbers for one chart: each has a folder of its own, as TensorBoard wants it."""
        base = self._file().get_logdir()
        for tag, value in tag_scalar_dict.items():
            folder = os.path.join(base, main_tag.replace("/", "_") + "_" + tag)
            self._file(folder).add_summary(summary.scalar(main_tag, value), global_step, walltime)

    def add_histogram(self, tag: str, values: Any, global_step: int | None = None, bins: Any = "tensorflow",
                      walltime: float | None = None, max_bins: int | None = None) -> None:
        """The distribution of a tensor's elements. ``bins``: limits, or a rule of ``numpy.histogram``."""
        bins = self.default_bins if isinstance(bins, str) and bins == "tensorflow" else bins
        self._file().add_summary(summary.histogram(tag, values, bins, max_bins), global_step, walltime)

    def add_image(self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None,
                  dataformats: str = "CHW") -> None:
        """A picture."""
        self._file().add_summary(summary.image(tag, img_tensor, dataformats), global_step, walltime)

    def add_images(self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None,
                   dataformats: str = "NCHW") -> None:
        """Several pictures in rows of eight."""
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_text(self, tag: str, text_string: str, global_step: int | None = None,
                 walltime: float | None = None) -> None:
        """A text in Markdown."""
        self._file().add_summary(summary.text(tag, text_string), global_step, walltime)

    def add_hparams(self, hparam_dict: dict[str, Any], metric_dict: dict[str, Any], hparam_domain_discrete: Any = None,
                    run_name: str | None = None, global_step: int | None = None) -> None:
        """The hyper-parameters of a run and what it reached with them, in a folder of their own."""
        if type(hparam_dict) is not dict or type(metric_dict) is not dict:
            raise TypeError("hparam_dict and metric_dict should be dictionary.")
        folder = os.path.join(self._file().get_logdir(), run_name or str(time.time()))
        domains = hparam_domain_discrete or {}
        params = [hparams.HParam(name, hparams.Discrete(domains[name]) if name in domains else None)
                  for name in hparam_dict]
        with SummaryWriter(folder) as writer:
            told = hparams.hparams_config_pb(params, [hparams.Metric(name) for name in metric_dict])
            writer._file().add_summary(told, global_step)
            values = {name: "None" if value is None else value for name, value in hparam_dict.items()}
            writer._file().add_summary(hparams.hparams_pb(values), global_step)
            for name, value in metric_dict.items():
                writer.add_scalar(name, value, global_step)

    def add_graph(self, model: Any, input_to_model: Any = None, verbose: bool = False,
                  use_strict_trace: bool = True) -> None:
        """The graph of one forward of ``model``."""
        from gradviz.engine.utils.tensorboard.graph import graph

        self._file().add_event(Event(graph_def=graph(model, input_to_model).SerializeToString()))

    def flush(self) -> None:
        for writer in (self.all_writers or {}).values():
            writer.flush()

    def close(self) -> None:
        for writer in (self.all_writers or {}).values():
            writer.close()
        self.all_writers = None

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("add_"):
            raise UnsupportedError(f"gradviz.engine's SummaryWriter has no {name}")
        raise AttributeError(f"'SummaryWriter' object has no attribute '{name}'")
