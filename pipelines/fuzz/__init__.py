"""Hostile input, looked for by a fuzzer that sees which lines its input reaches."""
