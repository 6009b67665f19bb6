"""Files of texts in, the same rows with answers out: any size, constant memory, resumable.

``parts`` cuts the rows into parts and reads ahead; ``table`` says what a part becomes; ``job`` writes parts into a
file, ``stream`` to stdout; ``state`` is what a job knows when it goes on.
"""

from __future__ import annotations

from sentimo.engine.files.job import predict_file
from sentimo.engine.files.progress import Progress, Summary
from sentimo.engine.files.stream import predict_stream

__all__ = ["Progress", "Summary", "predict_file", "predict_stream"]
