"""Bodies and kernels of optable/random.py that are composed of fills. What is drawn in which order is the oracle's stream."""
import math

from frankentorch import ops
from frankentorch._ext import counts, create, gammas, random_ops
from frankentorch.ops.creation import check_layout, finish, is_meta, like, tag


def made(size, dtype, layout, device, memory_format=None, default=None):
    check_layout(layout)
    return create.empty(size, dtype or default or ops.get_default_dtype(), is_meta(device), tag(memory_format))


# ---- factories ----
def rand(size, generator, dtype, layout, device, pin_memory, requires_grad, memory_format):
    return finish(random_ops.uniform(made(size, dtype, layout, device, memory_format), 0.0, 1.0, generator), requires_grad)


def randn(size, generator, dtype, layout, device, pin_memory, requires_grad, memory_format):
    return finish(random_ops.normal(made(size, dtype, layout, device, memory_format), 0.0, 1.0, generator), requires_grad)


def randint_below(high, size, generator, dtype, layout, device, pin_memory, requires_grad):
    return randint(0, high, size, generator, dtype, layout, device, pin_memory, requires_grad)


def randint(low, high, size, generator, dtype, layout, device, pin_memory, requires_grad):
    return finish(random_ops.integers(made(size, dtype, layout, device, None, ops.int64), low, high, generator), requires_grad)


def randperm(n, generator, dtype, layout, device, pin_memory, requires_grad):
    if n < 0:
        raise RuntimeError(f"randperm: n must be non-negative, got {n}")
    dtype = dtype or ops.int64
    if dtype.is_floating_point and n > {"f16": (1 << 11) + 1, "bf16": (1 << 8) + 1, "f32": (1 << 24) + 1, "f64": (1 << 53) + 1}[dtype.code_name]:
        raise RuntimeError(f"randperm: n is too large for {dtype}, whose integers are not all exact up to {n}")
    return finish(random_ops.permutation(made((n,), dtype, layout, device), generator), requires_grad)


def rand_like(self, generator, dtype, layout, device, pin_memory, requires_grad, memory_format):
    return finish(random_ops.uniform(like(self, dtype, layout, device, memory_format), 0.0, 1.0, generator), requires_grad)


def randn_like(self, generator, dtype, layout, device, pin_memory, requires_grad, memory_format):
    return finish(random_ops.normal(like(self, dtype, layout, device, memory_format), 0.0, 1.0, generator), requires_grad)


def randint_like_below(self, high, *rest):
    return randint_like(self, 0, high if isinstance(high, int) else high.item(), *rest)


def randint_like(self, low, high, generator, dtype, layout, device, pin_memory, requires_grad, memory_format):
    return finish(random_ops.integers(like(self, dtype, layout, device, memory_format), low, high, generator), requires_grad)


# ---- normal ----
def normal_tensors(mean, std, generator):
    out = create.empty(tuple((mean if mean.shape == std.shape else mean + std).shape), mean.dtype, mean.is_meta, 1)
    check_std(std)
    random_ops.normal(out, 0.0, 1.0, generator)
    return out.mul_(std).add_(mean)


def normal_mean(mean, std, generator):
    return random_ops.normal(create.empty_like(mean, None, mean.is_meta, 1), 0.0, std, generator).add_(mean)


def normal_std(mean, std, generator):
    check_std(std)
    return random_ops.normal(create.empty_like(std, None, std.is_meta, 1), 0.0, 1.0, generator).mul_(std).add_(mean)


def check_std(std):
    if std.is_complex():
        raise RuntimeError("normal expects standard deviation to be non-complex")
    if not std.is_meta and std.numel() and not ops.all(std >= 0).item():
        raise RuntimeError("normal expects all elements of std >= 0.0")


def normal_sized(mean, std, size, generator, dtype, layout, device, pin_memory, requires_grad):
    return finish(random_ops.normal(made(size, dtype, layout, device), mean, std, generator), requires_grad)


# ---- draws by weights ----
def bernoulli(self, generator):
    return random_ops.bernoulli_each(create.empty_like(self, None, self.is_meta, 1), self, generator)


def bernoulli_p(self, p, generator):
    return random_ops.bernoulli(create.empty_like(self, None, self.is_meta, 1), p, generator)


def binomial(count, prob, generator):
    if not count.is_floating_point():
        raise ValueError(f"binomial only supports floating-point dtypes for count, got: {count.dtype}")
    if not prob.is_floating_point():
        raise ValueError(f"binomial only supports floating-point dtypes for prob, got: {prob.dtype}")
    if count.dtype != prob.dtype:
        raise RuntimeError(f"Found dtype {prob.dtype} but expected {count.dtype}")
    if count.dtype not in (ops.float32, ops.float64):
        raise NotImplementedError(f'"binomial_cpu" not implemented for {count.dtype}')
    if count.is_meta:
        raise NotImplementedError("binomial: numbers cannot be drawn on the meta device")
    return counts.binomial(*ops.broadcast_tensors(count, prob), generator)


def standard_gamma_grad(self, output):
    return slopes(self, output)


def dirichlet_grad(x, alpha, total):
    return slopes(x, alpha, total)


def slopes(*tensors):
    for other in tensors[1:]:
        if other.dtype != tensors[0].dtype:
            raise RuntimeError(f"Found dtype {other.dtype} but expected {tensors[0].dtype}")
    tensors = ops.broadcast_tensors(*tensors)
    return gammas.slopes(*tensors, *[None] * (3 - len(tensors)))


def multinomial(self, num_samples, replacement, generator):
    """Without replacement the k greatest of p / e, e exponential: the first arrivals of Poisson processes of rates p."""
    if not self.is_floating_point():
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {self.dtype}")
    if self.dim() not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > self.size(-1):
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if self.size(-1) > 1 << 24:
        raise RuntimeError("number of categories cannot exceed 2^24")
    if not replacement or num_samples == 1:
        if self.is_meta:
            return create.empty((*self.shape[:-1], num_samples), ops.int64, True, 1)
        check_weights(self)
        ratio = random_ops.exponential(create.empty_like(self, None, False, 0), 1.0, generator)
        ratio = ops.div(self, ratio)
        if num_samples == 1:
            return ops.argmax(ratio, -1, True)
        return ops.topk(ratio, num_samples)[1]
    return random_ops.choices(self, num_samples, generator)


def check_weights(weights):
    if not ops.all(ops.logical_and(weights >= 0, weights < math.inf)).item():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if weights.numel() and ops.any(ops.sum(weights, (-1,)) == 0).item():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")


# ---- dropout ----
def check_probability(p):
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")


def noise_for(input, feature):
    if not feature:
        return input.detach()
    if input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return ops.empty((*input.shape[:2], *[1] * (input.dim() - 2)), dtype=input.dtype, device=input.device)


def noise(self, keep):
    """self, whose values count for nothing, filled with 1 (of probability `keep`) and 0."""
    return random_ops.bernoulli(ops.empty_like(self), keep, None)


def with_noise(input, p, train, feature, apply):
    """`apply(input, noise)` with ones where elements are kept and zeros where they are dropped; what needs no draw is settled here."""
    check_probability(p)
    if p == 0 or not train or input.numel() == 0:
        return input
    if p == 1:
        return input * ops.zeros((), dtype=input.dtype, device=input.device)
    return apply(input, ops._noise(noise_for(input, feature), 1 - p))


def dropped(input, p, train, feature):
    return with_noise(input, p, train, feature, lambda input, noise: input * noise.div_(1 - p))


def alpha_dropped(input, p, train, feature):
    def apply(input, noise):
        # Klambauer et al. 2017, section 4: dropped elements become -alpha', and a x + b restores mean 0 and variance 1.
        alpha = 1.7580993408473766
        a = 1 / math.sqrt((alpha * alpha * p + 1) * (1 - p))
        b = noise.add(-1).mul_(alpha * a).add_(alpha * a * p)
        return input * noise.mul_(a) + b
    return with_noise(input, p, train, feature, apply)


def dropout(input, p, train):
    return dropped(input, p, train, False)


def feature_dropout(input, p, train):
    return dropped(input, p, train, True)


def alpha_dropout(input, p, train):
    return alpha_dropped(input, p, train, False)


def feature_alpha_dropout(input, p, train):
    return alpha_dropped(input, p, train, True)


def native_dropout(input, p, train):
    if input.numel() == 0 or train is False:
        return input.clone(), ops.ones_like(input, dtype=ops.bool)
    check_probability(p)
    mask = random_ops.bernoulli(ops.empty_like(input, dtype=ops.bool), 1 - p, None)
    return input * mask * (0 if p == 1 else 1 / (1 - p)), mask


def rrelu(self, lower, upper, training, generator):
    if lower > upper:
        raise RuntimeError(f"Lower bound should be less than or equal to the upper bound, got {lower} and {upper}")
    if not training:
        return ops.leaky_relu(self, (lower + upper) / 2)
    if self.is_meta:
        return self * 1
    # a slope is drawn for each non-positive element only, in row-major order
    cut = self.detach() <= 0
    slopes = ops.ones_like(self.detach(), dtype=ops.float64, memory_format=ops.contiguous_format)
    slopes[cut] = random_ops.uniform(ops.empty((int(cut.sum().item()),), dtype=ops.float64), float(lower), float(upper), generator)
    return ops._prelu_kernel(self.to(ops.float64), slopes).to(self.dtype)
