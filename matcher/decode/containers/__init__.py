"""The files pictures come in: which format it is, what its header promises, and whether it is all there.

Nothing here decodes a pixel. Metadata that hashing does not need (colour profiles, comments, thumbnails, further pictures
behind the first) is cut out before a decoder sees the bytes.
"""
