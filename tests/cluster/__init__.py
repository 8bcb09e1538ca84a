"""Extracting on a real Dask cluster, and data in a real S3 server, both on loopback."""
