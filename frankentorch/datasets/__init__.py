"""Small data sets shipped with the package, each beside its licence.

`digits` is the test set of the UCI Optical Recognition of Handwritten Digits: enough to train a real model on a machine
without a network. Its file holds one byte per number, pixels then labels, compressed by zlib.
"""

import hashlib
import os
import zlib

from frankentorch import ops

_COUNT, _SIDE = 1797, 8
_NBYTES = _COUNT * (_SIDE * _SIDE + 1)
# SHA-256 of the uncompressed numbers, not of the file: it does not depend on the version of zlib.
_DIGEST = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
_DIGITS_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "digits.bin.z")


def digits():
    """Handwritten digits, 8 by 8 pixels.

    Returns
    -------
    images : Tensor, uint8, shape (1797, 1, 8, 8)
        Ink per pixel, 0 to 16.
    labels : Tensor, int64, shape (1797,)
        The digit, 0 to 9.

    Raises
    ------
    RuntimeError
        The installed file is not the one that was shipped.

    Notes
    -----
    Each call makes new tensors. Source and licence: ``digits.LICENSE.txt`` beside this module (CC BY 4.0).

    >>> images, labels = digits()
    >>> images.shape, labels[:4].tolist()
    (torch.Size([1797, 1, 8, 8]), [0, 1, 2, 3])
    """
    numbers = ops.frombuffer(bytearray(_read(_DIGITS_FILE)), dtype=ops.uint8)
    pixels = _COUNT * _SIDE * _SIDE
    return numbers[:pixels].reshape(_COUNT, 1, _SIDE, _SIDE), numbers[pixels:].to(ops.int64)


def _read(path):
    """The uncompressed numbers, checked against their digest."""
    with open(path, "rb") as file:
        packed = file.read()
    try:
        numbers = zlib.decompressobj().decompress(packed, _NBYTES + 1)
    except zlib.error as error:
        raise RuntimeError(f"digits: {path} is damaged ({error})\n  install the package again") from None
    found = hashlib.sha256(numbers).hexdigest()
    if found != _DIGEST:
        raise RuntimeError(f"digits: {path} is damaged\n  SHA-256 of its content: {found}\n  expected: {_DIGEST}\n  install the package again")
    return numbers
