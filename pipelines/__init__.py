"""Compositions of commands: what a person would otherwise type one after the other."""
