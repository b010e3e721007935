"""Decoding and hashing strangers' pictures in disposable child processes. Bytes go in, fingerprints or a named state come out.

matcher.decode.decoder   the front door: hands pictures to the children
matcher.decode.child     the child, which loads what it needs and no more
"""
