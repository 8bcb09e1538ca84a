"""The nightly refresh: real commands on a folder of music that grows from night to night."""
