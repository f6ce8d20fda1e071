"""L-BFGS: quasi-Newton steps from a short history.

Direction: two-loop recursion, Nocedal and Wright, "Numerical Optimization", 2nd ed., algorithm 7.4. Line search: bracket,
then zoom with cubic interpolation, algorithms 3.5 and 3.6, with the safeguards that keep trial points away from the
ends of the bracket.
"""

from frankentorch import ops
from frankentorch.optim._scalar import number
from frankentorch.optim.optimizer import Optimizer, check_at_least, check_one_element

__all__ = ["LBFGS"]

_LEAST_CURVATURE = 1e-10  # of a pair of step and gradient change that may enter the history
_DECREASE = 1e-4  # of the first Wolfe condition
_CURVATURE = 0.9  # of the second
_MAX_TRIALS = 25


def _cubic_minimum(left, right, bounds=None):
    """Place of the least value of the cubic through two points with slopes, kept within `bounds`.

    A point is (place, value, slope, …). Nocedal and Wright, equation 3.59.
    """
    if left[0] > right[0]:
        left, right = right, left
    low, high = bounds or (left[0], right[0])
    first = left[2] + right[2] - 3 * (left[1] - right[1]) / (left[0] - right[0])
    square = first**2 - left[2] * right[2]
    if square < 0:
        return (low + high) / 2.0
    second = square**0.5
    place = right[0] - (right[0] - left[0]) * ((right[2] + second - first) / (right[2] - left[2] + 2 * second))
    return min(max(place, low), high)


class _LineSearch:
    """Search along a direction for a point that meets both strong Wolfe conditions.

    Points are tuples (place, loss, slope, flat gradient).
    """

    def __init__(self, evaluate, direction, loss, gradient, slope, tolerance_change, most_trials):
        self._evaluate = evaluate
        self._direction = direction
        self._reach = direction.abs().max().item()
        self._start = (0.0, loss, slope, gradient)
        self._tolerance = tolerance_change
        self._most_trials = most_trials
        self.evaluations = 0

    def _at(self, place):
        loss, gradient = self._evaluate(place, self._direction)
        self.evaluations += 1
        return place, loss, gradient.dot(self._direction).item(), gradient.clone()

    def _decreases(self, point):
        return point[1] <= self._start[1] + _DECREASE * point[0] * self._start[2]

    def _is_flat(self, point):
        return abs(point[2]) <= -_CURVATURE * self._start[2]

    def run(self, place):
        """The point found, beginning at `place`."""
        before = self._start
        point = self._at(place)
        trials = 0
        while trials < self._most_trials:
            if not self._decreases(point) or (trials > 1 and point[1] >= before[1]):
                return self._zoom([before, point], trials)
            if self._is_flat(point):
                return point
            if point[2] >= 0:
                return self._zoom([before, point], trials)
            step = point[0] - before[0]
            place = _cubic_minimum(before, point, (point[0] + 0.01 * step, point[0] * 10))
            before, point = point, self._at(place)
            trials += 1
        return self._zoom([self._start, point], trials)

    def _zoom(self, bracket, trials):
        """Narrow a bracket, ordered (better, worse), until its better end will do."""
        low, high = bracket if bracket[0][1] <= bracket[1][1] else bracket[::-1]
        near_end = False
        while trials < self._most_trials:
            width = abs(high[0] - low[0])
            if width * self._reach < self._tolerance:
                break
            place = _cubic_minimum(low, high)
            left, right = sorted((low[0], high[0]))
            margin = 0.1 * (right - left)
            if min(right - place, place - left) < margin:
                # Two trials near an end in a row, or one at the very end, and the point is moved inwards.
                if near_end or place >= right or place <= left:
                    place = right - margin if abs(place - right) < abs(place - left) else left + margin
                    near_end = False
                else:
                    near_end = True
            else:
                near_end = False
            point = self._at(place)
            trials += 1
            if not self._decreases(point) or point[1] >= low[1]:
                high = point
                if low[1] > high[1]:
                    low, high = high, low
                continue
            if self._is_flat(point):
                return point
            if point[2] * (high[0] - low[0]) >= 0:
                high = low
            low = point
        return low


class LBFGS(Optimizer):
    """Limited-memory BFGS over all parameters at once.

    Parameters
    ----------
    params : iterable
        Parameters; one group only.
    lr : float or Tensor of one element
        Step length, or first trial of the line search.
    max_iter : int
        Iterations in one `step`.
    max_eval : int, optional
        Evaluations of the closure in one `step`; default a quarter more than `max_iter`.
    tolerance_grad : float
        Stop when no element of the gradient is larger.
    tolerance_change : float
        Stop when neither parameters nor loss change by more.
    history_size : int
        Pairs kept.
    line_search_fn : {None, "strong_wolfe"}
    """

    def __init__(
        self, params, lr=1, max_iter=20, max_eval=None, tolerance_grad=1e-7, tolerance_change=1e-9, history_size=100,
        line_search_fn=None,
    ):  # fmt: skip
        check_one_element(lr)
        check_at_least("learning rate", lr)
        defaults = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    # ---- the parameters as one vector; complex ones as pairs of reals ----

    def _flat_gradient(self):
        pieces = []
        for param in self.param_groups[0]["params"]:
            if param.grad is None:
                piece = ops.zeros_like(param)
            else:
                piece = param.grad.to_dense() if param.grad.is_sparse else param.grad
            pieces.append((ops.view_as_real(piece) if piece.is_complex() else piece).reshape(-1))
        return ops.cat(pieces, 0)

    def _move(self, length, direction):
        offset = 0
        for param in self.param_groups[0]["params"]:
            pairs = ops.view_as_real(param) if param.is_complex() else param
            count = pairs.numel()
            pairs.add_(direction[offset : offset + count].reshape(tuple(pairs.shape)), alpha=length)
            offset += count

    def _evaluate(self, closure, length, direction):
        """Loss and gradient at a distance along `direction`; the parameters stay where they are."""
        params = self.param_groups[0]["params"]
        here = [param.clone() for param in params]
        self._move(length, direction)
        loss = float(closure())
        gradient = self._flat_gradient()
        for param, value in zip(params, here, strict=True):
            param.copy_(value)
        return loss, gradient

    # ---- the algorithm ----

    @staticmethod
    def _remember(state, gradient, group):
        """Take the last step and the change of the gradient along it into the history."""
        change = gradient.sub(state["prev_flat_grad"])
        step = state["d"].mul(state["t"])
        curvature = change.dot(step)
        if curvature > _LEAST_CURVATURE:
            for name, value in (("old_dirs", change), ("old_stps", step), ("ro", 1.0 / curvature)):
                if len(state[name]) == group["history_size"]:
                    state[name].pop(0)
                state[name].append(value)
            state["H_diag"] = curvature / change.dot(change)

    @staticmethod
    def _direction(state, gradient, group):
        """Minus the gradient times the approximate inverse Hessian, by the two-loop recursion."""
        changes, steps, inverses = state["old_dirs"], state["old_stps"], state["ro"]
        shares = state.setdefault("al", [None] * group["history_size"])
        direction = gradient.neg()
        for index in range(len(changes) - 1, -1, -1):
            shares[index] = steps[index].dot(direction) * inverses[index]
            direction.add_(changes[index], alpha=number(-shares[index]))
        direction = direction.mul(state["H_diag"])
        for index in range(len(changes)):
            correction = changes[index].dot(direction) * inverses[index]
            direction.add_(steps[index], alpha=number(shares[index] - correction))
        return direction

    def step(self, closure):
        """Iterate.

        Parameters
        ----------
        closure : callable
            Clears gradients, computes the loss, calls backward and returns the loss. Called many times.

        Returns
        -------
        The loss at the start, as `closure` gave it.
        """

        def recorded_closure():
            with ops.enable_grad():
                return closure()

        with ops.no_grad():
            return self._iterate(recorded_closure)

    def _iterate(self, closure):
        (group,) = self.param_groups
        lr, tolerance = number(group["lr"]), group["tolerance_change"]
        # One state for all parameters, under the first of them.
        state = self.state[group["params"][0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = closure()
        loss = float(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        gradient = self._flat_gradient()
        if gradient.abs().max() <= group["tolerance_grad"]:
            return first_loss
        iterations = 0
        while iterations < group["max_iter"]:
            iterations += 1
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                direction = gradient.neg()
                state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
                length = min(1.0, 1.0 / gradient.abs().sum().item()) * lr
            else:
                self._remember(state, gradient, group)
                direction = self._direction(state, gradient, group)
                length = lr
            state["prev_flat_grad"] = gradient.clone()
            state["d"], state["t"] = direction, length
            loss_before = state["prev_loss"] = loss
            slope = gradient.dot(direction).item()
            if slope > -tolerance:
                break
            used = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError(f"only 'strong_wolfe' is supported, got {group['line_search_fn']!r}")
                search = _LineSearch(
                    lambda place, along: self._evaluate(closure, place, along),
                    direction, loss, gradient, slope, tolerance,
                    min(_MAX_TRIALS, group["max_eval"] - evaluations),
                )  # fmt: skip
                length, loss, _, gradient = search.run(length)
                state["t"] = length
                self._move(length, direction)
                used = search.evaluations
            else:
                self._move(length, direction)
                if iterations != group["max_iter"]:  # the last gradient would not be used
                    loss = float(closure())
                    gradient = self._flat_gradient()
                    used = 1
            evaluations += used
            state["func_evals"] += used
            if (
                evaluations >= group["max_eval"]
                or gradient.abs().max() <= group["tolerance_grad"]
                or direction.mul(length).abs().max() <= tolerance
                or abs(loss - loss_before) < tolerance
            ):
                break
        return first_loss
