"""Saving to files and reading them back: `torch.serialization`.

`save` and `load` write and read `.pt` files as PyTorch does; `safetensors` and `npz` hold the two other formats of exchange.
`files` opens and writes files, `zip_read` and `zip_write` hold the archive, `pickler` and `safe` the pickle in it, `names` and
`rebuild` what its names stand for, `pt` and `legacy` the layouts of PyTorch, `interchange` the public functions.
`load` reads the package's own `.ftc` files too; `frankentorch.checkpoint` writes them.
"""

from frankentorch.serialization.interchange import (DEFAULT_PROTOCOL, MAGIC_NUMBER, PROTOCOL_VERSION, LoadEndianness, SourceChangeWarning, get_crc32_options,
                                                    get_default_load_endianness, get_default_mmap_options, get_unsafe_globals_in_checkpoint, load, save,
                                                    set_crc32_options, set_default_load_endianness, set_default_mmap_options, skip_data)
from frankentorch.serialization.location import default_restore_location, location_tag, register_package
from frankentorch.serialization.rebuild import get_layout as _get_layout  # noqa: F401  (pickles name it)
from frankentorch.serialization.safe import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals

__all__ = ["DEFAULT_PROTOCOL", "MAGIC_NUMBER", "PROTOCOL_VERSION", "LoadEndianness", "SourceChangeWarning", "add_safe_globals", "clear_safe_globals", "default_restore_location",
           "get_crc32_options", "get_default_load_endianness", "get_default_mmap_options", "get_safe_globals", "get_unsafe_globals_in_checkpoint", "load",
           "location_tag", "register_package", "safe_globals", "save", "set_crc32_options", "set_default_load_endianness", "set_default_mmap_options", "skip_data"]
