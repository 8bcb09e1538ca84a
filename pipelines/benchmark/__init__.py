"""Where speed, memory, parity and accuracy are measured: ``python -m pipelines.benchmark``."""
