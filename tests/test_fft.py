"""Fourier transforms: values worked out by hand, laws that hold for any input, gradients against differences."""
import math

import pytest

import frankentorch as ft
from frankentorch import fft


def signal(*shape, dtype=None):
    return ft.randn(*shape, dtype=dtype or ft.float64, generator=ft.Generator().manual_seed(3))


def test_values_by_hand():
    assert fft.fft(ft.tensor([1.0, 0.0, 0.0, 0.0])).tolist() == [1, 1, 1, 1]
    assert fft.fft(ft.tensor([0.0, 1.0, 0.0, 0.0])).tolist() == [1, -1j, -1, 1j]
    assert fft.rfft(ft.tensor([1.0, 2.0, 3.0, 4.0])).tolist() == [10, -2 + 2j, -2]
    assert fft.irfft(ft.tensor([10, -2 + 2j, -2 + 0j])).tolist() == [1, 2, 3, 4]
    assert fft.fftfreq(5).tolist() == ft.tensor([0.0, 0.2, 0.4, -0.4, -0.2]).tolist()
    assert fft.rfftfreq(4, 0.5).tolist() == [0, 0.5, 1]
    assert fft.fftshift(ft.arange(5)).tolist() == [3, 4, 0, 1, 2]
    assert fft.ifftshift(fft.fftshift(ft.arange(6))).tolist() == list(range(6))


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("there, back, dtype", [("fft", "ifft", ft.complex128), ("fft2", "ifft2", ft.complex128), ("fftn", "ifftn", ft.complex128), ("rfft", "irfft", ft.float64),
                                                ("rfft2", "irfft2", ft.float64), ("rfftn", "irfftn", ft.float64), ("ihfft", "hfft", ft.float64), ("ihfftn", "hfftn", ft.float64)])
def test_there_and_back(there, back, dtype, norm):
    x = signal(3, 4, 6, dtype=dtype)
    y = getattr(fft, back)(getattr(fft, there)(x, norm=norm), norm=norm)

    assert y.dtype is x.dtype and ft.allclose(x, y, rtol=1e-12, atol=1e-12)


def test_ortho_keeps_the_norm():
    x = signal(64, dtype=ft.complex128)
    assert math.isclose(fft.fft(x, norm="ortho").norm().item(), x.norm().item(), rel_tol=1e-12)


def test_sizes_pad_and_trim():
    x = signal(5)
    assert ft.allclose(fft.fft(x, 8), fft.fft(ft.cat([x, ft.zeros(3, dtype=ft.float64)])))
    assert ft.allclose(fft.fft(x, 3), fft.fft(x[:3]))
    assert fft.irfft(signal(4, dtype=ft.complex128), 7).shape == (7,)


@pytest.mark.parametrize("call", [lambda x: fft.rfft(x, 5), lambda x: fft.irfft(x.to(ft.complex128), 6), lambda x: fft.irfft(x.to(ft.complex128), 5), lambda x: fft.fftn(x),
                                  lambda x: fft.hfft(x.to(ft.complex128)), lambda x: fft.rfftn(x, norm="forward"), lambda x: fft.ihfft(x)])
def test_gradient_is_the_adjoint(call):
    """For a linear map, <g, f(v)> = <grad, v> for any direction v."""
    x, v = signal(3, 4).requires_grad_(), signal(3, 4) + 1
    out = call(x)
    g = signal(*out.shape, dtype=out.dtype)
    (grad,) = ft.autograd.grad(out, x, g)
    with ft.no_grad():
        expected = (g.conj() * call(v)).sum()
    expected = expected.real if expected.is_complex() else expected
    assert ft.allclose((grad * v).sum(), expected, rtol=1e-10)


def test_refusals():
    with pytest.raises(RuntimeError, match="expects a real"):
        fft.rfft(ft.ones(3, dtype=ft.complex64))
    with pytest.raises(RuntimeError, match="Invalid number of data points"):
        fft.fft(ft.ones(3), 0)
    with pytest.raises(RuntimeError, match="Invalid normalization mode"):
        fft.fft(ft.ones(3), norm="none")
    with pytest.raises(RuntimeError, match="unique"):
        fft.fftn(ft.ones(3, 3), dim=(0, 0))
    with pytest.raises(IndexError, match="no dimensions"):
        fft.fft(ft.tensor(1.0))
