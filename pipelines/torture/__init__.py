"""Where faults are measured: kills, failing disks and the like (``python -m pipelines.torture``)."""
