"""Where faults are measured: kills, failing disks and others (``python -m pipelines.torture``)."""
