"""The shared words of Stillwatch: data, ports and errors. Imports nothing but the standard library."""
