

def test_the_conjugate_of_a_real_tensor_is_the_tensor():
    x, z = ft.randn(3, requires_grad=True), ft.tensor([1 + 2j, -3j], requires_grad=True)

    assert ft.conj_physical(x) is x
    assert ft.conj_physical(z).data_ptr() != z.data_ptr()
    assert ft.conj_physical(z).tolist() == [1 - 2j, 3j]
    assert ft.tensor([1, 2]).conj_physical_().tolist() == [1, 2]
    assert ft.autograd.grad(ft.conj_physical(z), z, ft.tensor([1j, 2.0]))[0].tolist() == [-1j, 2.0]
